//! A job that is stopped at a terminal, or freezes itself, is asked to end and is not told to go on: the question stays pending for ever.
//! daintree#9107, earlyoom#130 (L53): TERM does nothing to the stopped until CONT comes, and CONT has to come after it.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_core::time::DurationRange;

pub(super) fn case() -> Case {
    Case::new("frozen_job_is_asked_in_vain", "L53", OracleName::AllWaitsResolve)
        .broken(|host| drop(host.spawn("stop", |cx| stop(cx, false))))
        .twin(|host| drop(host.spawn("stop", |cx| stop(cx, true))))
}

const JOB: &str = "on TERM exit 0; sleep 200ms; freeze; hang";

/// Until it is asked to end. Three of them are seldom long enough for it to be frozen.
const PAUSE: DurationRange = DurationRange { min: ms(20), max: ms(70), grid: ms(1) };

async fn stop(cx: TaskCx, wakes_it: bool) {
    let job = start(&cx, "job", JOB).await;
    for _ in 0..3 {
        cx.sleep(cx.draw(PAUSE)).await;
    }
    job.signal_scope(Signal::TERM);
    if wakes_it {
        job.signal_scope(Signal::CONT);
    }
    job.wait().await;
}
