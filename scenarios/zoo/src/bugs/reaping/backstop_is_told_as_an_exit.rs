//! A stop that has sent KILL waits half a second more, and then tells an end that is likely and not known.
//! omadia#927 (L35): the backstop of a stop looks like the exit of the child, and an update goes on beside a database that lives.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_core::time::{Duration, DurationRange};
use shakedown_core::vocab::{ExitStatus, Fault, FaultKind, WorkerState};

pub(super) fn case() -> Case {
    Case::new("backstop_is_told_as_an_exit", "L35", OracleName::TruthfulOutcome)
        .faults(|| vec![Fault::new(FaultKind::Unkillable { by: Some(SLEEP) }, 0.02)])
        .broken(|host| drop(host.spawn("stop", |cx| stop(cx, ms(500)))))
        .twin(|host| drop(host.spawn("stop", |cx| stop(cx, ms(950)))))
}

/// How long it may stand in uninterruptible sleep.
const SLEEP: DurationRange = DurationRange { min: ms(100), max: ms(800), grid: ms(1) };

/// Right where the backstop leaves it all the time that the stop has.
async fn stop(cx: TaskCx, backstop: Duration) {
    let server = start(&cx, "server", "hang").await;
    tell_spawn(&cx, &server);
    tell_started(&cx, &server);
    cx.sleep(ms(20)).await;
    tell_stop(&cx, &server, cx.now().after(ms(1_000)));
    signal(&cx, &server, Signal::KILL);
    let killed = ExitStatus::Signalled { signal: Signal::KILL, core: false };
    let status = cx.timeout(backstop, server.wait()).await.unwrap_or(killed);
    tell_exited(&cx, &server, status);
    tell_end(&cx, &server, WorkerState::Killed, status, 0);
    server.wait().await;
}
