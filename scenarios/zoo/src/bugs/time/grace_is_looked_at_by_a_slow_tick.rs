//! A stop promises an end within a second; whether the grace is over is looked at by a tick that comes three times in that second.
//! hive#266 (L101): a grace that is only checked every thirty seconds, so that 0 is not at once.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_core::time::{DurationRange, Instant};
use shakedown_core::vocab::WorkerState;

pub(super) fn case() -> Case {
    Case::new("grace_is_looked_at_by_a_slow_tick", "L101", OracleName::StopDeadline)
        .broken(|host| drop(host.spawn("stop", |cx| stop(cx, true))))
        .twin(|host| drop(host.spawn("stop", |cx| stop(cx, false))))
}

/// Seldom as slow as it may be.
const SERVER: &str = "on TERM { repeat 3 { sleep 0ms..350ms }; exit 0 }; hang";

/// When the stop is asked for; the ticks come at every 300 ms.
const REQUEST: DurationRange = DurationRange { min: ms(20), max: ms(600), grid: ms(1) };

/// Broken where the deadline waits for a tick.
async fn stop(cx: TaskCx, waits_for_a_tick: bool) {
    let server = start(&cx, "server", SERVER).await;
    tell_spawn(&cx, &server);
    tell_started(&cx, &server);
    cx.sleep(cx.draw(REQUEST)).await;
    let kill_at = cx.now().after(ms(900));
    tell_stop(&cx, &server, cx.now().after(ms(1_000)));
    signal(&cx, &server, Signal::TERM);
    let (mut looks_at, mut state) = (kill_at, WorkerState::Stopped);
    if waits_for_a_tick {
        let ticks = kill_at.as_nanos().div_ceil(300_000_000);
        looks_at = Instant::from_nanos(ticks * 300_000_000);
    }
    if cx.timeout(looks_at.since(cx.now()), server.exited()).await.is_err() {
        signal(&cx, &server, Signal::KILL);
        state = WorkerState::Killed;
    }
    let status = server.wait().await;
    tell_exited(&cx, &server, status);
    tell_end(&cx, &server, state, status, 0);
}
