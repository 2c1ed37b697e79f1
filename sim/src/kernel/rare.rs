//! What most processes never have: further threads, files, and what prctl(2) has set.
//! It stands in a box of its own, so that ten thousand ordinary processes do not pay for it.

use super::file::FileId;
use shakedown_core::ids::ProcId;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::ExitStatus;

/// The unusual part of a process.
#[derive(Clone, Default)]
pub(super) struct Rare {
    /// Its further threads that have not ended, in the order of their births.
    pub(super) threads: Vec<ProcId>,
    /// How many further threads it has ever had.
    pub(super) threads_born: u32,
    /// Whether it adopts its orphaned descendants (PR_SET_CHILD_SUBREAPER).
    pub(super) subreaper: bool,
    /// What it is sent when the thread that forked it ends (PR_SET_PDEATHSIG).
    pub(super) pdeathsig: Option<Signal>,
    /// How it ends once its last descriptors are closed, where that takes time.
    pub(super) ending: Option<ExitStatus>,
    /// Whether it has given its memory back, on the way to its end, and its environment with it (`exit_mm` of do_exit()).
    pub(super) unmapped: bool,
    /// Whether its parent is still to be told that it was continued.
    pub(super) continued: bool,
    /// Its descriptors beyond the standard ones, in the order in which they were opened or inherited.
    pub(super) files: Vec<FileId>,
}

impl Rare {
    /// Whether there is one thread, and the process is not ending.
    pub(super) fn is_plain(&self) -> bool {
        self.threads.is_empty() && self.ending.is_none()
    }
}
