//! Keeps what the kernel did, step by step, for whoever counts what a run has shown. Histories hold only what a real run could tell
//! too; that a signal was on its way while a process forked is told by nothing else.

use shakedown_core::ids::ProcId;
use shakedown_core::vocab::Deed;
use std::sync::Arc;

/// One thing that a witness saw.
#[derive(Clone, PartialEq, Debug)]
pub enum Seen {
    /// A process took a step; what follows up to the next one came of it.
    Step(ProcId),
    /// Something happened.
    Deed(Deed),
    /// The process that was just born is called so.
    Named(ProcId, Arc<str>),
}

/// Sees all that the kernel does, where it is switched on.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    pub(crate) on: bool,
    pub(crate) seen: Vec<Seen>,
}

impl Witness {
    #[inline]
    pub(crate) fn step(&mut self, who: ProcId) {
        if self.on {
            self.seen.push(Seen::Step(who));
        }
    }

    pub(crate) fn named(&mut self, who: ProcId, name: &Arc<str>) {
        if self.on {
            self.seen.push(Seen::Named(who, name.clone()));
        }
    }

    #[inline]
    pub(crate) fn deed(&mut self, deed: &Deed) {
        if self.on {
            self.seen.push(Seen::Deed(*deed));
        }
    }
}
