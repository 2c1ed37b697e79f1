//! The monitor tells the end of its worker; a stop that gives up on the monitor kills the worker and tells nothing in its place.
//! podman#19629 (L83): the monitor is killed, the exit is never told, and the container is `stopping` for ever.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::{Process, TaskCx};
use shakedown_core::vocab::{Fact, Requester, Target, WorkerState};

pub(super) fn case() -> Case {
    Case::new("watcher_is_gone_and_nobody_speaks", "L83", OracleName::OneTerminalEvent)
        .broken(|host| drop(host.spawn("stop", |cx| stop(cx, AfterKill::SayNothing))))
        .twin(|host| drop(host.spawn("stop", |cx| stop(cx, AfterKill::SpeakForIt))))
}

/// What is told of a worker whose monitor was given up.
#[derive(Clone, Copy)]
enum AfterKill {
    SayNothing,
    SpeakForIt,
}

async fn monitor(cx: TaskCx, worker: Process) {
    let status = worker.wait().await;
    tell_exited(&cx, &worker, status);
    tell_end(&cx, &worker, WorkerState::Finished, status, 0);
}

async fn stop(cx: TaskCx, after_kill: AfterKill) {
    tell_session(&cx, Fact::Started { pid: None });
    let worker = start(&cx, "worker", "sleep 10ms..110ms; exit 0").await;
    tell_spawn(&cx, &worker);
    tell_started(&cx, &worker);
    let watched = worker.clone();
    let mut monitor = cx.spawn("monitor", |cx| monitor(cx, watched));
    if cx.timeout(ms(100), &mut monitor).await.is_err() {
        monitor.abort();
        tell(&cx, &worker, Fact::Signalled { signal: Signal::KILL, target: Target::Scope, by: Requester::Deadline });
        worker.kill();
        let status = worker.wait().await;
        match after_kill {
            AfterKill::SayNothing => {}
            AfterKill::SpeakForIt => {
                tell_exited(&cx, &worker, status);
                tell_end(&cx, &worker, WorkerState::Killed, status, 0);
            }
        }
    }
    tell_session(&cx, Fact::SessionStopped);
}
