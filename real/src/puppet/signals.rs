//! Signals of a puppet's threads, as the kernel knows them: what is handled is blocked except inside calls that wait, so that
//! none is lost between a check and a wait. A handler only notes that its signal came; the script's block is played afterwards.
//!
//! Each thread has a note of its own: whoever takes a signal had it unblocked, and acts on it.
//!
//! Sources: ppoll(2), sigaction(2), signal-safety(7).

use super::cancel;
use super::sigset::{SIGSET_BYTES, SigSet, bit};
use crate::errno;
use libc::{c_int, c_long, c_void};
use nix::poll::PollFd;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::Errno;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

thread_local! {
    /// One bit a signal that this thread took and has not yet acted upon. Constant and without a destructor, so that a handler's
    /// access is an address and nothing else.
    static CAME: AtomicU64 = const { AtomicU64::new(0) };
}

/// All signals that are noted when they come.
static NOTED: AtomicU64 = AtomicU64::new(0);
/// What any thread has taken and not yet acted upon: for an exec, which ends the other threads.
static TAKEN: AtomicU64 = AtomicU64::new(0);
/// For calls that nothing cancels.
static NEVER: AtomicU64 = AtomicU64::new(0);

extern "C" fn note(signal: c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    let one = 1 << (signal - 1);
    CAME.with(|came| came.fetch_or(one, Ordering::Relaxed));
    TAKEN.fetch_or(one, Ordering::Relaxed);
    // SAFETY: this is the third argument of a handler installed with SA_SIGINFO.
    unsafe { cancel::leave(context, NOTED.load(Ordering::Relaxed)) }
}

/// What a process does with a signal, as the kernel knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Disposition {
    Default,
    Ignored,
    Noted,
}

/// Sets a disposition. Who may take the signal is the masks' matter.
pub(super) fn install(signal: Signal, disposition: Disposition) -> Result<(), Errno> {
    let action = match disposition {
        Disposition::Default => libc::SIG_DFL,
        Disposition::Ignored => libc::SIG_IGN,
        Disposition::Noted => note as *const () as libc::sighandler_t,
    };
    match disposition {
        Disposition::Noted => NOTED.fetch_or(bit(signal), Ordering::Relaxed),
        Disposition::Default | Disposition::Ignored => NOTED.fetch_and(!bit(signal), Ordering::Relaxed),
    };
    // SAFETY: zeroes are a valid sigaction, and the kernel's signal set is the first eight bytes of the C library's. `note` sets
    // bits of atomics and of the context that it is given, which signal-safety(7) allows, also where it runs on top of itself.
    let answer = unsafe {
        let mut new: libc::sigaction = std::mem::zeroed();
        new.sa_sigaction = action;
        new.sa_flags = libc::SA_SIGINFO;
        // No more than what a note blocks anyway: what ends or stops a process does so in the middle of a handler, too.
        *(&raw mut new.sa_mask).cast::<u64>() = NOTED.load(Ordering::Relaxed);
        libc::sigaction(signal.number(), &raw const new, std::ptr::null_mut())
    };
    if answer == 0 { Ok(()) } else { Err(errno::last()) }
}

/// Sends a signal to the calling thread. Where it is open there, it has acted when this returns.
pub(super) fn raise(signal: Signal) -> Result<(), Errno> {
    // SAFETY: passes a number and touches no memory.
    let answer = unsafe { libc::raise(signal.number()) };
    if answer == 0 { Ok(()) } else { Err(errno::last()) }
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

/// How a thread waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Openness {
    /// What stays blocked meanwhile.
    pub(super) mask: SigSet,
    /// Whether noted signals end the wait: not while a handler runs.
    pub(super) is_open: bool,
}

/// Waits for a descriptor, the deadline or a noted signal.
pub(super) fn pause(fds: &mut [PollFd<'_>], until: Option<Instant>, how: Openness) -> Result<Woken, Errno> {
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    let mut timeout = left.map(|left| libc::timespec {
        tv_sec: libc::time_t::try_from(left.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: left.subsec_nanos().into(),
    });
    let timeout = timeout.as_mut().map_or(std::ptr::null_mut(), std::ptr::from_mut);
    let arguments = [
        // Transparent over the kernel's pollfd.
        fds.as_mut_ptr() as c_long,
        fds.len() as c_long,
        timeout as c_long,
        &raw const how.mask.0 as c_long,
        SIGSET_BYTES,
        0,
    ];
    // SAFETY: an array of pollfds with its length, a timespec or null, and a signal set with its size, all alive meanwhile.
    match unsafe { cancellable(libc::SYS_ppoll, arguments, how) } {
        Ok(0) => Ok(Woken::Deadline),
        Ok(_) => Ok(Woken::Ready),
        Err(Errno::EINTR) => Ok(Woken::Signal),
        Err(errno) => Err(errno),
    }
}

/// Makes a call with these signals blocked and no others, which stay so: the caller restores its mask. A noted signal that has
/// come before, or comes while the call waits, makes it `EINTR`, and the call has not been made.
///
/// # Safety
/// As of the call itself.
pub(super) unsafe fn interruptible(number: c_long, arguments: [c_long; 6], how: Openness) -> Result<c_long, Errno> {
    how.mask.block_only()?;
    // SAFETY: passed on to the caller.
    unsafe { cancellable(number, arguments, how) }
}

/// # Safety
/// As of the call itself.
unsafe fn cancellable(number: c_long, arguments: [c_long; 6], how: Openness) -> Result<c_long, Errno> {
    let call = |came: &AtomicU64| {
        // SAFETY: passed on to the caller.
        unsafe { cancel::call(came, number, arguments) }
    };
    if how.is_open { CAME.with(call) } else { call(&NEVER) }
}

/// Whether this thread has taken a signal on which it has not yet acted.
pub(super) fn has_come() -> bool {
    CAME.with(|came| came.load(Ordering::Relaxed)) != 0
}

/// The lowest signal that this thread took and that was not yet acted upon.
pub(super) fn take() -> Option<Signal> {
    let came = CAME.with(|came| came.load(Ordering::Relaxed));
    let lowest = came & came.wrapping_neg();
    CAME.with(|came| came.fetch_and(!lowest, Ordering::Relaxed));
    TAKEN.fetch_and(!lowest, Ordering::Relaxed);
    Signal::from_number(lowest.trailing_zeros() as i32 + 1)
}

/// What any thread of the process took and has not yet acted upon.
pub(super) fn taken_anywhere() -> impl Iterator<Item = Signal> {
    let taken = SigSet(TAKEN.load(Ordering::Relaxed));
    (1..=64).filter_map(Signal::from_number).filter(move |signal| taken.has(*signal))
}

/// A forked child has none of the other threads of its parent, nor what they took.
pub(super) fn forget_other_threads() {
    TAKEN.store(CAME.with(|came| came.load(Ordering::Relaxed)), Ordering::Relaxed);
}

/// A descriptor of this process, borrowed: puppets use numbers 0 to 2 as scripts do, open or not.
///
/// # Safety
/// The descriptor must stay what it is while the borrow lives; a closed one only makes calls fail with EBADF.
pub(super) unsafe fn borrow(fd: i32) -> BorrowedFd<'static> {
    // SAFETY: passed on to the caller.
    unsafe { BorrowedFd::borrow_raw(fd) }
}
