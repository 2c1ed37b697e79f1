//! What puppets say of themselves: one datagram a fact, so that processes need not share anything but a socket's name.
//! `started NAME PID`, `forked NAME PID` (by its parent), `installed NAME PID SIG`, `signalled NAME PID SIG`, `exiting NAME PID CODE`, `reaped NAME PID STATUS`.
//!
//! Sources: unix(7): datagrams between unix sockets are neither lost nor reordered; abstract names.

use crate::errno;
use crate::spawn::above_stdio;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, send, socket};
use shakedown_core::ids::Pid;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::Errno;
use std::fmt;
use std::os::fd::{AsRawFd, OwnedFd};

/// One fact about one process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Worker-scoped: `server/helper`.
    pub name: String,
    /// Its pid.
    pub pid: Pid,
    /// What.
    pub what: What,
}

/// What a process, or its parent, reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// It runs.
    Started,
    /// Its parent has borne it: it may be killed before it can say that it runs.
    Forked,
    /// It has installed a disposition.
    Installed(Signal),
    /// It is about to run its handler.
    Signalled(Signal),
    /// It is about to exit with this code.
    Exiting(u8),
    /// Its parent has reaped it: the status word of wait(2).
    Reaped(i32),
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { name, pid, what } = self;
        match what {
            What::Started => write!(f, "started {name} {pid}"),
            What::Forked => write!(f, "forked {name} {pid}"),
            What::Installed(signal) => write!(f, "installed {name} {pid} {signal}"),
            What::Signalled(signal) => write!(f, "signalled {name} {pid} {signal}"),
            What::Exiting(code) => write!(f, "exiting {name} {pid} {code}"),
            What::Reaped(status) => write!(f, "reaped {name} {pid} {status}"),
        }
    }
}

/// Reads a report; `None` where it is none.
pub fn parse(text: &str) -> Option<Report> {
    let (word, rest) = text.split_once(' ')?;
    let (rest, last) = rest.rsplit_once(' ')?;
    let pid = |n: &str| n.parse().ok().and_then(Pid::new);
    let birth = match word {
        "started" => Some(What::Started),
        "forked" => Some(What::Forked),
        _ => None,
    };
    if let Some(what) = birth {
        return Some(Report { name: rest.into(), pid: pid(last)?, what });
    }
    // Real-time signals have no names.
    let signal = |text: &str| Signal::parse(text).or_else(|| text.parse().ok().and_then(Signal::from_number));
    let (name, number) = rest.rsplit_once(' ')?;
    let what = match word {
        "installed" => What::Installed(signal(last)?),
        "signalled" => What::Signalled(signal(last)?),
        "exiting" => What::Exiting(last.parse().ok()?),
        "reaped" => What::Reaped(last.parse().ok()?),
        _ => return None,
    };
    Some(Report { name: name.into(), pid: pid(number)?, what })
}

/// A process's connection to whoever listens; forked children inherit it, executed programs do not.
pub(super) struct Reporter {
    socket: Option<OwnedFd>,
}

impl Reporter {
    /// Nobody wants to know: a puppet started by hand.
    pub(super) fn silent() -> Reporter {
        Reporter { socket: None }
    }

    pub(super) fn connect(address: &str) -> Result<Reporter, Errno> {
        let made =
            socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).map_err(errno::of_nix)?;
        let socket = above_stdio(made)?;
        let name = UnixAddr::new_abstract(address.as_bytes()).map_err(errno::of_nix)?;
        connect(socket.as_raw_fd(), &name).map_err(errno::of_nix)?;
        Ok(Reporter { socket: Some(socket) })
    }

    /// Says it, waiting while the listener's queue is full. Where the listener is gone (its end closed), nobody is left to
    /// tell, and the play goes on.
    pub(super) fn say(&self, name: &str, pid: Pid, what: What) {
        let Some(socket) = &self.socket else { return };
        let text = Report { name: name.into(), pid, what }.to_string();
        loop {
            match send(socket.as_raw_fd(), text.as_bytes(), MsgFlags::MSG_NOSIGNAL) {
                Err(nix::errno::Errno::EINTR) => {}
                Ok(_) | Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_read_back() {
        let pid = Pid::new(42).unwrap();
        for what in [
            What::Started,
            What::Forked,
            What::Installed(Signal::TERM),
            What::Installed(Signal::from_number(40).unwrap()),
            What::Signalled(Signal::USR1),
            What::Exiting(3),
            What::Reaped(0x80 | 11),
        ] {
            let report = Report { name: "server/helper one".into(), pid, what };
            assert_eq!(parse(&report.to_string()), Some(report));
        }
        for wrong in ["", "started", "started x", "exiting x 1 256", "reaped x -1 0", "danced x 1 1"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
