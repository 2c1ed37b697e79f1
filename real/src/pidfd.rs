//! One process, held by a descriptor that can never come to mean another.
//! Every signal of this crate goes through here, because a bare number may be reused as soon as its holder is reaped.
//!
//! Sources: pidfd_open(2), pidfd_send_signal(2), waitid(2), kill(2); the ioctl PIDFD_GET_INFO in linux/pidfd.h (6.13).

use crate::errno;
use rustix::process::{PidfdFlags, WaitId, WaitIdOptions, WaitIdStatus, pidfd_open, waitid};
use shakedown_core::ids::Pid;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Errno, ExitStatus};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// A process, whatever becomes of its number.
#[derive(Debug)]
pub struct Pidfd {
    fd: OwnedFd,
    pid: Pid,
}

impl Pidfd {
    /// Opens the process that has this pid now. For a child of ours that is not reaped it is surely the one we mean; for
    /// anybody else look at the process again after opening.
    ///
    /// # Errors
    /// `ESRCH` where there is none, `EMFILE` where no descriptor is left.
    pub fn open(pid: Pid) -> Result<Pidfd, Errno> {
        let raw = rustix::process::Pid::from_raw(pid.as_raw()).ok_or(Errno::EINVAL)?;
        let opened = pidfd_open(raw, PidfdFlags::empty()).map_err(errno::of_rustix)?;
        // A program may have closed a standard descriptor, and a pidfd must not become its output.
        Ok(Pidfd { fd: crate::spawn::above_stdio(opened)?, pid })
    }

    /// Takes over a descriptor that clone(2) made (CLONE_PIDFD).
    pub(crate) fn from_clone(fd: OwnedFd, pid: Pid) -> Pidfd {
        Pidfd { fd, pid }
    }

    /// The number that it had when it was opened. Once it is reaped that names nobody, or somebody else.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Sends a signal to this process alone. A zombie takes it without effect.
    ///
    /// # Errors
    /// `ESRCH` once it is reaped, `EPERM` where we may not.
    pub fn send(&self, signal: Signal) -> Result<(), Errno> {
        self.send_flagged(signal, 0)
    }

    /// Sends a signal to the group that this process leads or led: whose id is this very pid, not one of the same number. Kernels
    /// below 6.9 lack that, and get [`send_group_by_number`](Self::send_group_by_number).
    ///
    /// # Errors
    /// `ESRCH` where the group is empty, `EPERM` where we may signal nobody in it, `EINVAL` for init's.
    pub fn send_group(&self, signal: Signal) -> Result<(), Errno> {
        if self.pid.as_raw() <= 1 {
            return Err(Errno::EINVAL);
        }
        match self.send_flagged(signal, PIDFD_SIGNAL_PROCESS_GROUP) {
            Err(Errno::EINVAL) => self.send_group_by_number(signal),
            other => other,
        }
    }

    /// The same by killpg(3), while this process pins the number: a child of ours that nobody has reaped.
    ///
    /// # Errors
    /// As [`send_group`](Self::send_group), and `ESRCH` once it is reaped: the number may be a stranger's by now.
    pub fn send_group_by_number(&self, signal: Signal) -> Result<(), Errno> {
        if self.pid.as_raw() <= 1 {
            return Err(Errno::EINVAL);
        }
        match self.peek() {
            Ok(_) => {}
            Err(Errno::ECHILD) => return Err(Errno::ESRCH),
            Err(other) => return Err(other),
        }
        let signal = nix::sys::signal::Signal::try_from(signal.number()).map_err(errno::of_nix)?;
        nix::sys::signal::killpg(nix::unistd::Pid::from_raw(self.pid.as_raw()), signal).map_err(errno::of_nix)
    }

    /// How it ended, without reaping it (WNOWAIT); `None` while it lives. Only for children.
    ///
    /// # Errors
    /// `ECHILD` where it is not ours, or reaped.
    pub fn peek(&self) -> Result<Option<ExitStatus>, Errno> {
        self.wait(WaitIdOptions::NOWAIT)
    }

    /// Reaps it, if it has ended; `None` while it lives. Only for children.
    ///
    /// # Errors
    /// `ECHILD` where it is not ours, or reaped before.
    pub fn reap(&self) -> Result<Option<ExitStatus>, Errno> {
        self.wait(WaitIdOptions::empty())
    }

