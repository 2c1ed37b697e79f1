//! Bytes on their way to and from a unit, at its own speed: nobody else waits for them.

use super::shared::{Held, Shared};
use super::system::{Executor, Port, System, Unit};
use shakedown_core::vocab::{Completion, Stream, TryRead, TryWrite};
use std::rc::Rc;

impl<S: System> Shared<S> {
    /// Writes what was given, in order; each is answered with what was taken before the reader went away or we closed.
    pub(super) async fn pump_input(self: &Rc<Self>, held: &Held<S>) {
        let stdin = held.unit.stdin();
        loop {
            let Some((op, bytes)) = held.writes.borrow_mut().pop_front() else { break };
            let mut taken = 0;
            while taken < bytes.len() {
                match stdin.try_write(&bytes[taken..]) {
                    TryWrite::Wrote(n) => taken += n,
                    TryWrite::WouldBlock => stdin.ready().await,
                    TryWrite::Broken => break,
                }
            }
            self.complete(op, Completion::Written(taken as u64));
        }
        held.is_pumping.set(false);
    }

    /// Reads an output that nobody wants any more to its end, so that its writers do not block.
    pub(super) async fn discard(&self, held: &Held<S>, stream: Stream) {
        let (port, mut waste) = (held.unit.output(stream), Vec::new());
        loop {
            waste.clear();
            match port.try_read(&mut waste, DISCARD_BYTES) {
                TryRead::Data(_) => S::Executor::others_first().await,
                TryRead::WouldBlock => port.ready().await,
                TryRead::Eof => break,
            }
        }
        port.close();
        self.forget_if_over(held);
    }
}

const DISCARD_BYTES: usize = 65_536;
