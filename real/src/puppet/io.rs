//! The verbs of the three standard descriptors. Pipes are non-blocking, so that signals act while a verb waits for them.
//! Sources: pipe(7), read(2), write(2).

use super::player::Player;
use super::signals;
use crate::errno;
use nix::poll::{PollFd, PollFlags};
use shakedown_core::puppet::{Fd, Out, ReadUntil, write_pattern};
use std::time::{Duration, Instant};

impl Player {
    /// A descriptor that is closed, or that nobody reads while SIGPIPE is ignored, takes no bytes: the script goes on.
    pub(super) fn write(&mut self, to: Out, mut bytes: &[u8]) {
        let fd = out_fd(to);
        while !bytes.is_empty() {
            // SAFETY: the number is one of the standard ones, and only the script itself closes it.
            let out = unsafe { signals::borrow(fd) };
            match nix::unistd::write(out, bytes) {
                Ok(taken) => bytes = &bytes[taken..],
                Err(nix::errno::Errno::EINTR) => {}
                Err(nix::errno::Errno::EAGAIN) => {
                    self.pause(&mut [PollFd::new(out, PollFlags::POLLOUT)], None);
                }
                Err(_) => return,
            }
        }
    }

    /// One write(2) as far as the pipe takes it: how much fits depends on how much is offered (pipe(7): pages).
    pub(super) fn write_many(&mut self, to: Out, bytes: u64) {
        self.write(to, &write_pattern(bytes));
    }

    pub(super) fn flood(&mut self) -> ! {
        let page = write_pattern(FLOOD_PAGE);
        loop {
            self.write(Out::Stdout, &page);
            self.sleep_until(Instant::now().checked_add(FLOOD_EVERY));
        }
    }

    /// Byte by byte, so that what follows the line stays in the pipe for whoever reads next.
    pub(super) fn read(&mut self, until: ReadUntil) {
        let mut buffer = [0u8; 4096];
        let at_once = match until {
            ReadUntil::Line => 1,
            ReadUntil::Eof => buffer.len(),
        };
        loop {
            // SAFETY: as in `write`.
            let stdin = unsafe { signals::borrow(0) };
            match nix::unistd::read(stdin, &mut buffer[..at_once]) {
                Ok(0) => return,
                Ok(_) if until == ReadUntil::Line && buffer[0] == b'\n' => return,
                Ok(_) | Err(nix::errno::Errno::EINTR) => self.checkpoint(),
                Err(nix::errno::Errno::EAGAIN) => {
                    self.pause(&mut [PollFd::new(stdin, PollFlags::POLLIN)], None);
                }
                // Closed by the script: there is nothing to read any more.
                Err(_) => return,
            }
        }
    }

    pub(super) fn close(&mut self, fd: Fd) {
        let number = match fd {
            Fd::Stdin => 0,
            Fd::Stdout => 1,
            Fd::Stderr => 2,
        };
        match nix::unistd::close(number) {
            // EBADF: closed before, which a script may do.
            Ok(()) | Err(nix::errno::Errno::EBADF) => {}
            Err(e) => self.fail("close a descriptor", errno::of_nix(e)),
        }
    }
}

fn out_fd(out: Out) -> i32 {
    match out {
        Out::Stdout => 1,
        Out::Stderr => 2,
    }
}

const FLOOD_PAGE: u64 = 4_096;
const FLOOD_EVERY: Duration = Duration::from_millis(1);
