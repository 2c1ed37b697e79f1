//! The machines that Shakedown brings: one enum, so that a host drives them without a box or a vtable.

use crate::digest::Digest;
use crate::machine::{Broken, Cx, Event, Machine};
use crate::outside::Outside;
use crate::session::Session;
use crate::supervisor::Supervisor;
use crate::time::Instant;
use crate::vocab::{Fact, Subject};
use crate::worker::Worker;
use alloc::boxed::Box;
use alloc::string::String;

/// A machine of the library's own.
#[derive(Clone, Debug)]
pub enum Actor {
    /// One unit through all its incarnations.
    Worker(Worker),
    /// A group of workers that is kept running: rarer than they, and larger.
    Supervisor(Box<Supervisor>),
    /// The root of a tree.
    Session(Session),
    /// What is done to a session.
    Outside(Outside),
}

macro_rules! each {
    ($self:expr, $machine:ident => $body:expr) => {
        match $self {
            Actor::Worker($machine) => $body,
            Actor::Supervisor($machine) => $body,
            Actor::Session($machine) => $body,
            Actor::Outside($machine) => $body,
        }
    };
}

impl Machine for Actor {
    #[inline]
    fn on(&mut self, event: Event, cx: &mut Cx<'_>) {
        each!(self, machine => machine.on(event, cx));
    }

    #[inline]
    fn deadline(&self) -> Option<Instant> {
        each!(self, machine => machine.deadline())
    }

    #[inline]
    fn invariant(&self) -> Result<(), Broken> {
        each!(self, machine => machine.invariant())
    }

    #[inline]
    fn is_closed(&self) -> bool {
        each!(self, machine => machine.is_closed())
    }

    fn ticks_one_by_one(&self) -> bool {
        each!(self, machine => machine.ticks_one_by_one())
    }

    fn listens(&self) -> bool {
        each!(self, machine => machine.listens())
    }

    #[inline(always)]
    fn wants(&self, subject: Subject, fact: &Fact) -> bool {
        each!(self, machine => machine.wants(subject, fact))
    }

    fn waits_for(&self) -> String {
        each!(self, machine => machine.waits_for())
    }

    fn digest(&self, now: Instant, into: &mut Digest) -> bool {
        each!(self, machine => machine.digest(now, into))
    }
}
