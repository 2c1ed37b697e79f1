//! The stop asks the leader to end, reads its output to the end, and only then waits with a deadline; a helper keeps the output open.
//! snip#120, PatchMon#992 (L03): a deadline for the exit is worth nothing to who reads to the end of output before.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::{Process, TaskCx};
use shakedown_core::vocab::WorkerState;

pub(super) fn case() -> Case {
    Case::new("reads_before_it_arms_the_deadline", "L03", OracleName::StopDeadline)
        .broken(|host| drop(host.spawn("stop", broken)))
        .twin(|host| drop(host.spawn("stop", twin)))
}

/// The helper ends by itself, mostly in time.
const JOB: &str = "
    on TERM exit 0
    spawn helper { repeat 3 { sleep 0ms..400ms }; exit 0 }
    hang
";

async fn begin(cx: &TaskCx) -> Process {
    let job = start(cx, "job", JOB).await;
    tell_spawn(cx, &job);
    tell_started(cx, &job);
    cx.sleep(ms(50)).await;
    tell_stop(cx, &job, cx.now().after(ms(900)));
    signal_leader(cx, &job, Signal::TERM);
    job
}

async fn over(cx: TaskCx, job: Process, state: WorkerState) {
    let status = job.wait().await;
    tell_exited(&cx, &job, status);
    tell_end(&cx, &job, state, status, 0);
}

async fn broken(cx: TaskCx) {
    let job = begin(&cx).await;
    drain(&cx, &job).await;
    if cx.timeout(ms(800), job.scope_empty()).await.is_err() {
        signal(&cx, &job, Signal::KILL);
        job.scope_empty().await;
    }
    over(cx, job, WorkerState::Stopped).await;
}

async fn twin(cx: TaskCx) {
    let job = begin(&cx).await;
    let drained = cx.timeout(ms(800), async {
        drain(&cx, &job).await;
        job.scope_empty().await;
    });
    let mut state = WorkerState::Stopped;
    if drained.await.is_err() {
        signal(&cx, &job, Signal::KILL);
        job.scope_empty().await;
        drain(&cx, &job).await;
        state = WorkerState::Killed;
    }
    over(cx, job, state).await;
}
