//! The members of a group are listed and killed one after the other; who was forked after the list was made is not on it.
//! nomad#14371, snapd#14513 (L44): to iterate and kill is a race with whoever forks.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;

pub(super) fn case() -> Case {
    Case::new("members_are_killed_one_by_one", "L44", OracleName::NoOrphan)
        .broken(|host| drop(host.spawn("stop", broken)))
        .twin(|host| drop(host.spawn("stop", twin)))
}

/// It forks now and then.
const SERVER: &str = "repeat 12 { sleep 5ms..25ms; spawn worker { hang } }; hang";

async fn broken(cx: TaskCx) {
    let server = start(&cx, "server", SERVER).await;
    cx.sleep(ms(100)).await;
    for member in server.members().await {
        // Who has gone meanwhile need not be killed.
        let _ = cx.process().kill_by_number(member.pid, Signal::KILL);
    }
    // Nobody withstands KILL for long.
    cx.sleep(ms(50)).await;
    server.wait().await;
}

async fn twin(cx: TaskCx) {
    let server = start(&cx, "server", SERVER).await;
    cx.sleep(ms(100)).await;
    server.kill();
    server.scope_empty().await;
    server.wait().await;
}
