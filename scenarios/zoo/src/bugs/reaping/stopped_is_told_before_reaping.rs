//! The session tells its end as soon as its worker is seen dead, and reaps it afterwards; who hears `stopped` may find the zombie.
//! boxlite#523 (L25): two places reap, and each trusts the other to have done it.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::{Fact, WorkerState};

pub(super) fn case() -> Case {
    Case::new("stopped_is_told_before_reaping", "L25", OracleName::NoZombie)
        .broken(|host| drop(host.spawn("run", |cx| run(cx, Reap::Afterwards))))
        .twin(|host| drop(host.spawn("run", |cx| run(cx, Reap::Before))))
}

/// When the worker is reaped: before or after the session has told its end.
#[derive(Clone, Copy, PartialEq)]
enum Reap {
    Before,
    Afterwards,
}

async fn run(cx: TaskCx, reap: Reap) {
    tell_session(&cx, Fact::Started { pid: None });
    let worker = start(&cx, "worker", "sleep 1ms..20ms; exit 0").await;
    tell_spawn(&cx, &worker);
    tell_started(&cx, &worker);
    let status = worker.exited().await.status;
    if reap == Reap::Before {
        worker.wait().await;
    }
    tell_exited(&cx, &worker, status);
    tell_end(&cx, &worker, WorkerState::Finished, status, 0);
    tell_session(&cx, Fact::SessionStopped);
    worker.wait().await;
}
