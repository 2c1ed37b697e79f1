//! The waiter tells the end, and so does the timer of the stop where its time was up before.
//! actions/runner#1309 (L119): the soft-kill timer races the outer stop timer and the step is completed twice.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::{Process, TaskCx};
use shakedown_core::vocab::{ExitStatus, WorkerState};

pub(super) fn case() -> Case {
    Case::new("two_timers_own_the_stop", "L119", OracleName::OneTerminalEvent)
        .broken(|host| drop(host.spawn("stop", broken)))
        .twin(|host| drop(host.spawn("stop", twin)))
}

async fn begin(cx: &TaskCx) -> Process {
    let step = start(cx, "step", "on TERM exit 0 after 10ms..110ms; hang").await;
    tell_spawn(cx, &step);
    tell_started(cx, &step);
    cx.sleep(ms(50)).await;
    tell_stop(cx, &step, cx.now().after(ms(1_000)));
    step.signal(Signal::TERM);
    step
}

/// Waits for the step and tells its end.
async fn wait(cx: TaskCx, step: Process) -> ExitStatus {
    let status = step.wait().await;
    tell_exited(&cx, &step, status);
    tell_end(&cx, &step, WorkerState::Stopped, status, 0);
    status
}

async fn broken(cx: TaskCx) {
    let step = begin(&cx).await;
    let waited = step.clone();
    let mut waiter = cx.spawn("waiter", |cx| wait(cx, waited));
    if cx.timeout(ms(100), &mut waiter).await.is_err() {
        let status = waiter.await.expect("nobody aborts the waiter");
        tell_terminal(&cx, &step, WorkerState::Stopped, status, 0);
    }
}

async fn twin(cx: TaskCx) {
    let step = begin(&cx).await;
    let waited = step.clone();
    let mut waiter = cx.spawn("waiter", |cx| wait(cx, waited));
    if cx.timeout(ms(100), &mut waiter).await.is_err() {
        waiter.await.expect("nobody aborts the waiter");
    }
}
