//! A unit's own word that it is ready: `READY=1` on a datagram socket that is told to it alone, or a newline on a pipe that it inherits.
//! Listened to as long as the unit is there, because a sender that found its socket full would wait for us.
//!
//! Who speaks is what the kernel has written beside the datagram (SO_PASSCRED), and must belong to the unit by its group, session
//! or tag, or by one of its ancestors. That is looked up on receipt, while the sender lives or is a zombie. One that is reaped
//! already counts only where it was known before: a number alone proves nothing, it may be a stranger's. Senders that mean to end
//! at once wait by `BARRIER=1`, as sd_notify_barrier(3) and systemd-notify(1) do: we keep no descriptor, and that lets them go on.
//!
//! Sources: sd_notify(3), unix(7), systemd.service(5) `NotifyAccess=all`.

use super::Linux;
use super::port::PipeEnd;
use super::unit::LinuxUnit;
use crate::errno;
use crate::procfs;
use crate::world::{Port, Unit as _};
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr, UnixCredentials, bind, recvmsg,
    setsockopt, socket, sockopt,
};
use shakedown_core::ids::Pid;
use shakedown_core::vocab::{Errno, TryRead};
use std::cell::Cell;
use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::rc::Rc;
use std::sync::Arc;
use tokio::io::Interest;
use tokio::sync::Notify;

/// Where a unit says that it is ready, and whether it has.
pub(super) struct Word {
    end: PipeEnd,
    channel: Heard,
    /// Its worker's name, by which puppets are known.
    base: Arc<str>,
    is_said: Cell<bool>,
    said: Notify,
}

/// What is listened to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Heard {
    Socket,
    Pipe,
}

/// What one attempt to hear something came to.
enum Turn {
    /// Something was said.
    Something,
    Nothing,
    /// Nobody can say anything any more.
    Over,
}

impl Word {
    /// Registers our end with the runtime.
    pub(super) fn new(end: OwnedFd, channel: Heard, base: &Arc<str>) -> Result<Word, Errno> {
        let end = PipeEnd::new(Some(end), Interest::READABLE)?;
        Ok(Word { end, channel, base: base.clone(), is_said: Cell::new(false), said: Notify::new() })
    }

    /// Until it was said: maybe for ever.
    pub(super) async fn said(&self) {
        while !self.is_said.get() {
            self.said.notified().await;
        }
    }

    /// Whoever still speaks is refused.
    pub(super) fn close(&self) {
        self.end.close();
    }

    fn is_ready(&self) {
        if !self.is_said.replace(true) {
            self.said.notify_waiters();
        }
    }
}

impl Linux {
    /// Hears what a unit says until nobody can say anything more.
    pub(super) async fn hear(self: &Rc<Self>, unit: &LinuxUnit) {
        let Some(word) = &unit.word else { return };
        loop {
            let turn = match word.channel {
                Heard::Socket => self.take_datagram(unit, word),
                Heard::Pipe => take_newline(word),
            };
            match turn {
                // One at a time: a unit that talks without end does not keep us from others.
                Turn::Something => tokio::task::yield_now().await,
                Turn::Nothing => word.end.ready().await,
                Turn::Over => return word.close(),
            }
        }
    }

    fn take_datagram(self: &Rc<Self>, unit: &LinuxUnit, word: &Word) -> Turn {
        let mut text = [0; DATAGRAM_BYTES_MAX];
        let Some(taken) = word.end.with(|socket| take(socket, &mut text)) else { return Turn::Over };
        match taken {
            Ok(Datagram { length, sender }) => {
                let is_news = !word.is_said.get() && says_ready(&text[..length]);
                if is_news && sender.is_some_and(|sender| self.speaks_for(unit, word, sender)) {
                    word.is_ready();
                }
                Turn::Something
            }
            Err(Errno::EAGAIN) => Turn::Nothing,
            Err(Errno::EINTR) => Turn::Something,
            Err(errno) => {
                self.find(format!("what {} says cannot be heard: {errno} ({})", unit.name(), errno.explain()));
                Turn::Over
            }
        }
    }