    /// Waits until it ends, and reaps it. Blocks the thread: for the spawner and for inits, never for a host.
    ///
    /// # Errors
    /// `ECHILD` where it is not ours.
    pub fn reap_blocking(&self) -> Result<ExitStatus, Errno> {
        loop {
            match waitid(WaitId::PidFd(self.fd.as_fd()), WaitIdOptions::EXITED) {
                Ok(Some(status)) => return Ok(status_of_waitid(&status)),
                Ok(None) | Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(errno::of_rustix(e)),
            }
        }
    }

    /// How it ended, for a process that somebody has already reaped. Since Linux 6.15; `None` where the kernel cannot tell.
    pub fn status_after_reaping(&self) -> Option<ExitStatus> {
        let mut info = PidfdInfo { mask: PIDFD_INFO_EXIT, rest: [0; 13], exit_code: 0 };
        // SAFETY: the ioctl writes at most the 64 bytes whose size its number carries, and `info` is exactly that large.
        let answer = unsafe { libc::ioctl(self.fd.as_raw_fd(), PIDFD_GET_INFO, &raw mut info) };
        (answer == 0 && info.mask & PIDFD_INFO_EXIT != 0).then(|| status_of_wait(info.exit_code))
    }

    fn wait(&self, options: WaitIdOptions) -> Result<Option<ExitStatus>, Errno> {
        let options = options | WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        let status = waitid(WaitId::PidFd(self.fd.as_fd()), options).map_err(errno::of_rustix)?;
        Ok(status.as_ref().map(status_of_waitid))
    }

    fn send_flagged(&self, signal: Signal, flags: libc::c_uint) -> Result<(), Errno> {
        let info = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: the descriptor is open for as long as `self` lives, a null siginfo is allowed, and nothing is written to our memory.
        let answer =
            unsafe { libc::syscall(libc::SYS_pidfd_send_signal, self.fd.as_raw_fd(), signal.number(), info, flags) };
        if answer == 0 { Ok(()) } else { Err(errno::last()) }
    }
}

impl AsFd for Pidfd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Pidfd {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// The status word of wait(2): the code in the second byte, or the signal in the low seven bits and 0x80 for a core.
pub fn status_of_wait(word: i32) -> ExitStatus {
    let signal = word & 0x7f;
    if signal == 0 {
        return ExitStatus::Exited(((word >> 8) & 0xff) as u8);
    }
    Signal::from_number(signal)
        .map_or(ExitStatus::Unknown, |signal| ExitStatus::Signalled { signal, core: word & 0x80 != 0 })
}

fn status_of_waitid(status: &WaitIdStatus) -> ExitStatus {
    if let Some(code) = status.exit_status() {
        return ExitStatus::Exited((code & 0xff) as u8);
    }
    let signal = status.terminating_signal().and_then(Signal::from_number);
    signal.map_or(ExitStatus::Unknown, |signal| ExitStatus::Signalled { signal, core: status.dumped() })
}

/// `struct pidfd_info` of linux/pidfd.h in its first version: mask, cgroup id, eleven ids, exit code.
#[repr(C)]
struct PidfdInfo {
    mask: u64,
    rest: [u32; 13],
    exit_code: i32,
}

/// linux/pidfd.h, 6.9: the signal goes to the group led by the process.
const PIDFD_SIGNAL_PROCESS_GROUP: libc::c_uint = 4;
/// linux/pidfd.h, 6.15: the exit code is asked, or was given.
const PIDFD_INFO_EXIT: u64 = 8;
/// `_IOWR(0xFF, 11, struct pidfd_info)` with its 64 bytes.
const PIDFD_GET_INFO: libc::Ioctl = (0xc000_0000_u32 | (64 << 16) | (0xff << 8) | 11) as libc::Ioctl;

const _: () = assert!(size_of::<PidfdInfo>() == 64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_words_are_read_as_wait_writes_them() {
        assert_eq!(status_of_wait(3 << 8), ExitStatus::Exited(3));
        assert_eq!(status_of_wait(9), ExitStatus::Signalled { signal: Signal::KILL, core: false });
        assert_eq!(status_of_wait(0x80 | 11), ExitStatus::Signalled { signal: Signal::SEGV, core: true });
    }

    #[test]
    fn a_group_is_never_init_nor_everybody() {
        let Ok(init) = Pidfd::open(Pid::new(1).unwrap()) else { return };
        assert_eq!(init.send_group(Signal::CONT), Err(Errno::EINVAL));
        assert_eq!(init.send_group_by_number(Signal::CONT), Err(Errno::EINVAL));
    }
}
