//! Signals of a puppet: handled ones are blocked except inside ppoll(2), so none is lost between a check and a wait.
//! A handler only notes that its signal came; the script's block for it is then played synchronously.
//!
//! Sources: ppoll(2), sigaction(2), signal-safety(7).

use crate::errno;
use nix::poll::{PollFd, ppoll};
use nix::sys::signal::{
    SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal as NixSignal, sigaction, sigprocmask,
};
use nix::sys::time::TimeSpec;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::Errno;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// One bit a signal that came and was not yet acted upon.
static CAME: AtomicU64 = AtomicU64::new(0);

extern "C" fn note(signal: libc::c_int) {
    CAME.fetch_or(1 << (signal - 1), Ordering::Relaxed);
}

/// What a process does with a signal, as the kernel knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Disposition {
    Default,
    Ignored,
    Noted,
}

/// Sets a disposition. A handled signal is blocked before, so that it waits for the next [`pause`]; any other is unblocked
/// after, so that one already pending meets its new disposition.
pub(super) fn install(signal: Signal, disposition: Disposition) -> Result<(), Errno> {
    let number = NixSignal::try_from(signal.number()).map_err(errno::of_nix)?;
    let one = SigSet::from_iter([number]);
    let handler = match disposition {
        Disposition::Default => SigHandler::SigDfl,
        Disposition::Ignored => SigHandler::SigIgn,
        Disposition::Noted => SigHandler::Handler(note),
    };
    if disposition == Disposition::Noted {
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&one), None).map_err(errno::of_nix)?;
    }
    // SAFETY: `note` does nothing but set a bit of an atomic, which signal-safety(7) allows.
    unsafe { sigaction(number, &SigAction::new(handler, SaFlags::empty(), SigSet::all())) }.map_err(errno::of_nix)?;
    if disposition != Disposition::Noted {
        sigprocmask(SigmaskHow::SIG_UNBLOCK, Some(&one), None).map_err(errno::of_nix)?;
    }
    Ok(())
}

/// Puts every disposition that this program's own start-up has changed (SIGPIPE ignored, SIGSEGV and SIGBUS handled) back.
pub(super) fn reset_start_up() -> Result<(), Errno> {
    [Signal::PIPE, Signal::SEGV, Signal::BUS].into_iter().try_for_each(|signal| install(signal, Disposition::Default))
}

/// Why a [`pause`] ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Woken {
    /// One of the descriptors is ready.
    Ready,
    /// The deadline has come.
    Deadline,
    /// A handled signal came.
    Signal,
}

/// Waits for a descriptor, the deadline or, unless they are held off, one of the handled signals.
pub(super) fn pause(
    fds: &mut [PollFd<'_>],
    until: Option<Instant>,
    handled: &SigSet,
    held: bool,
) -> Result<Woken, Errno> {
    let mut mask = SigSet::thread_get_mask().map_err(errno::of_nix)?;
    if !held {
        for signal in handled.iter() {
            mask.remove(signal);
        }
    }
    let timeout = until.map(|until| TimeSpec::from(until.saturating_duration_since(Instant::now())));
    match ppoll(fds, timeout, Some(mask)) {
        Ok(0) => Ok(Woken::Deadline),
        Ok(_) => Ok(Woken::Ready),
        Err(nix::errno::Errno::EINTR) => Ok(Woken::Signal),
        Err(e) => Err(errno::of_nix(e)),
    }
}

/// The lowest signal that came and was not yet taken.
pub(super) fn take() -> Option<Signal> {
    let came = CAME.load(Ordering::Relaxed);
    if came == 0 {
        return None;
    }
    let lowest = came.trailing_zeros();
    CAME.fetch_and(!(1 << lowest), Ordering::Relaxed);
    Signal::from_number(lowest as i32 + 1)
}

/// A forked child has no pending signals (fork(2)).
pub(super) fn forget_all() {
    CAME.store(0, Ordering::Relaxed);
}

/// The signal as nix names it.
pub(super) fn nix_signal(signal: Signal) -> Option<NixSignal> {
    NixSignal::try_from(signal.number()).ok()
}

/// A descriptor of this process, borrowed: puppets use numbers 0 to 2 as scripts do, open or not.
///
/// # Safety
/// The descriptor must stay what it is while the borrow lives; a closed one only makes calls fail with EBADF.
pub(super) unsafe fn borrow(fd: i32) -> BorrowedFd<'static> {
    // SAFETY: passed on to the caller.
    unsafe { BorrowedFd::borrow_raw(fd) }
}
