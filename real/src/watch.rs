//! Descriptors registered with the runtime: the one place where that is done, and why it is sound.

use crate::errno;
use crate::pidfd::Pidfd;
use shakedown_core::vocab::Errno;
use std::os::fd::{AsRawFd, OwnedFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Types that own one descriptor from their making to their drop, and always name that one.
pub(crate) trait OwnsOne: AsRawFd {}

impl OwnsOne for OwnedFd {}
impl OwnsOne for Pidfd {}

/// Registers a descriptor. Where the runtime refuses, the owner comes back.
pub(crate) fn watch<T: OwnsOne>(inner: T, interest: Interest) -> Result<AsyncFd<T>, (T, Errno)> {
    // SAFETY: the registration needs the descriptor to stay open and the same until the AsyncFd is dropped; it owns `inner`,
    // and `OwnsOne` is implemented only for types that keep that promise.
    unsafe { AsyncFd::register_with_interest(inner, interest) }.map_err(|refused| {
        let (inner, e) = refused.into_parts();
        (inner, errno::of_std(&e))
    })
}
