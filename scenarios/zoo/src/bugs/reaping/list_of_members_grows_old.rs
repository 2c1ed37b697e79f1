//! The members of a group are listed, and each is killed by its number when its turn comes; by then a number may be a stranger's.
//! nomad#14371 (L44): pids are recycled between the iterations of a loop that kills them.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_sim::WorldConfig;
use shakedown_sim::kernel::KernelConfig;

pub(super) fn case() -> Case {
    let kernel = KernelConfig { pid_max: 10, ..KernelConfig::default() };
    Case::new("list_of_members_grows_old", "L44", OracleName::NoForeignSignal)
        .config(WorldConfig { kernel, ..WorldConfig::default() })
        .broken(|host| drop(host.spawn("stop", |cx| stop(cx, false))))
        .twin(|host| drop(host.spawn("stop", |cx| stop(cx, true))))
}

/// Its workers end by themselves sooner or later, and are reaped by it.
const SERVER: &str = "repeat 2 { spawn worker { sleep 40ms..90ms; exit 0 } }; wait all; hang";

/// Right where it is the group that is killed, by its handle.
async fn stop(cx: TaskCx, has_a_handle: bool) {
    let server = start(&cx, "server", SERVER).await;
    let others = cx.spawn("others", |cx| async move {
        for _ in 0..8 {
            start(&cx, "other", "sleep 5ms..15ms; exit 0").await.wait().await;
        }
    });
    cx.sleep(ms(50)).await;
    let members = if has_a_handle { Vec::new() } else { server.members().await };
    for member in members.iter().rev() {
        // What is to be killed is written to a log before.
        cx.sleep(ms(4)).await;
        // Who has gone meanwhile need not be killed.
        let _ = cx.process().kill_by_number(member.pid, Signal::KILL);
    }
    server.kill();
    server.scope_empty().await;
    server.wait().await;
    others.await.expect("nobody aborts the others");
}
