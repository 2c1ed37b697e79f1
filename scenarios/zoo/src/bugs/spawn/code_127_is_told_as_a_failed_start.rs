//! A job that exits with 127 is told not to have started, as if the shell had said so; yet 127 may be anybody's own code.
//! POSIX sh against direct exec (L63): StartFailed belongs to exec, and 126 and 127 to the program.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::{ExitStatus, Fact, Reason, WorkerState};
use std::sync::Arc;

pub(super) fn case() -> Case {
    Case::new("code_127_is_told_as_a_failed_start", "L63", OracleName::TruthfulOutcome)
        .broken(|host| drop(host.spawn("run", |cx| run(cx, true))))
        .twin(|host| drop(host.spawn("run", |cx| run(cx, false))))
}

/// Broken where it knows better than exec.
async fn run(cx: TaskCx, knows_better: bool) {
    // It counts in its code what it could not do.
    let script = format!("sleep 1ms..9ms; exit {}", 64 + cx.pick(64));
    let job = start(&cx, "job", &script).await;
    tell_spawn(&cx, &job);
    tell_started(&cx, &job);
    let status = job.wait().await;
    tell_exited(&cx, &job, status);
    tell(&cx, &job, Fact::OutputClosed);
    let mut outcome = outcome(&cx, WorkerState::Failed, status, 0);
    if knows_better && matches!(status, ExitStatus::Exited(126 | 127)) {
        outcome.reason = Reason::StartFailed;
    }
    tell(&cx, &job, Fact::Ended(Arc::new(outcome)));
}
