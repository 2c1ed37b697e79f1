//! A start is told as soon as it is asked for; where the program then cannot be executed, something has failed that was up already.
//! systemd#10024, #2309 (L61): `started` is reported after fork, and exec fails a moment later.

use crate::stage::*;
use shakedown_core::ids::WorkerId;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::{Errno, Fact, Fault, FaultKind, Outcome, Reason, WorkerState};
use std::sync::Arc;

pub(super) fn case() -> Case {
    Case::new("started_is_told_before_exec", "L61", OracleName::TruthfulOutcome)
        .faults(|| vec![Fault::new(FaultKind::ExecFails { errno: Errno::ENOENT }, 0.002)])
        .broken(|host| drop(host.spawn("run", |cx| run(cx, false))))
        .twin(|host| drop(host.spawn("run", |cx| run(cx, true))))
}

/// Right where nothing is told to have started that does not execute.
async fn run(cx: TaskCx, waits_for_exec: bool) {
    let since = cx.now();
    let tell_start = |pid| cx.emit(Some(WorkerId(0)), 1, None, Fact::Started { pid });
    cx.emit(Some(WorkerId(0)), 1, None, Fact::Spawn);
    if !waits_for_exec {
        tell_start(None);
    }
    match cx.process().start(spec("job", "sleep 1ms..9ms; exit 0")).await {
        Ok(job) => {
            if waits_for_exec {
                tell_start(Some(job.pid().as_raw()));
            }
            let status = job.wait().await;
            tell_exited(&cx, &job, status);
            tell_end(&cx, &job, WorkerState::Finished, status, 0);
        }
        Err(error) => {
            let mut outcome = Outcome::unborn(1, WorkerState::Failed, Reason::StartFailed, since, cx.now());
            outcome.start_error = Some(error.failure);
            cx.emit(Some(WorkerId(0)), 1, None, Fact::Ended(Arc::new(outcome)));
        }
    }
}
