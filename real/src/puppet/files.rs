//! The verbs of what a child can hold: files in one folder of the run, their locks, a listening socket; and word of being ready.
//! Descriptors have numbers above 2, are inherited by children and kept over exec.
//!
//! Sources: open(2), flock(2), ip(7), socket(7) SO_REUSEADDR, sd_notify(3), unix(7).

use super::player::Player;
use super::{FOLDER_VARIABLE, READY_FD_VARIABLE};
use crate::errno;
use libc::c_long;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open, openat};
use nix::sys::stat::Mode;
use shakedown_core::puppet::{Out, PORT_TAKEN, port_taken};
use shakedown_core::vocab::Errno;
use std::ffi::OsStr;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

impl Player {
    pub(super) fn touch(&mut self, file: &str) {
        let touched = make(file).map(drop);
        self.must("make a file", touched);
    }

    /// Held by a descriptor that is never closed, and so until the last process that has a copy ends.
    pub(super) fn lock(&mut self, file: &str) {
        let opened = make(file).and_then(for_ever);
        let fd = opened.unwrap_or_else(|errno| self.fail("open a file to lock", errno));
        let arguments = [c_long::from(fd), libc::LOCK_EX.into(), 0, 0, 0, 0];
        // SAFETY: takes numbers only.
        let locked = unsafe { self.interruptible(libc::SYS_flock, arguments) };
        self.must("lock a file", locked.map(drop));
    }

    pub(super) fn listen(&mut self, port: u16) {
        match listen_on(port).and_then(for_ever) {
            Ok(listener) => self.listeners.push(listener),
            Err(errno) if errno.raw() == i32::from(PORT_TAKEN) => {
                self.write(Out::Stderr, port_taken(port).as_bytes());
                self.checkpoint();
                self.exit(PORT_TAKEN)
            }
            Err(errno) => self.fail("listen", errno),
        }
    }

    /// Where nobody listens, nobody is told: sd_notify(3) leaves it at that, too.
    pub(super) fn notify_ready(&mut self) {
        if let Some(address) = std::env::var_os("NOTIFY_SOCKET") {
            let _ = notify(address.as_bytes());
        } else if let Some(fd) = std::env::var(READY_FD_VARIABLE).ok().and_then(|fd| fd.parse().ok()) {
            // SAFETY: the spawn that has set the variable has put it there, and no verb closes it.
            let _ = nix::unistd::write(unsafe { super::signals::borrow(fd) }, b"\n");
        }
    }
}

/// Makes a file of the run, or opens it. Neither the folder nor the file may be a symbolic link.
fn make(file: &str) -> Result<OwnedFd, Errno> {
    let folder = std::env::var_os(FOLDER_VARIABLE).ok_or(Errno::ENOENT)?;
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let folder = open(&*folder, flags, Mode::empty()).map_err(errno::of_nix)?;
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(folder, file, flags, Mode::S_IRUSR | Mode::S_IWUSR).map_err(errno::of_nix)
}

/// With SO_REUSEADDR, which the library sets: only a living holder keeps the port, not a connection that is long over.
fn listen_on(port: u16) -> Result<OwnedFd, Errno> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|e| errno::of_std(&e))?;
    // Another process that has a copy may be the one who accepts.
    listener.set_nonblocking(true).map_err(|e| errno::of_std(&e))?;
    Ok(listener.into())
}

/// The same with a number above 2, inherited by children and kept over exec, until the process ends.
fn for_ever(fd: OwnedFd) -> Result<RawFd, Errno> {
    let raw = fcntl(&fd, FcntlArg::F_DUPFD(3)).map_err(errno::of_nix)?;
    // SAFETY: fcntl has just made this descriptor, and nobody else knows its number.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) }.into_raw_fd())
}

fn notify(address: &[u8]) -> std::io::Result<usize> {
    let address = match address.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(OsStr::from_bytes(address))?,
    };
    UnixDatagram::unbound()?.send_to_addr(b"READY=1", &address)
}
