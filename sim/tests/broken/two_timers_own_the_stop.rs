//! The waiter tells the end, and so does the timer of the stop when its time is up; at the deadline both do.
//! actions/runner#1309 (L119): the soft-kill timer races the outer stop timer and the step is completed twice.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::{Process, TaskCx};
use shakedown_core::vocab::{ExitStatus, WorkerState};
use shakedown_sim::WorldConfig;

pub fn case() -> Case {
    Case {
        name: "two_timers_own_the_stop",
        bug: "L119",
        caught_by: OracleName::OneTerminalEvent,
        config: WorldConfig::default(),
        broken: |host| drop(host.spawn("stop", broken)),
        twin: |host| drop(host.spawn("stop", twin)),
    }
}

async fn begin(cx: &TaskCx) -> Process {
    let step = start(cx, "step", "on TERM exit 0 after 10ms..100ms; hang").await;
    tell_spawn(cx, &step);
    tell_started(cx, &step);
    cx.sleep(ms(50)).await;
    tell_stop(cx, &step, cx.now().after(ms(1_000)));
    step.signal(Signal::TERM);
    step
}

/// How a step that was asked to end is told.
fn stopped(cx: &TaskCx, step: &Process, status: ExitStatus) {
    tell_end(cx, step, WorkerState::Stopped, status, 0);
}

async fn broken(cx: TaskCx) {
    let step = begin(&cx).await;
    let waited = step.clone();
    let waiter = cx.spawn("waiter", |cx| async move {
        let status = waited.wait().await;
        tell_exited(&cx, &waited, status);
        stopped(&cx, &waited, status);
    });
    cx.sleep(ms(100)).await;
    if !waiter.is_over() {
        let status = step.wait().await;
        stopped(&cx, &step, status);
    }
    waiter.await.expect("nobody aborts the waiter");
}

async fn twin(cx: TaskCx) {
    let step = begin(&cx).await;
    let waited = step.clone();
    let waiter = cx.spawn("waiter", |_| async move { waited.wait().await });
    let status = waiter.await.expect("nobody aborts the waiter");
    tell_exited(&cx, &step, status);
    stopped(&cx, &step, status);
}
