//! Channels and signals between the tasks of one host: plain `Rc` code, deterministic and fast, because a session and its
//! tasks live on one thread.
//!
//! Waking is a choice of the scheduler, never of a channel: receivers are served first come, first served.

pub mod mpsc;
pub mod notify;
pub mod oneshot;
pub mod watch;

use core::task::Waker;

/// Stores `waker` in `slot` unless the one there wakes the same task.
pub(crate) fn remember(slot: &mut Option<Waker>, waker: &Waker) {
    match slot {
        Some(known) if known.will_wake(waker) => {}
        Some(known) => known.clone_from(waker),
        None => *slot = Some(waker.clone()),
    }
}

/// The other side is gone: nothing will ever come, or nobody will ever look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Closed;

impl core::fmt::Display for Closed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the other side of the channel is gone")
    }
}

impl core::error::Error for Closed {}
