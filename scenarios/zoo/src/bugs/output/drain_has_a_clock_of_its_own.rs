//! The server has a second to end; its output then has half a second more, whatever is left of the first. A helper ends meanwhile, or not.
//! go#50436 (L02): one deadline for the process and one for its output, and nobody knows what both together promise.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_core::time::Duration;
use shakedown_core::vocab::WorkerState;

pub(super) fn case() -> Case {
    Case::new("drain_has_a_clock_of_its_own", "L02", OracleName::StopDeadline)
        .broken(|host| drop(host.spawn("stop", |cx| stop(cx, |_| DRAIN))))
        .twin(|host| drop(host.spawn("stop", |cx| stop(cx, |left| DRAIN.min(left)))))
}

const SERVER: &str = "
    spawn helper { on TERM ignore; sleep 300ms..1400ms; exit 0 }
    on TERM exit 0 after 100ms..990ms
    hang
";

const DRAIN: Duration = ms(500);

/// How long it drains is told by how much of the stop's time is left.
async fn stop(cx: TaskCx, within: fn(Duration) -> Duration) {
    let server = start(&cx, "server", SERVER).await;
    tell_spawn(&cx, &server);
    tell_started(&cx, &server);
    cx.sleep(ms(100)).await;
    let deadline = cx.now().after(ms(1_200));
    tell_stop(&cx, &server, deadline);
    signal(&cx, &server, Signal::TERM);
    let mut state = WorkerState::Stopped;
    if cx.timeout(ms(1_000), server.exited()).await.is_err() {
        signal(&cx, &server, Signal::KILL);
        state = WorkerState::Killed;
    }
    if cx.timeout(within(deadline.since(cx.now())), drain(&cx, &server)).await.is_err() {
        signal(&cx, &server, Signal::KILL);
        server.scope_empty().await;
        drain(&cx, &server).await;
        state = WorkerState::Killed;
    }
    server.scope_empty().await;
    let status = server.wait().await;
    tell_exited(&cx, &server, status);
    tell_end(&cx, &server, state, status, 0);
}
