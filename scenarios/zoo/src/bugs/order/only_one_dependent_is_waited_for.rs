//! A stop asks api and jobs to end, and the database that both use when the first of them is over; the other still writes to it.
//! process-compose#145, docker/compose#2619 (L91): of several dependents the stop order knows only one.

use crate::life::{Life, tell_session_stop};
use crate::stage::*;
use shakedown_core::ids::WorkerId;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::{Body, Condition, Dependency, Fact, Requester, SessionSpec, WorkerSpec};

pub(super) fn case() -> Case {
    Case::new("only_one_dependent_is_waited_for", "L91", OracleName::StopOrder)
        .plan(plan)
        .broken(|host| drop(host.spawn("session", |cx| session(cx, false))))
        .twin(|host| drop(host.spawn("session", |cx| session(cx, true))))
}

fn plan() -> SessionSpec {
    let worker = |name| WorkerSpec::new(name, Body::Function(0));
    let uses_db = vec![Dependency { on: WorkerId(0), until: Condition::Started }];
    let [api, jobs] = ["api", "jobs"].map(|name| WorkerSpec { after: uses_db.clone(), ..worker(name) });
    SessionSpec { workers: vec![worker("db"), api, jobs], ..SessionSpec::new("shop") }
}

/// Broken where the database does not wait for both.
async fn session(cx: TaskCx, waits_for_both: bool) {
    tell_session(&cx, Fact::Started { pid: None });
    let db = Life::begin(&cx, 0, 1, "db", "on TERM exit 0; hang").await;
    let api = Life::begin(&cx, 1, 1, "api", "on TERM exit 0 after 10ms..60ms; hang").await;
    let jobs = Life::begin(&cx, 2, 1, "jobs", "on TERM exit 0 after 1ms..20ms; hang").await;
    cx.sleep(ms(50)).await;
    tell_session_stop(&cx, cx.now().after(ms(1_000)));
    let mut jobs = cx.spawn("stop of jobs", |cx| stop(cx, jobs));
    stop(cx.clone(), api).await;
    if waits_for_both {
        (&mut jobs).await.expect("nobody aborts a stop");
        stop(cx.clone(), db).await;
    } else {
        stop(cx.clone(), db).await;
        jobs.await.expect("nobody aborts a stop");
    }
    tell_session(&cx, Fact::SessionStopped);
}

async fn stop(cx: TaskCx, worker: Life) {
    worker.stop(Requester::Parent, cx.now().after(ms(1_000)));
    worker.over(Some(Requester::Parent)).await;
}
