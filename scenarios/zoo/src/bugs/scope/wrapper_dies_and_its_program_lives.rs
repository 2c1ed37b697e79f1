//! A command is run by a wrapper; a stop ends the wrapper, and the program that it has started runs on. It holds no pipe of ours.
//! foreman#365, node#2098 (L37): only the `sh -c` dies of the signal.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;

pub(super) fn case() -> Case {
    Case::new("wrapper_dies_and_its_program_lives", "L37", OracleName::NoOrphan)
        .broken(|host| drop(host.spawn("stop", |cx| stop(cx, false))))
        .twin(|host| drop(host.spawn("stop", |cx| stop(cx, true))))
}

/// The program is mostly over when the stop comes.
const WRAPPER: &str = "
    spawn program { close stdout; close stderr; repeat 2 { sleep 10ms..52ms }; exit 0 }
    wait program
    sleep 50ms
    exit 0
";

/// Right where it means everybody whom the wrapper has started.
async fn stop(cx: TaskCx, means_all: bool) {
    let wrapper = start(&cx, "wrapper", WRAPPER).await;
    cx.sleep(ms(100)).await;
    if means_all {
        wrapper.signal_scope(Signal::TERM);
        wrapper.scope_empty().await;
    } else {
        wrapper.signal(Signal::TERM);
    }
    wrapper.wait().await;
}
