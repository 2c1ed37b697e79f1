//! A puppet's children: forked, so that they inherit what children inherit, and held by pidfds.
//! Sources: fork(2), clone(2) CLONE_PIDFD, waitid(2), pidfd_open(2).

use super::signals::{self, Openness};
use crate::pidfd::Pidfd;
use crate::spawn::above_stdio;
use libc::c_long;
use shakedown_core::ids::Pid;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Errno, ExitStatus};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;

/// A child that is not yet reaped.
pub(super) struct Child {
    pub(super) name: String,
    pub(super) pid: Pid,
    pidfd: Pidfd,
}

/// Unreaped children, the latest last. Shared, as a thread may wait for one that another reaps.
#[derive(Default)]
pub(super) struct Children(Vec<Arc<Child>>);

/// Where a fork has returned.
pub(super) enum Side {
    Parent(Pid, Pidfd),
    Child,
}

/// Forks, unless an open signal comes first: then it is `EINTR`, nobody was born, and the signal is to be acted upon before
/// another try. The mask is left as `how` says.
///
/// Not fork(3): between its entry and the system call a signal could come that neither stops the fork nor reaches the child.
pub(super) fn fork(how: Openness) -> Result<Side, Errno> {
    let mut pidfd: libc::c_int = -1;
    let flags = libc::CLONE_PIDFD | libc::SIGCHLD;
    let arguments = [c_long::from(flags), 0, &raw mut pidfd as c_long, 0, 0, 0];
    // SAFETY: without CLONE_VM this is a fork, and the child goes on with a copy of our memory and stack. No other thread holds
    // a lock in it, since we hold the process's, without which nobody allocates. `pidfd` is written before the call returns.
    match unsafe { signals::interruptible(libc::SYS_clone, arguments, how) }? {
        0 => Ok(Side::Child),
        child => {
            let pid = i32::try_from(child).ok().and_then(Pid::new).ok_or(Errno::EINVAL)?;
            // SAFETY: the call succeeded, so the kernel has stored a new descriptor that nobody else owns.
            let pidfd = above_stdio(unsafe { OwnedFd::from_raw_fd(pidfd) })?;
            Ok(Side::Parent(pid, Pidfd::from_clone(pidfd, pid)))
        }
    }
}

impl Children {
    pub(super) fn enter(&mut self, name: String, pid: Pid, pidfd: Pidfd) {
        self.0.push(Arc::new(Child { name, pid, pidfd }));
    }

    /// Takes over a child from before an exec. One that is gone by now is left out: while CHLD is ignored the kernel reaps.
    pub(super) fn enter_again(&mut self, name: String, pid: Pid) -> Result<(), Errno> {
        let pidfd = match Pidfd::open(pid) {
            Ok(pidfd) => pidfd,
            Err(Errno::ESRCH) => return Ok(()),
            Err(errno) => return Err(errno),
        };
        match pidfd.peek() {
            Ok(_) => self.enter(name, pid, pidfd),
            // The number is a stranger's by now.
            Err(Errno::ECHILD) => {}
            Err(errno) => return Err(errno),
        }
        Ok(())
    }

    /// All of them, the latest last.
    pub(super) fn every(&self) -> impl Iterator<Item = &Child> {
        self.0.iter().map(|child| &**child)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The latest unreaped child of this name.
    pub(super) fn latest(&self, name: &str) -> Option<Arc<Child>> {
        self.0.iter().rev().find(|child| child.name == name).cloned()
    }

    /// Signals the latest of this name. One that is reaped is gone, which is no failure of the script.
    pub(super) fn signal(&self, name: &str, signal: Signal) -> Result<(), Errno> {
        match self.latest(name).map(|child| child.pidfd.send(signal)) {
            None | Some(Ok(()) | Err(Errno::ESRCH)) => Ok(()),
            Some(Err(errno)) => Err(errno),
        }
    }

    /// Reaps the child with this pid if it has ended: its name and its status.
    pub(super) fn reap(&mut self, pid: Pid) -> Result<Option<(String, ExitStatus)>, Errno> {
        let Some(at) = self.0.iter().rposition(|child| child.pid == pid) else { return Ok(None) };
        let status = match self.0[at].pidfd.reap() {
            Ok(None) => return Ok(None),
            Ok(Some(status)) => status,
            // Reaped by the kernel, because the script ignores CHLD (wait(2)).
            Err(Errno::ECHILD) => ExitStatus::Unknown,
            Err(errno) => return Err(errno),
        };
        Ok(Some((self.0.remove(at).name.clone(), status)))
    }

    pub(super) fn knows(&self, pid: Pid) -> bool {
        self.0.iter().any(|child| child.pid == pid)
    }
}

impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// Reaps a child that is none of ours by fork, if it has ended. Nobody else can have its number while it is not reaped.
pub(super) fn reap_adopted(pid: Pid) -> Result<Option<ExitStatus>, Errno> {
    match Pidfd::open(pid).and_then(|pidfd| pidfd.reap()) {
        // Another thread was faster.
        Err(Errno::ESRCH | Errno::ECHILD) => Ok(None),
        reaped => reaped,
    }
}

/// The status word of wait(2) for a status.
pub(super) fn word(status: ExitStatus) -> Option<i32> {
    match status {
        ExitStatus::Exited(code) => Some(i32::from(code) << 8),
        ExitStatus::Signalled { signal, core } => Some(signal.number() | if core { 0x80 } else { 0 }),
        ExitStatus::Unknown => None,
    }
}
