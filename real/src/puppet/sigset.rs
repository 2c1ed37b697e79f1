//! Sets of signals as the kernel keeps them, one bit a signal, and the mask of the calling thread.
//! Not those of the C library: they leave out what it wants for itself, and have no place for real-time signals in nix.
//!
//! Sources: sigprocmask(2), signal(7).

use crate::errno;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::Errno;
use std::ptr::null;

/// A set of signals.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct SigSet(pub(super) u64);

impl SigSet {
    pub(super) const NONE: SigSet = SigSet(0);

    pub(super) fn has(self, signal: Signal) -> bool {
        self.0 & bit(signal) != 0
    }

    pub(super) fn insert(&mut self, signal: Signal) {
        self.0 |= bit(signal);
    }

    pub(super) fn remove(&mut self, signal: Signal) {
        self.0 &= !bit(signal);
    }

    pub(super) fn and(self, other: SigSet) -> SigSet {
        SigSet(self.0 | other.0)
    }

    /// What the calling thread blocks.
    pub(super) fn of_thread() -> Result<SigSet, Errno> {
        let mut mask = SigSet::NONE;
        rt_sigprocmask(null(), &raw mut mask.0).map(|()| mask)
    }

    /// Makes the calling thread block these and no others.
    pub(super) fn block_only(self) -> Result<(), Errno> {
        rt_sigprocmask(&raw const self.0, std::ptr::null_mut())
    }
}

pub(super) fn bit(signal: Signal) -> u64 {
    1 << (signal.number() - 1)
}

fn rt_sigprocmask(set: *const u64, before: *mut u64) -> Result<(), Errno> {
    let (how, bytes) = (libc::SIG_SETMASK as libc::c_long, SIGSET_BYTES);
    // SAFETY: each pointer is null, which is allowed, or to eight bytes, the size that is passed.
    let answer = unsafe { libc::syscall(libc::SYS_rt_sigprocmask, how, set, before, bytes) };
    if answer == 0 { Ok(()) } else { Err(errno::last()) }
}

/// The kernel's signal set.
pub(super) const SIGSET_BYTES: libc::c_long = 8;
