//! Everybody in the group is killed and waited for; a helper that has called setsid is in another group by then.
//! dumb-init#191 (L42): a descendant leaves its group with setsid and no group signal reaches it.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::Scope;

pub(super) fn case() -> Case {
    Case::new("kill_reaches_only_the_group", "L42", OracleName::NoOrphan)
        .broken(|host| drop(host.spawn("run", |cx| run(cx, Scope::Group))))
        .twin(|host| drop(host.spawn("run", |cx| run(cx, Scope::Tree))))
}

/// Broken where the scope is the group, right where it is the tree.
async fn run(cx: TaskCx, scope: Scope) {
    let job = start_in(&cx, "job", "spawn helper { sleep 0ms..40ms; setsid; hang }; hang", scope).await;
    cx.sleep(ms(20)).await;
    job.kill();
    job.scope_empty().await;
    job.wait().await;
}
