//! The job is waited for as long as it keeps its time; where it has to be killed, seeing nobody alive is thought to be enough.
//! tokio#2685 (L19): a child whose handle is dropped before its end was collected stays a zombie.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::TaskCx;
use shakedown_sim::WorldConfig;

pub(super) fn case() -> Case {
    Case {
        name: "killed_child_is_never_waited_for",
        bug: "L19",
        caught_by: Caught::By(OracleName::NoZombie),
        config: WorldConfig::default(),
        plan: None,
        faults: None,
        broken: |host| drop(host.spawn("run", broken)),
        twin: |host| drop(host.spawn("run", twin)),
    }
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
