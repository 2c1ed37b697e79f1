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
#[inline]
pub(crate) fn remember(slot: &mut Option<Waker>, waker: &Waker) {
    match slot {
        Some(known) if known.will_wake(waker) => {}
        Some(known) => known.clone_from(waker),
        None => *slot = Some(waker.clone()),
    }
}

/// The place of the one that waits at a channel. Its waker stays there between two waits: to clone and to drop one for each message
/// would cost two atomic instructions, which is as much as the rest of a message.
#[derive(Default)]
pub(crate) struct Place {
    waker: Option<Waker>,
    waits: bool,
}

impl Place {
    /// Somebody waits here from now on.
    #[inline]
    pub(crate) fn wait(&mut self, waker: &Waker) {
        remember(&mut self.waker, waker);
        self.waits = true;
    }

    /// Whom to wake, if anybody waits.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Waker> {
        if core::mem::take(&mut self.waits) { self.waker.take() } else { None }
    }

    /// A waker that was taken and used comes back, for the next wait.
    #[inline]
    pub(crate) fn give_back(&mut self, waker: Waker) -> Option<Waker> {
        if self.waker.is_none() { self.waker.replace(waker) } else { Some(waker) }
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