    /// Whether a process belongs to the unit: by itself, or by an ancestor. Orphans are ours, and known by what they carry.
    fn speaks_for(self: &Rc<Self>, unit: &LinuxUnit, word: &Word, sender: Pid) -> bool {
        let own = std::process::id() as i32;
        let Some(mut process) = procfs::stat(sender) else {
            // Whatever it has reported of itself it did before it spoke here.
            self.drain_reports();
            let name = self.roll.borrow().last_name(sender);
            let is_kin = unit.kin.borrow().contains_key(&sender);
            return is_kin || name.is_some_and(|n| n.strip_prefix(&*word.base).is_some_and(|n| n.starts_with('/')));
        };
        for _ in 0..ANCESTORS_MAX {
            if process.pid.as_raw() == own {
                return false;
            }
            match unit.realm.claims(&process, &unit.kin.borrow()) {
                Ok(true) => return true,
                Ok(false) => {}
                Err(errno) => {
                    self.find(format!("who speaks for {} cannot be seen: {errno} ({})", unit.name(), errno.explain()));
                    return false;
                }
            }
            match Pid::new(process.ppid).and_then(procfs::stat) {
                Some(parent) => process = parent,
                None => return false,
            }
        }
        false
    }
}

struct Datagram {
    length: usize,
    sender: Option<Pid>,
}

/// Takes one datagram and who has sent it. One that is too long is empty, as systemd leaves it.
fn take(socket: &OwnedFd, text: &mut [u8]) -> Result<Datagram, Errno> {
    let mut beside = nix::cmsg_space!(UnixCredentials, [RawFd; DESCRIPTORS_MAX]);
    let mut into = [IoSliceMut::new(text)];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut into, Some(&mut beside), flags).map_err(errno::of_nix)?;
    let mut sender = None;
    // Where not all of it fitted nobody is known to have spoken.
    for said in message.cmsgs().into_iter().flatten() {
        match said {
            ControlMessageOwned::ScmCredentials(credentials) => sender = Pid::new(credentials.pid()),
            ControlMessageOwned::ScmRights(fds) => {
                for fd in fds {
                    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows its number.
                    drop(unsafe { OwnedFd::from_raw_fd(fd) });
                }
            }
            _ => {}
        }
    }
    let length = if message.flags.contains(MsgFlags::MSG_TRUNC) { 0 } else { message.bytes };
    Ok(Datagram { length, sender })
}

/// Whether one of the lines is `READY=1`. All others (`STATUS=`, `STOPPING=1`, what is not known) are somebody else's business.
fn says_ready(text: &[u8]) -> bool {
    text.split(|b| *b == b'\n').any(|line| line == b"READY=1")
}

/// Any bytes with a newline among them. What comes after is read away, so that no writer is hit by SIGPIPE.
fn take_newline(word: &Word) -> Turn {
    let mut bytes = Vec::new();
    match word.end.try_read(&mut bytes, DATAGRAM_BYTES_MAX) {
        TryRead::Data(_) => {
            if bytes.contains(&b'\n') {
                word.is_ready();
            }
            Turn::Something
        }
        TryRead::WouldBlock => Turn::Nothing,
        TryRead::Eof => Turn::Over,
    }
}

/// A datagram socket with a fresh abstract name, and what `NOTIFY_SOCKET` is to say.
///
/// # Errors
/// `EMFILE` where no descriptor is left.
pub(super) fn listen() -> Result<(OwnedFd, String), Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Unix, SockType::Datagram, flags, None).map_err(errno::of_nix)?;
    let socket = crate::spawn::above_stdio(socket)?;
    // Before it has a name: from its first datagram on the kernel writes down who has sent it.
    setsockopt(&socket, sockopt::PassCred, &true).map_err(errno::of_nix)?;
    let name = format!("shakedown-notify-{}", crate::fresh::fresh_name());
    let address = UnixAddr::new_abstract(name.as_bytes()).map_err(errno::of_nix)?;
    bind(socket.as_raw_fd(), &address).map_err(errno::of_nix)?;
    Ok((socket, format!("@{name}")))
}

/// The variable that names the socket.
pub(super) const SOCKET_VARIABLE: &str = "NOTIFY_SOCKET";
/// What systemd takes at most: `PIPE_BUF`.
const DATAGRAM_BYTES_MAX: usize = 4096;
/// Descriptors sent with one datagram (SCM_MAX_FD in the kernel); they are closed.
const DESCRIPTORS_MAX: usize = 253;
/// How far up a sender's ancestors are looked at.
const ANCESTORS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_a_line_of_its_own() {
        for (text, is_ready) in [
            ("READY=1", true),
            ("READY=1\n", true),
            ("STATUS=warm\nREADY=1\nMAINPID=7", true),
            ("X_UNKNOWN=x\n\nREADY=1", true),
            ("READY=0", false),
            ("READY=11", false),
            ("STATUS=READY=1", false),
            ("STOPPING=1", false),
            (" READY=1", false),
            ("", false),
        ] {
            assert_eq!(says_ready(text.as_bytes()), is_ready, "{text:?}");
        }
    }
}
