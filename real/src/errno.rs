//! Error numbers, from whichever door to the OS they came through, as core's `Errno`.
//! One place, so that no caller compares raw numbers of three crates.

use shakedown_core::vocab::Errno;

/// The calling thread's `errno`, after a libc call that failed.
pub(crate) fn last() -> Errno {
    Errno::from_raw(nix::errno::Errno::last_raw())
}

/// nix's.
pub(crate) fn of_nix(errno: nix::errno::Errno) -> Errno {
    Errno::from_raw(errno as i32)
}

/// rustix's.
pub(crate) fn of_rustix(errno: rustix::io::Errno) -> Errno {
    Errno::from_raw(errno.raw_os_error())
}

/// The standard library's; an error that is not the system's counts as EINVAL.
pub(crate) fn of_std(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw)
}
