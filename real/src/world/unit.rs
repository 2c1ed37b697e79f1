//! One unit of a world: its leader, held by a pidfd as long as anything may be asked of the unit, and our ends of its pipes.

use super::port::Port;
use super::word::{Heard, Word};
use crate::pidfd::Pidfd;
use crate::scope::{Kin, Realm};
use crate::spawn::Child;
use crate::watch::watch;
use shakedown_core::ids::{OpId, Pid, UnitId};
use shakedown_core::vocab::{Errno, ExitStatus, Stream};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A process unit.
pub(super) struct Unit {
    pub(super) id: UnitId,
    pub(super) realm: Realm,
    pub(super) leader: AsyncFd<Pidfd>,
    pub(super) stdin: Port,
    stdout: Port,
    stderr: Port,
    /// Where it says that it is ready, if it was asked to.
    pub(super) word: Option<Word>,
    pub(super) kin: RefCell<Kin>,
    /// Bytes to be written to stdin, in the order in which they were given.
    pub(super) writes: RefCell<VecDeque<(OpId, Arc<[u8]>)>>,
    pub(super) is_pumping: Cell<bool>,
    pub(super) ended: Cell<Option<ExitStatus>>,
    /// Whether nobody else lived in the scope at some time after the leader's end: then nobody can be born there any more.
    pub(super) is_alone: Cell<bool>,
}

impl Unit {
    /// Registers a child with the runtime. Where that fails the child is handed back, to be ended.
    pub(super) fn new(
        id: UnitId,
        realm: Realm,
        child: Child,
        socket: Option<OwnedFd>,
        name: &Arc<str>,
    ) -> Result<Unit, (Errno, Pid, Pidfd)> {
        let Child { pid, pidfd, stdin, stdout, stderr, newline } = child;
        let end = socket.map(|end| (end, Heard::Socket)).or(newline.map(|end| (end, Heard::Pipe)));
        let word = match end.map(|(end, channel)| Word::new(end, channel, name)).transpose() {
            Ok(word) => word,
            Err(errno) => return Err((errno, pid, pidfd)),
        };
        let ports = Port::new(stdin, Interest::WRITABLE).and_then(|stdin| {
            Ok((stdin, Port::new(stdout, Interest::READABLE)?, Port::new(stderr, Interest::READABLE)?))
        });
        let (stdin, stdout, stderr) = match ports {
            Ok(ports) => ports,
            Err(errno) => return Err((errno, pid, pidfd)),
        };
        let leader = match watch(pidfd, Interest::READABLE) {
            Ok(leader) => leader,
            Err((pidfd, errno)) => return Err((errno, pid, pidfd)),
        };
        Ok(Unit {
            id,
            realm,
            leader,
            stdin,
            stdout,
            stderr,
            word,
            kin: RefCell::default(),
            writes: RefCell::default(),
            is_pumping: Cell::new(false),
            ended: Cell::new(None),
            is_alone: Cell::new(false),
        })
    }

    pub(super) fn pid(&self) -> Pid {
        self.realm.leader
    }

    pub(super) fn is_reaped(&self) -> bool {
        !self.realm.is_pinned.get()
    }

    pub(super) fn output(&self, stream: Stream) -> &Port {
        match stream {
            Stream::Stdout => &self.stdout,
            Stream::Stderr => &self.stderr,
        }
    }

    /// Whether anybody still holds the write end of an output that we have not closed.
    pub(super) fn has_writers(&self) -> Option<bool> {
        let known: Vec<bool> = Stream::BOTH.iter().filter_map(|s| self.output(*s).has_peers()).collect();
        if known.is_empty() { None } else { Some(known.contains(&true)) }
    }

    /// Closes what can bring nothing more, now that the leader is reaped: not every owner closes what it has read to the end.
    pub(super) fn close_spent(&self) {
        for port in [&self.stdin, &self.stdout, &self.stderr] {
            if port.is_spent() {
                port.close();
            }
        }
    }

    /// Whether its leader is reaped, and its pipes are closed.
    pub(super) fn is_closed(&self) -> bool {
        self.is_reaped() && self.stdin.is_closed() && self.stdout.is_closed() && self.stderr.is_closed()
    }
}
