//! One unit of a world: its leader, held by a pidfd as long as anything may be asked of the unit, and our ends of its pipes.

use super::port::PipeEnd;
use super::word::{Heard, Word};
use crate::pidfd::Pidfd;
use crate::scope::{Kin, Realm};
use crate::spawn::Child;
use crate::watch::watch;
use crate::world::Unit;
use shakedown_core::ids::{Pid, UnitId};
use shakedown_core::vocab::{Errno, ExitStatus, Stream};
use std::cell::{Cell, RefCell};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A process unit.
pub struct LinuxUnit {
    pub(super) id: UnitId,
    name: Arc<str>,
    pub(super) realm: Realm,
    pub(super) leader: AsyncFd<Pidfd>,
    stdin: PipeEnd,
    stdout: PipeEnd,
    stderr: PipeEnd,
    /// Where it says that it is ready, if it was asked to.
    pub(super) word: Option<Word>,
    pub(super) kin: RefCell<Kin>,
    /// Whether it is nobody's child here: an earlier supervisor has started it.
    pub(super) is_adopted: bool,
    pub(super) is_reaped: Cell<bool>,
    pub(super) ended: Cell<Option<ExitStatus>>,
    /// Whether nobody else lived in the scope at some time after the leader's end: then nobody can be born there any more.
    pub(super) is_alone: Cell<bool>,
}

impl LinuxUnit {
    /// Registers a child with the runtime. Where that fails the child is handed back, to be ended.
    pub(super) fn new(
        id: UnitId,
        realm: Realm,
        child: Child,
        socket: Option<OwnedFd>,
        name: &Arc<str>,
    ) -> Result<LinuxUnit, (Errno, Pid, Pidfd)> {
        let Child { pid, pidfd, stdin, stdout, stderr, newline } = child;
        let end = socket.map(|end| (end, Heard::Socket)).or(newline.map(|end| (end, Heard::Pipe)));
        let word = match end.map(|(end, channel)| Word::new(end, channel, name)).transpose() {
            Ok(word) => word,
            Err(errno) => return Err((errno, pid, pidfd)),
        };
        let ports = PipeEnd::new(stdin, Interest::WRITABLE).and_then(|stdin| {
            Ok((stdin, PipeEnd::new(stdout, Interest::READABLE)?, PipeEnd::new(stderr, Interest::READABLE)?))
        });
        let (stdin, stdout, stderr) = match ports {
            Ok(ports) => ports,
            Err(errno) => return Err((errno, pid, pidfd)),
        };
        let leader = match watch(pidfd, Interest::READABLE) {
            Ok(leader) => leader,
            Err((pidfd, errno)) => return Err((errno, pid, pidfd)),
        };
        Ok(LinuxUnit {
            id,
            name: name.clone(),
            is_adopted: !realm.is_pinned.get(),
            is_reaped: Cell::new(false),
            realm,
            leader,
            stdin,
            stdout,
            stderr,
            word,
            kin: RefCell::default(),
            ended: Cell::new(None),
            is_alone: Cell::new(false),
        })
    }

    pub(super) fn pid(&self) -> Pid {
        self.realm.leader
    }
}

impl Unit for LinuxUnit {
    type Port = PipeEnd;

    fn name(&self) -> String {
        format!("{} ({})", self.name, self.pid())
    }

    fn stdin(&self) -> &PipeEnd {
        &self.stdin
    }

    fn output(&self, stream: Stream) -> &PipeEnd {
        match stream {
            Stream::Stdout => &self.stdout,
            Stream::Stderr => &self.stderr,
        }
    }

    fn is_reaped(&self) -> bool {
        self.is_reaped.get()
    }

    fn has_writers(&self) -> Option<bool> {
        let known: Vec<bool> = Stream::BOTH.iter().filter_map(|s| self.output(*s).has_peers()).collect();
        if known.is_empty() { None } else { Some(known.contains(&true)) }
    }
}
