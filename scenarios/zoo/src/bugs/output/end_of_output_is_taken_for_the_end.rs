//! A job that has closed its output is thought to be as good as over: after a moment of patience its end is told as a success.
//! node#9633, node-v0.x#2944 (L09): a child may close its output early; the kernel gives no fixed order of the two ends.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::{ExitStatus, WorkerState};

pub(super) fn case() -> Case {
    Case::new("end_of_output_is_taken_for_the_end", "L09", OracleName::TruthfulOutcome)
        .broken(|host| drop(host.spawn("run", |cx| run(cx, false))))
        .twin(|host| drop(host.spawn("run", |cx| run(cx, true))))
}

/// It tidies up when it has said all that it had to say.
const JOB: &str = "sleep 10ms..50ms; print done; close stdout; close stderr; repeat 3 { sleep 0ms..10ms }; exit 0";

async fn run(cx: TaskCx, is_patient: bool) {
    let job = start(&cx, "job", JOB).await;
    tell_spawn(&cx, &job);
    tell_started(&cx, &job);
    let delivered = drain(&cx, &job).await;
    let status = match cx.timeout(ms(25), job.wait()).await {
        Ok(status) => status,
        Err(_) if is_patient => job.wait().await,
        Err(_) => ExitStatus::Exited(0),
    };
    tell_exited(&cx, &job, status);
    tell_end(&cx, &job, WorkerState::Finished, status, delivered);
}
