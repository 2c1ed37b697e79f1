//! Interrupts: the first one ends what is being played and keeps what was found, the second one ends the program.

use crate::exit::Exit;
use shakedown::core::signal::Signal;
use shakedown::real::mailbox::Bell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

/// Whether somebody has asked for the end.
#[derive(Clone, Default)]
pub(crate) struct Interrupt {
    /// The number of the first signal; 0 as long as none came.
    first: Arc<AtomicI32>,
    /// Rings with it, for whoever waits.
    pub(crate) bell: Arc<Bell>,
}

impl Interrupt {
    /// Listens from now on: `act` is called for the first INT, TERM or HUP.
    pub(crate) fn listen(act: impl Fn() + Send + 'static) -> Interrupt {
        let interrupt = Interrupt::default();
        let own = interrupt.clone();
        let armed = shakedown::real::on_signal(move |signal| {
            if own.first.compare_exchange(0, signal.number(), Relaxed, Relaxed).is_err() {
                std::process::exit(i32::from(exit_of(signal).code()));
            }
            act();
            own.bell.ring();
        });
        if let Err(error) = armed {
            eprintln!("warning: an interrupt will lose what was found: {error}");
        }
        interrupt
    }

    /// How the program ends, where somebody has asked for it.
    pub(crate) fn exit(&self) -> Option<Exit> {
        Signal::from_number(self.first.load(Relaxed)).map(exit_of)
    }
}

fn exit_of(signal: Signal) -> Exit {
    if signal == Signal::TERM { Exit::Terminated } else { Exit::Interrupted }
}
