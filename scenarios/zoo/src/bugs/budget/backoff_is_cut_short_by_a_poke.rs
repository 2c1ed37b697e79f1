//! A server waits to be started again; whatever news wakes its keeper meanwhile ends the wait as well.
//! systemd#22257 (L96): what is meant to be slow is as quick as whoever disturbs it, and a storm comes through the backoff.

use crate::life::Life;
use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::sync::notify::Notify;
use shakedown_core::task::{TaskCx, select2};
use shakedown_core::time::DurationRange;
use shakedown_core::vocab::{Backoff, Body, Fact, RestartPolicy, RestartWhen, SessionSpec, WorkerSpec};

pub(super) fn case() -> Case {
    Case::new("backoff_is_cut_short_by_a_poke", "L96", OracleName::RestartBudget)
        .plan(plan)
        .broken(|host| drop(host.spawn("session", |cx| session(cx, false))))
        .twin(|host| drop(host.spawn("session", |cx| session(cx, true))))
}

fn plan() -> SessionSpec {
    let backoff = Backoff { initial: ms(10), factor_milli: 1_000, ..Backoff::default() };
    let restart = RestartPolicy { when: RestartWhen::OnFailure, budget: 9, backoff, ..RestartPolicy::default() };
    let server = WorkerSpec { restart, ..WorkerSpec::new("server", Body::Function(0)) };
    SessionSpec { workers: vec![server], ..SessionSpec::new("poked") }
}

/// When there is news.
const NEWS: DurationRange = DurationRange { min: ms(1), max: ms(900), grid: ms(1) };

/// Right where it looks at the clock again, whatever has woken it.
async fn session(cx: TaskCx, looks_at_the_clock: bool) {
    tell_session(&cx, Fact::Started { pid: None });
    let news = Notify::new();
    let told = news.clone();
    let teller = cx.spawn("news", |cx| async move {
        cx.sleep(cx.draw(NEWS)).await;
        told.notify_waiters();
    });
    for incarnation in 1..=4 {
        let server = Life::begin(&cx, 0, incarnation, "server", "sleep 100ms..190ms; exit 1").await;
        server.over(None).await;
        if incarnation == 4 {
            break;
        }
        let until = cx.now().after(ms(10));
        server.tell(Fact::Backoff { until });
        select2(&cx, cx.sleep_until(until), news.notified()).await;
        if looks_at_the_clock {
            cx.sleep_until(until).await;
        }
        server.tell(Fact::Restarted);
    }
    teller.abort();
    let _: Result<(), _> = teller.await;
    tell_session(&cx, Fact::SessionStopped);
}
