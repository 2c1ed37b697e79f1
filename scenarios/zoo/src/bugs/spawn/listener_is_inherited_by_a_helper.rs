//! A server that has ended is started again at once; its port is still bound, by a helper that was born with a copy of the socket.
//! mongoose#1302, amule#552, toit#3106 (L66): a listening descriptor leaks into a child, and the next start finds the port taken.

use crate::stage::*;
use shakedown_core::puppet::PORT_TAKEN;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::ExitStatus;

pub(super) fn case() -> Case {
    Case::new("listener_is_inherited_by_a_helper", "L66", Caught::Panic)
        .broken(|host| drop(host.spawn("restart", |cx| restart(cx, false))))
        .twin(|host| drop(host.spawn("restart", |cx| restart(cx, true))))
}

const SERVER: &str = "
    listen 8080
    spawn helper { close stdout; close stderr; on TERM exit 0 after 1ms..30ms; hang }
    on TERM exit 0 after 20ms..60ms
    hang
";

/// Right where it waits for all who may hold what the next one needs.
async fn restart(cx: TaskCx, waits_for_all: bool) {
    let server = start(&cx, "server", SERVER).await;
    cx.sleep(ms(50)).await;
    server.signal_scope(Signal::TERM);
    if waits_for_all {
        server.scope_empty().await;
    }
    server.wait().await;
    let again = start(&cx, "server", "listen 8080; sleep 5ms; exit 0").await;
    assert_ne!(again.wait().await, ExitStatus::Exited(PORT_TAKEN), "the server does not come up again");
    server.scope_empty().await;
}
