//! Who listens answers, while it sleeps or hangs: one word to each head of an HTTP request, so that a puppet can stand behind a proxy.
//! Sources: accept(2), ppoll(2), RFC 9112.

use super::player::Player;
use super::signals::{self, Woken};
use nix::poll::{PollFd, PollFlags};
use nix::sys::socket::{SockFlag, accept4};
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::time::Instant;

impl Player {
    /// As a sleep. Connections are closed when it ends.
    pub(super) fn answer_until(&mut self, until: Option<Instant>) {
        let mut guests: Vec<OwnedFd> = Vec::new();
        loop {
            // SAFETY: a listener is never closed.
            let listeners = self.listeners.iter().map(|fd| unsafe { signals::borrow(*fd) });
            let fds = listeners.chain(guests.iter().map(|guest| guest.as_fd()));
            let mut fds: Vec<PollFd<'_>> = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
            match self.pause(&mut fds, until) {
                Woken::Signal => continue,
                Woken::Deadline => return,
                Woken::Ready => {}
            }
            let ready: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap_or(false)).collect();
            let (listen, speak) = ready.split_at(self.listeners.len());
            let mut speaks = speak.iter();
            guests.retain(|guest| !speaks.next().is_some_and(|speaks| *speaks) || answer(guest));
            for (listener, _) in self.listeners.iter().zip(listen).filter(|(_, ready)| **ready) {
                if let Ok(guest) = accept4(*listener, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK) {
                    // SAFETY: accept4 has just made this descriptor, and nobody else knows its number.
                    guests.push(unsafe { OwnedFd::from_raw_fd(guest) });
                }
            }
        }
    }
}

/// Reads what is there; false where nothing more will come. A head comes in one piece, from whoever writes it in one.
fn answer(guest: &OwnedFd) -> bool {
    let mut bytes = [0; 4096];
    match nix::unistd::read(guest, &mut bytes) {
        Ok(0) => false,
        Ok(read) if bytes[..read].ends_with(b"\r\n\r\n") => nix::unistd::write(guest, ANSWER).is_ok(),
        Ok(_) | Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EINTR) => true,
        Err(_) => false,
    }
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n";
