//! What a world is asked for, and what it can keep of a run.

use crate::disk::DiskConfig;
use crate::kernel::KernelConfig;
use shakedown_core::vocab::{FactRecord, ProcessEvent};

/// What a world is like, before any choice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WorldConfig {
    /// The kernel's limits.
    pub kernel: KernelConfig,
    /// The disk's limits.
    pub disk: DiskConfig,
    /// Whether facts and process events are kept, for expectations and reports.
    pub history: bool,
    /// Whether process events are handed to the host, for stimuli that wait for one.
    pub observed: bool,
    /// Whether all that the kernel does is kept, for whoever counts what a run has shown.
    pub witness: bool,
    /// Whether a digest is kept of all that oracles and expectations see.
    pub trail: bool,
}

impl WorldConfig {
    /// Whether anybody is told of what the kernel does, beside oracles and a chooser that picks.
    #[inline]
    pub(super) fn keeps_deeds(&self) -> bool {
        self.history || self.observed || self.witness || self.trail
    }
}

/// One entry of a kept history: what was told, and what happened, in their common order.
#[derive(Clone, PartialEq, Debug)]
pub enum Moment {
    /// A fact.
    Fact(FactRecord),
    /// Something seen of a process.
    Process(ProcessEvent),
}
