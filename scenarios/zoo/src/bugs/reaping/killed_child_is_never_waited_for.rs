//! The job is waited for as long as it keeps its time; where it has to be killed, seeing nobody alive is thought to be enough.
//! tokio#2685 (L19): a child whose handle is dropped before its end was collected stays a zombie.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::TaskCx;

pub(super) fn case() -> Case {
    Case::new("killed_child_is_never_waited_for", "L19", OracleName::NoZombie)
        .broken(|host| drop(host.spawn("run", broken)))
        .twin(|host| drop(host.spawn("run", twin)))
}

const JOB: &str = "sleep 50ms..110ms; exit 0";

async fn broken(cx: TaskCx) {
    let job = start(&cx, "job", JOB).await;
    if cx.timeout(ms(100), job.wait()).await.is_err() {
        job.kill();
        job.scope_empty().await;
    }
}

async fn twin(cx: TaskCx) {
    let job = start(&cx, "job", JOB).await;
    if cx.timeout(ms(100), job.wait()).await.is_err() {
        job.kill();
        job.scope_empty().await;
        job.wait().await;
    }
}
