//! dumb-init, as its README has it: it runs one command in a session of its own, passes every signal on to that session, reaps whoever ends,
//! and when the command has ended it sends TERM to the session and exits with the command's code.
//!
//! dumb-init#191 (L42): "the session" is the process group of the command; who has called setsid is in another, gets no signal, and is alive
//! when the init is gone. The twin manages all who descend from it, as the report asks for, and stays until nobody is left (#212).

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::sync::mpsc;
use shakedown_core::task::{Either2, Process, TaskCx, select2};
use shakedown_core::vocab::{ExitStatus, Scope};

pub(super) fn case() -> Case {
    Case::new("dumb_init_signals_only_its_session", "L42", OracleName::NoOrphan)
        .broken(|host| drop(host.spawn("container", |cx| container(cx, Scope::Group))))
        .twin(|host| drop(host.spawn("container", |cx| container(cx, Scope::Tree))))
}

/// As in the report: something runs in the background with `setsid`, and the command in the foreground. The first has its work done soon.
const COMMAND: &str = "
    spawn background { setsid; close stdout; close stderr; repeat 3 { sleep 5ms..35ms }; exit 0 }
    on TERM exit 0 after 1ms..5ms
    hang
";

/// `docker stop`: TERM, and KILL ten seconds later, which ends the namespace with whoever is in it.
async fn container(cx: TaskCx, reach: Scope) {
    let (stop, signals) = mpsc::unbounded();
    let init = cx.spawn("dumb-init", move |cx| dumb_init(cx, signals, reach));
    cx.sleep(ms(100)).await;
    // An init that has ended already takes no signals.
    let _ = stop.try_send(Signal::TERM);
    let code = init.await.expect("nobody aborts an init");
    assert!(code < 128, "the command did not end by itself");
}

async fn dumb_init(cx: TaskCx, mut signals: mpsc::Receiver<Signal>, reach: Scope) -> u8 {
    let command = start_in(&cx, "command", COMMAND, reach).await;
    let status = loop {
        match select2(&cx, signals.recv(), command.exited()).await {
            Either2::A(Some(signal)) => forward(&command, signal),
            Either2::A(None) => break command.exited().await.status,
            Either2::B(notice) => break notice.status,
        }
    };
    forward(&command, Signal::TERM);
    if reach == Scope::Tree {
        command.scope_empty().await;
    }
    command.wait().await;
    code(status)
}

/// Passes a signal on to the session, as far as that reaches.
fn forward(command: &Process, signal: Signal) {
    command.signal_scope(signal);
}

fn code(status: ExitStatus) -> u8 {
    match status {
        ExitStatus::Exited(code) => code,
        ExitStatus::Signalled { signal, .. } => 128 + signal.number() as u8,
        ExitStatus::Unknown => 255,
    }
}
