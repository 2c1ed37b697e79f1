//! A stop that has sent KILL waits half a second more, and then tells an end that is likely and not known.
//! omadia#927 (L35): the backstop of a stop looks like the exit of the child, and an update goes on beside a database that lives.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_core::time::DurationRange;
use shakedown_core::vocab::{ExitStatus, Fact, Fault, FaultKind, WorkerState};
use std::sync::Arc;

pub(super) fn case() -> Case {
    Case::new("backstop_is_told_as_an_exit", "L35", OracleName::TruthfulOutcome)
        .faults(|| vec![Fault::new(FaultKind::Unkillable { by: Some(SLEEP) }, 0.02)])
        .broken(|host| drop(host.spawn("stop", |cx| stop(cx, false))))
        .twin(|host| drop(host.spawn("stop", |cx| stop(cx, true))))
}

/// How long it may stand in uninterruptible sleep.
const SLEEP: DurationRange = DurationRange { min: ms(100), max: ms(800), grid: ms(1) };

/// Right where it admits that it has given up.
async fn stop(cx: TaskCx, is_honest: bool) {
    let server = start(&cx, "server", "hang").await;
    tell_spawn(&cx, &server);
    tell_started(&cx, &server);
    cx.sleep(ms(20)).await;
    tell_stop(&cx, &server, cx.now().after(ms(1_000)));
    signal(&cx, &server, Signal::KILL);
    match cx.timeout(ms(500), server.wait()).await {
        Ok(status) => {
            tell_exited(&cx, &server, status);
            tell_end(&cx, &server, WorkerState::Killed, status, 0);
        }
        Err(_) if is_honest => {
            tell(&cx, &server, Fact::DrainAbandoned);
            let mut outcome = outcome(&cx, WorkerState::Killed, ExitStatus::Unknown, 0);
            outcome.output.abandoned = true;
            outcome.survivors = server.members().await;
            tell(&cx, &server, Fact::Ended(Arc::new(outcome)));
        }
        Err(_) => {
            let status = ExitStatus::Signalled { signal: Signal::KILL, core: false };
            tell_exited(&cx, &server, status);
            tell_end(&cx, &server, WorkerState::Killed, status, 0);
        }
    }
    server.wait().await;
}
