//! The exit code of a process that a signal ended does not exist, and `unwrap_or(0)` makes a success of it.
//! podman#22641 (L83): the status is not known, and a guess is put in its place.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::{ExitStatus, WorkerState};

pub(super) fn case() -> Case {
    Case::new("death_by_signal_is_told_as_exit_0", "L83", OracleName::TruthfulOutcome)
        .broken(|host| drop(host.spawn("stop", |cx| stop(cx, |status| ExitStatus::Exited(code(status).unwrap_or(0))))))
        .twin(|host| drop(host.spawn("stop", |cx| stop(cx, |status| status))))
}

/// What most libraries give of a status.
fn code(status: ExitStatus) -> Option<u8> {
    match status {
        ExitStatus::Exited(code) => Some(code),
        ExitStatus::Signalled { .. } | ExitStatus::Unknown => None,
    }
}

/// The server needs a moment until it handles TERM: stopped before, it dies of it.
async fn stop(cx: TaskCx, told: fn(ExitStatus) -> ExitStatus) {
    let server = start(&cx, "server", "sleep 0ms..22ms; on TERM exit 0 after 1ms..5ms; hang").await;
    tell_spawn(&cx, &server);
    tell_started(&cx, &server);
    cx.sleep(ms(20)).await;
    tell_stop(&cx, &server, cx.now().after(ms(1_000)));
    server.signal(Signal::TERM);
    let status = told(server.wait().await);
    tell_exited(&cx, &server, status);
    tell_end(&cx, &server, WorkerState::Stopped, status, 0);
}
