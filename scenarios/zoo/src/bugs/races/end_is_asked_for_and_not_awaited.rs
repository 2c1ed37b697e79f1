//! A supervisor was killed. The next one asks whatever that has left to end, and starts its own copy at once.
//! nomad#632 (L116): the old task is still running when the new one comes up.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_core::time::DurationRange;

pub(super) fn case() -> Case {
    Case::new("end_is_asked_for_and_not_awaited", "L116", OracleName::RecoveryConverges)
        .broken(|host| begin(host, false))
        .twin(|host| begin(host, true))
}

/// The helper does not die with the supervisor: it is a child's child.
const SERVER: &str = "spawn helper { on TERM exit 0 after 1ms..20ms; hang }; hang";
const LIFE: DurationRange = DurationRange { min: ms(0), max: ms(50), grid: ms(1) };

fn begin(host: &mut Stage, waits: bool) {
    host.after_crash(move |host| drop(host.spawn("the next", move |cx| second(cx, waits))));
    host.spawn("the first", first);
}

async fn first(cx: TaskCx) {
    let server = start(&cx, "server", SERVER).await;
    cx.sleep(cx.draw(LIFE)).await;
    cx.crash_host();
    server.wait().await;
}

async fn second(cx: TaskCx, waits: bool) {
    let left = || cx.process().leftovers(0).expect("the case has no fault");
    for who in left() {
        // Who is gone meanwhile need not be asked.
        let _ = cx.process().signal_leftover(&who, Signal::TERM);
    }
    // The helper may not have come to its handler when the first look is taken, and it may not be born.
    while waits && !left().is_empty() {
        cx.sleep(ms(5)).await;
    }
    let copy = start(&cx, "server", SERVER).await;
    cx.sleep(ms(100)).await;
    copy.kill();
    copy.scope_empty().await;
    copy.wait().await;
}
