//! A job that is stopped at a terminal, or freezes itself, is asked to end and is not told to go on: the question stays pending for ever.
//! daintree#9107, earlyoom#130 (L53): TERM does nothing to the stopped until CONT comes, and CONT has to come after it.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;

pub(super) fn case() -> Case {
    Case::new("frozen_job_is_asked_in_vain", "L53", OracleName::AllWaitsResolve)
        .broken(|host| drop(host.spawn("stop", |cx| stop(cx, false))))
        .twin(|host| drop(host.spawn("stop", |cx| stop(cx, true))))
}

/// It is seldom frozen that early.
const JOB: &str = "on TERM exit 0; repeat 3 { sleep 20ms..400ms }; freeze; hang";

async fn stop(cx: TaskCx, wakes_it: bool) {
    let job = start(&cx, "job", JOB).await;
    cx.sleep(ms(200)).await;
    job.signal_scope(Signal::TERM);
    if wakes_it {
        job.signal_scope(Signal::CONT);
    }
    job.wait().await;
}
