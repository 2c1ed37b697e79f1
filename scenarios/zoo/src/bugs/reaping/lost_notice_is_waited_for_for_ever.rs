//! The end of the job is waited for once; where the notice of it is lost, nobody asks again.
//! tokio#6953 (L21): a forked parent inherits a stale signal pipe, and a wait never resolves although the child is long dead.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::{Fault, FaultKind};

pub(super) fn case() -> Case {
    Case::new("lost_notice_is_waited_for_for_ever", "L21", OracleName::AllWaitsResolve)
        .faults(|| vec![Fault::new(FaultKind::EventLost, 0.01)])
        .broken(|host| drop(host.spawn("run", broken)))
        .twin(|host| drop(host.spawn("run", twin)))
}

const JOB: &str = "sleep 1ms..20ms; exit 0";

async fn broken(cx: TaskCx) {
    start(&cx, "job", JOB).await.wait().await;
}

async fn twin(cx: TaskCx) {
    let job = start(&cx, "job", JOB).await;
    // Each attempt looks at what is, before it waits for what comes.
    while cx.timeout(ms(1_000), job.wait()).await.is_err() {}
}
