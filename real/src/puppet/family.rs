//! The verbs of children: fork them, wait for them, signal them.
//! Sources: fork(2), setsid(2), waitid(2), prctl(2) PR_SET_CHILD_SUBREAPER.

use super::children::{self, Side, word};
use super::player::Player;
use super::report::What;
use super::signals::{self, Woken};
use crate::errno;
use libc::c_long;
use nix::poll::{PollFd, PollFlags};
use shakedown_core::ids::Pid;
use shakedown_core::puppet::{BETWEEN, Block};
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Errno, ExitStatus};
use std::os::fd::AsFd;

/// Who goes on after a fork.
enum Went {
    Parent,
    Child,
    /// The parent, without a child: the system had no room for one.
    Childless,
}

impl Player {
    pub(super) fn spawn(&mut self, name: &str, body: &Block) {
        let full = self.full(name);
        match self.fork(full) {
            Went::Parent | Went::Childless => {}
            Went::Child => self.begin_child(body),
        }
    }

    /// fork, setsid, fork: the first child exits 0 and is reaped here, the second runs the body.
    pub(super) fn daemonize(&mut self, name: &str, body: &Block) {
        let between = self.between();
        match self.fork(between.clone()) {
            Went::Parent => self.wait_for(&between),
            Went::Childless => {}
            Went::Child => {
                if let Err(e) = nix::unistd::setsid() {
                    self.fail("setsid for a daemon", errno::of_nix(e));
                }
                let full = self.full(name);
                match self.fork(full) {
                    // SAFETY: ends the forked process, which shares nothing that needs closing.
                    Went::Parent | Went::Childless => unsafe { libc::_exit(0) },
                    Went::Child => self.begin_child(body),
                }
            }
        }
    }

    fn begin_child(&mut self, body: &Block) -> ! {
        self.say(What::Started);
        self.play_all(body)
    }

    /// A signal that is pending acts before the fork, and one that comes during it either did or reaches the child, too.
    fn fork(&mut self, name: String) -> Went {
        let forked = loop {
            // Under the lock, other than all that waits.
            let forked = children::fork(self.openness());
            self.settle();
            match forked {
                Err(Errno::EINTR) => self.act(),
                forked => break forked,
            }
        };
        match forked {
            Ok(Side::Child) => {
                signals::forget_other_threads();
                self.own_mut().become_child(name);
                Went::Child
            }
            Ok(Side::Parent(pid, pidfd)) => {
                // The first child of a daemonize has no name of the script's, and nobody is told of it.
                if name != self.between() {
                    self.own().reporter.say(&name, pid, What::Forked);
                }
                self.own_mut().children.enter(name, pid, pidfd);
                Went::Parent
            }
            Err(Errno::EAGAIN | Errno::ENOMEM) => Went::Childless,
            Err(errno) => self.fail("fork", errno),
        }
    }

    pub(super) fn kill(&mut self, name: &str, signal: Signal) {
        let sent = self.own().children.signal(&self.full(name), signal);
        self.must("signal a child", sent);
    }

    /// Until no child is left: own ones, and those that came to a subreaper.
    pub(super) fn wait_all(&mut self) {
        loop {
            // SAFETY: zeroes are a valid siginfo.
            let mut found: libc::siginfo_t = unsafe { std::mem::zeroed() };
            let options = libc::WEXITED | libc::WNOWAIT;
            let arguments = [c_long::from(libc::P_ALL), 0, &raw mut found as c_long, options.into(), 0, 0];
            // SAFETY: the pointer is to a siginfo, and no usage is asked for.
            match unsafe { self.interruptible(libc::SYS_waitid, arguments) } {
                Ok(_) => {
                    // SAFETY: waitid has filled in the fields of a child's signal.
                    if let Some(pid) = Pid::new(unsafe { found.si_pid() }) {
                        self.reap(pid);
                    }
                }
                Err(Errno::ECHILD) => return self.own_mut().children.clear(),
                Err(errno) => self.fail("wait for children", errno),
            }
        }
    }

    /// Until the latest child of this name is reaped, by us or by another thread.
    pub(super) fn wait_for(&mut self, full: &str) {
        let Some(child) = self.own().children.latest(full) else { return };
        while self.own().children.knows(child.pid) {
            let woken = self.pause(&mut [PollFd::new(child.as_fd(), PollFlags::POLLIN)], None);
            if woken == Woken::Ready {
                self.reap(child.pid);
            }
        }
    }

    /// Reaps a child that has ended; one that lives, or that another thread has reaped, is left.
    fn reap(&mut self, pid: Pid) {
        let reaped = if self.own().children.knows(pid) {
            self.own_mut().children.reap(pid)
        } else {
            children::reap_adopted(pid).map(|status| status.map(|status| (self.full(ADOPTED), status)))
        };
        match reaped {
            Ok(Some((name, status))) => self.tell_of(&name, pid, status),
            Ok(None) => {}
            Err(errno) => self.fail("reap a child", errno),
        }
    }

    fn tell_of(&self, name: &str, pid: Pid, status: ExitStatus) {
        if let Some(status) = word(status).filter(|_| name != self.between()) {
            self.own().reporter.say(name, pid, What::Reaped(status));
        }
    }

    /// What the first child of a daemonize is called among ours.
    fn between(&self) -> String {
        self.full(BETWEEN)
    }
}

/// A child that somebody else has forked: its pid says who it is.
const ADOPTED: &str = "(adopted)";
