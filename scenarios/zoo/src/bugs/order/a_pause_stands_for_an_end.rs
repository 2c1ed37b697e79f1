//! The api is asked to end, and the database 50 ms later: by then the api is over, mostly.
//! rustysd#24, process-compose#359 (L91): the order of a stop is kept by the order of the signals, and not by the ends.

use crate::life::{Life, tell_session_stop};
use crate::stage::*;
use shakedown_core::ids::WorkerId;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::{Body, Condition, Dependency, Fact, Requester, SessionSpec, WorkerSpec};

pub(super) fn case() -> Case {
    Case::new("a_pause_stands_for_an_end", "L91", OracleName::StopOrder)
        .plan(plan)
        .broken(|host| drop(host.spawn("session", |cx| session(cx, false))))
        .twin(|host| drop(host.spawn("session", |cx| session(cx, true))))
}

fn plan() -> SessionSpec {
    let worker = |name| WorkerSpec::new(name, Body::Function(0));
    let uses_db = vec![Dependency { on: WorkerId(0), until: Condition::Started }];
    let api = WorkerSpec { after: uses_db, ..worker("api") };
    SessionSpec { workers: vec![worker("db"), api], ..SessionSpec::new("shop") }
}

const API: &str = "on TERM { repeat 2 { sleep 1ms..26ms }; exit 0 }; hang";

/// Right where the database is asked when the api is over.
async fn session(cx: TaskCx, waits_for_the_end: bool) {
    tell_session(&cx, Fact::Started { pid: None });
    let db = Life::begin(&cx, 0, 1, "db", "on TERM exit 0; hang").await;
    let api = Life::begin(&cx, 1, 1, "api", API).await;
    cx.sleep(ms(50)).await;
    tell_session_stop(&cx, cx.now().after(ms(1_000)));
    api.stop(Requester::Parent, cx.now().after(ms(900)));
    let over = cx.spawn("api", |_| async move { api.over(Some(Requester::Parent)).await });
    if waits_for_the_end {
        over.await.expect("nobody aborts the wait");
        db.stop(Requester::Parent, cx.now().after(ms(900)));
    } else {
        cx.sleep(ms(50)).await;
        db.stop(Requester::Parent, cx.now().after(ms(900)));
        over.await.expect("nobody aborts the wait");
    }
    db.over(Some(Requester::Parent)).await;
    tell_session(&cx, Fact::SessionStopped);
}
