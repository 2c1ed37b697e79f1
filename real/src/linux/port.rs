//! Our end of one of a child's standard pipes, where it has one. Closing it takes effect at once, whoever waits on it.

use crate::watch::watch;
use crate::world::Port;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use shakedown_core::vocab::{Errno, TryRead, TryWrite};
use std::cell::RefCell;
use std::future::poll_fn;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, Waker};
use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdReadyMutGuard};

/// One end of a pipe, until it is closed. At most one wait at a time.
pub struct PipeEnd {
    end: RefCell<End>,
    waiter: RefCell<Option<Waker>>,
    interest: Interest,
}

enum End {
    Open(AsyncFd<OwnedFd>),
    /// The child's descriptor is no pipe to us: as if its other end had been closed from the beginning.
    Absent,
    Closed,
}

impl End {
    fn open(&self) -> Option<&AsyncFd<OwnedFd>> {
        match self {
            End::Open(end) => Some(end),
            End::Absent | End::Closed => None,
        }
    }
}

impl PipeEnd {
    /// Registers the end with the runtime, if there is one.
    pub(super) fn new(end: Option<OwnedFd>, interest: Interest) -> Result<PipeEnd, Errno> {
        let end = match end {
            Some(end) => End::Open(watch(end, interest).map_err(|(_, errno)| errno)?),
            None => End::Absent,
        };
        Ok(PipeEnd { end: RefCell::new(end), waiter: RefCell::default(), interest })
    }

    /// The number that both ends share in /proc.
    pub(super) fn inode(&self) -> Option<u64> {
        self.with(|end| nix::sys::stat::fstat(end).ok()).flatten().map(|stat| stat.st_ino)
    }

    /// What `act` makes of the end; `None` where it is closed, or was never there.
    pub(super) fn with<R>(&self, act: impl FnOnce(&OwnedFd) -> R) -> Option<R> {
        self.end.borrow().open().map(|end| act(end.get_ref()))
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut end = self.end.borrow_mut();
        let End::Open(end) = &mut *end else { return Poll::Ready(()) };
        loop {
            let polled =
                if self.interest.is_readable() { end.poll_read_ready_mut(cx) } else { end.poll_write_ready_mut(cx) };
            match polled {
                Poll::Ready(Ok(mut guard)) => {
                    // The runtime's word is what epoll said some time ago; the kernel's is what holds now.
                    if self.is_ready(&guard) {
                        guard.retain_ready();
                        return Poll::Ready(());
                    }
                    guard.clear_ready();
                }
                // The runtime is shutting down: whoever waits finds out by trying.
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => {
                    *self.waiter.borrow_mut() = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            }
        }
    }

    fn is_ready(&self, guard: &AsyncFdReadyMutGuard<'_, OwnedFd>) -> bool {
        let events = if self.interest.is_readable() { PollFlags::POLLIN } else { PollFlags::POLLOUT };
        asked(guard.get_inner(), events).is_none_or(|found| !found.is_empty())
    }

    /// Whether anybody holds the other end; `None` where this one is closed. Bytes that are still in the pipe do not matter:
    /// POLLHUP is set beside POLLIN once no writer is left (poll(2)).
    pub(super) fn has_peers(&self) -> Option<bool> {
        match &*self.end.borrow() {
            End::Open(end) => {
                let found = asked(end.get_ref(), PollFlags::empty())?;
                Some(!found.intersects(PollFlags::POLLHUP | PollFlags::POLLERR))
            }
            End::Absent => Some(false),
            End::Closed => None,
        }
    }
}

impl Port for PipeEnd {
    fn try_read(&self, into: &mut Vec<u8>, max: usize) -> TryRead {
        let end = self.end.borrow();
        let Some(end) = end.open().filter(|_| max > 0) else {
            return if max == 0 { TryRead::WouldBlock } else { TryRead::Eof };
        };
        let before = into.len();
        into.resize(before + max, 0);
        let read = loop {
            match nix::unistd::read(end.get_ref(), &mut into[before..]) {
                Err(nix::errno::Errno::EINTR) => {}
                read => break read,
            }
        };
        into.truncate(before + read.unwrap_or(0));
        match read {
            Ok(0) => TryRead::Eof,
            Ok(n) => TryRead::Data(n),
            Err(nix::errno::Errno::EAGAIN) => TryRead::WouldBlock,
            // A pipe has no other error than a closed descriptor, which this one is not: read(2).
            Err(_) => TryRead::Eof,
        }
    }

    /// Rust programs ignore SIGPIPE, so that a broken pipe is an answer and not an end.
    fn try_write(&self, bytes: &[u8]) -> TryWrite {
        let end = self.end.borrow();
        let Some(end) = end.open() else { return TryWrite::Broken };
        loop {
            match nix::unistd::write(end.get_ref(), bytes) {
                Ok(n) => return TryWrite::Wrote(n),
                Err(nix::errno::Errno::EINTR) => {}
                Err(nix::errno::Errno::EAGAIN) => return TryWrite::WouldBlock,
                Err(_) => return TryWrite::Broken,
            }
        }
    }

    async fn ready(&self) {
        poll_fn(|cx| self.poll_ready(cx)).await;
    }

    /// Closes the end. Whoever waits is told: nothing would block any more.
    fn close(&self) {
        drop(self.end.replace(End::Closed));
        if let Some(waker) = self.waiter.borrow_mut().take() {
            waker.wake();
        }
    }

    fn is_closed(&self) -> bool {
        self.end.borrow().open().is_none()
    }

    fn is_spent(&self) -> bool {
        let end = self.end.borrow();
        let Some(end) = end.open() else { return false };
        let found = asked(end.get_ref(), PollFlags::POLLIN).unwrap_or(PollFlags::empty());
        found.intersects(PollFlags::POLLHUP | PollFlags::POLLERR) && !found.contains(PollFlags::POLLIN)
    }
}

/// What poll(2) says now; `None` where it fails.
fn asked(end: &OwnedFd, events: PollFlags) -> Option<PollFlags> {
    let mut fds = [PollFd::new(end.as_fd(), events)];
    loop {
        match poll(&mut fds, PollTimeout::ZERO) {
            Ok(_) => return fds[0].revents(),
            Err(nix::errno::Errno::EINTR) => {}
            Err(_) => return None,
        }
    }
}
