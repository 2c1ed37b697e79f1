//! The stop waits for the leader and takes its exit for the end of all, although a helper in its group is slower.
//! process-compose#520 (L38): the leader exits on TERM, which cancels the kill timer; its group lives on.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;

pub(super) fn case() -> Case {
    Case::new("leader_exit_ends_the_stop", "L38", OracleName::NoOrphan)
        .broken(|host| drop(host.spawn("stop", broken)))
        .twin(|host| drop(host.spawn("stop", twin)))
}

const SERVER: &str = "
    spawn helper { on TERM exit 0 after 1ms..60ms; hang }
    on TERM exit 0 after 1ms..60ms
    hang
";

async fn broken(cx: TaskCx) {
    let server = start(&cx, "server", SERVER).await;
    cx.sleep(ms(100)).await;
    server.signal_scope(Signal::TERM);
    if cx.timeout(ms(3_000), server.wait()).await.is_err() {
        server.kill();
        server.wait().await;
    }
}

async fn twin(cx: TaskCx) {
    let server = start(&cx, "server", SERVER).await;
    cx.sleep(ms(100)).await;
    server.signal_scope(Signal::TERM);
    if cx.timeout(ms(3_000), server.scope_empty()).await.is_err() {
        server.kill();
        server.scope_empty().await;
    }
    server.wait().await;
}
