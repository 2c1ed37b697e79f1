//! A puppet's children: forked, so that they inherit what children inherit, and held by pidfds.
//! Sources: fork(2), setsid(2), waitid(2), pidfd_open(2).

use crate::errno;
use crate::pidfd::Pidfd;
use nix::unistd::ForkResult;
use shakedown_core::ids::Pid;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Errno, ExitStatus};
use std::os::fd::{AsFd, BorrowedFd};

/// A child that is not yet reaped.
pub(super) struct Fork {
    pub(super) name: String,
    pub(super) pid: Pid,
    pidfd: Pidfd,
}

/// Unreaped children, the latest last.
#[derive(Default)]
pub(super) struct Children(Vec<Fork>);

/// Where a fork has returned.
pub(super) enum Side {
    Parent,
    Child,
}

impl Children {
    /// Forks a child of this name. In the child, nothing of the parent's children is left.
    pub(super) fn fork(&mut self, name: String) -> Result<Side, Errno> {
        // SAFETY: a puppet has one thread, so no lock can be held by another.
        match unsafe { nix::unistd::fork() }.map_err(errno::of_nix)? {
            ForkResult::Child => {
                self.0.clear();
                Ok(Side::Child)
            }
            ForkResult::Parent { child } => {
                let pid = Pid::new(child.as_raw()).ok_or(Errno::EINVAL)?;
                // Ours and not reaped: the number is surely the child's.
                let pidfd = Pidfd::open(pid)?;
                self.0.push(Fork { name, pid, pidfd });
                Ok(Side::Parent)
            }
        }
    }

    /// The latest unreaped child of this name.
    pub(super) fn latest(&self, name: &str) -> Option<&Fork> {
        self.0.iter().rev().find(|child| child.name == name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Signals the latest of this name. One that is reaped is gone, which is no failure of the script.
    pub(super) fn signal(&self, name: &str, signal: Signal) -> Result<(), Errno> {
        match self.latest(name).map(|child| child.pidfd.send(signal)) {
            None | Some(Ok(()) | Err(Errno::ESRCH)) => Ok(()),
            Some(Err(errno)) => Err(errno),
        }
    }

    /// All of them, to wait on.
    pub(super) fn every(&self) -> impl Iterator<Item = &Fork> {
        self.0.iter()
    }

    /// Reaps the child with this pid if it has ended.
    pub(super) fn reap(&mut self, pid: Pid) -> Result<Option<(Fork, ExitStatus)>, Errno> {
        let Some(at) = self.0.iter().position(|child| child.pid == pid) else { return Ok(None) };
        match self.0[at].pidfd.reap() {
            Ok(Some(status)) => Ok(Some((self.0.remove(at), status))),
            Ok(None) => Ok(None),
            // Reaped by the kernel, because the script ignores SIGCHLD (wait(2)).
            Err(Errno::ECHILD) => Ok(Some((self.0.remove(at), ExitStatus::Unknown))),
            Err(errno) => Err(errno),
        }
    }
}

impl AsFd for Fork {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
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
