//! The stop promises two seconds; a server that does not end is asked again, and each time the whole grace begins from the start.
//! jenkins durable-task#545 (L119): each step of the stop starts a clock of its own, so that nobody keeps the promise.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::{Process, TaskCx};
use shakedown_core::time::Instant;
use shakedown_core::vocab::{ExitStatus, Fact, Requester, Target, WorkerState};

pub(super) fn case() -> Case {
    Case::new("each_retry_starts_the_grace_anew", "L119", OracleName::StopDeadline)
        .broken(|host| drop(host.spawn("stop", broken)))
        .twin(|host| drop(host.spawn("stop", twin)))
}

async fn begin(cx: &TaskCx) -> (Process, Instant) {
    let server = start(cx, "server", "on TERM exit 0 after 100ms..2100ms; hang").await;
    tell_spawn(cx, &server);
    tell_started(cx, &server);
    cx.sleep(ms(100)).await;
    let deadline = cx.now().after(ms(2_000));
    tell_stop(cx, &server, deadline);
    (server, deadline)
}

fn signal(cx: &TaskCx, server: &Process, signal: Signal) {
    tell(cx, server, Fact::Signalled { signal, target: Target::Scope, by: Requester::User });
    server.signal_scope(signal);
}

fn over(cx: &TaskCx, server: &Process, state: WorkerState, status: ExitStatus) {
    tell_exited(cx, server, status);
    tell_end(cx, server, state, status, 0);
}

async fn broken(cx: TaskCx) {
    let (server, _) = begin(&cx).await;
    for _ in 0..3 {
        signal(&cx, &server, Signal::TERM);
        if let Ok(status) = cx.timeout(ms(1_000), server.wait()).await {
            return over(&cx, &server, WorkerState::Stopped, status);
        }
    }
    signal(&cx, &server, Signal::KILL);
    let status = server.wait().await;
    over(&cx, &server, WorkerState::Killed, status);
}

async fn twin(cx: TaskCx) {
    let (server, deadline) = begin(&cx).await;
    let kill_at = deadline.before(ms(100));
    while cx.now() < kill_at {
        signal(&cx, &server, Signal::TERM);
        let left = kill_at.since(cx.now()).min(ms(1_000));
        if let Ok(status) = cx.timeout(left, server.wait()).await {
            return over(&cx, &server, WorkerState::Stopped, status);
        }
    }
    signal(&cx, &server, Signal::KILL);
    let status = server.wait().await;
    over(&cx, &server, WorkerState::Killed, status);
}
