//! The roll of processes that were seen: each starts once and ends once, whoever tells, and the kernel's word on an end counts.
//! Sources of an end, best first: our own reaping, the exit code in /proc of a zombie, PIDFD_GET_INFO, its parent's report,
//! its own announcement (after which it may still have been killed).

use super::Linux;
use crate::errno;
use crate::pidfd::{Pidfd, status_of_wait};
use crate::procfs::{self, Stat};
use crate::puppet::{Report, What, parse_report};
use crate::spawn;
use crate::watch::watch;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, bind, recv, socket};
use shakedown_core::ids::Pid;
use shakedown_core::vocab::{Errno, ExitStatus, ProcessWhat};
use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use tokio::io::Interest;

/// Processes by their present pid.
#[derive(Default)]
pub(super) struct Roll {
    seen: BTreeMap<Pid, Entry>,
}

struct Entry {
    name: Arc<str>,
    /// Who has told of its birth. Each does so once, in any order: a second time means that the pid was used again.
    told_by_itself: bool,
    told_by_parent: bool,
    started: Option<u64>,
    announced: Option<u8>,
    progress: Progress,
}

/// Who tells of a birth. The child may be killed before it can, and so may its parent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Witness {
    Itself,
    Parent,
}

impl Entry {
    /// Whether this witness tells of the same birth for the first time.
    fn hears(&mut self, name: &str, witness: Witness) -> bool {
        let told = match witness {
            Witness::Itself => &mut self.told_by_itself,
            Witness::Parent => &mut self.told_by_parent,
        };
        *self.name == *name && !std::mem::replace(told, true)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Alive,
    /// Gone and reaped, and nobody has told yet how it ended.
    Untold,
    Ended,
}

impl Roll {
    /// Its name, where the process that has this pid now is known.
    pub(super) fn name(&self, pid: Pid) -> Option<Arc<str>> {
        self.seen.get(&pid).filter(|e| e.progress == Progress::Alive).map(|e| e.name.clone())
    }

    /// The name of whoever had this pid last, alive or not.
    pub(super) fn last_name(&self, pid: Pid) -> Option<Arc<str>> {
        self.seen.get(&pid).map(|e| e.name.clone())
    }

    /// Whether this very process has reported itself.
    pub(super) fn knows(&self, pid: Pid, started: u64) -> bool {
        self.seen.get(&pid).is_some_and(|e| e.progress != Progress::Ended && e.started == Some(started))
    }

    /// It is reaped, and every report of its birth was taken before: another one is of another process.
    pub(super) fn close(&mut self, pid: Pid) {
        if let Some(entry) = self.seen.get_mut(&pid) {
            (entry.told_by_itself, entry.told_by_parent) = (true, true);
        }
    }
}

impl Linux {
    /// Takes reports as they arrive.
    pub(super) async fn listen(self: Rc<Self>) {
        while let Ok(mut arrived) = self.reports.readable().await {
            // Cleared before the draining: what arrives meanwhile is either drained, too, or makes it readable again.
            arrived.clear_ready();
            self.drain_reports();
        }
    }

    /// Takes every report that has arrived.
    pub(super) fn drain_reports(self: &Rc<Self>) {
        self.take_reports(self.reports.get_ref());
    }

    pub(super) fn knows(&self, process: &Stat) -> bool {
        self.roll.borrow().knows(process.pid, process.started)
    }

    /// A leader was started by us.
    pub(super) fn saw_leader(&self, pid: Pid, name: &str) {
        let name: Arc<str> = format!("{name}/main").into();
        let is_known = self.roll.borrow_mut().seen.get_mut(&pid).is_some_and(|e| e.hears(&name, Witness::Parent));
        if !is_known {
            // Pinned by us: only of others could the number pass on unseen.
            self.enrol(pid, name, Witness::Parent, None);
        }
    }

    /// A process ended, and this is the kernel's word on how.
    pub(super) fn saw_end(&self, pid: Pid, status: ExitStatus) {
        let name = match self.roll.borrow_mut().seen.get_mut(&pid) {
            Some(entry) if entry.progress != Progress::Ended => {
                entry.progress = Progress::Ended;
                entry.name.clone()
            }
            Some(_) | None => return,
        };
        if let ExitStatus::Signalled { signal, .. } = status {
            self.observe(pid, &name, ProcessWhat::Signalled(signal));
        }
        self.observe(pid, &name, ProcessWhat::Exited(status));
    }

    fn take_reports(self: &Rc<Self>, socket: &OwnedFd) {
        let mut buffer = [0u8; REPORT_BYTES_MAX];
        loop {
            match recv(socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
                Ok(n) => match std::str::from_utf8(&buffer[..n]).ok().and_then(parse_report) {
                    Some(report) => self.take_report(report),
                    None => self.find(format!("a report on the puppets' socket makes no sense: {:?}", &buffer[..n])),
                },
                Err(nix::errno::Errno::EINTR) => {}
                Err(nix::errno::Errno::EAGAIN) => return,
                Err(e) => return self.find(format!("the puppets' socket cannot be read: {e}")),
            }
        }
    }

    fn take_report(self: &Rc<Self>, report: Report) {
        let Report { name, pid, what } = report;
        match what {
            What::Started => self.take_birth(pid, name.into(), Witness::Itself),
            What::Forked => self.take_birth(pid, name.into(), Witness::Parent),
            What::Installed(signal) => self.observe(pid, &name.into(), ProcessWhat::Installed(signal)),
            What::Signalled(signal) => self.observe(pid, &name.into(), ProcessWhat::Signalled(signal)),
            What::Exiting(code) => {
                let is_untold = match self.roll.borrow_mut().seen.get_mut(&pid) {
                    Some(entry) => {
                        entry.announced = Some(code);
                        entry.progress == Progress::Untold
                    }
                    None => false,
                };
                if is_untold {
                    self.saw_end(pid, ExitStatus::Exited(code));
                }
            }
            What::Reaped(word) => {
                self.saw_end(pid, status_of_wait(word));
                self.roll.borrow_mut().close(pid);
            }
        }
    }

    fn take_birth(self: &Rc<Self>, pid: Pid, name: Arc<str>, witness: Witness) {
        let known = self.roll.borrow_mut().seen.get_mut(&pid).map(|e| (e.hears(&name, witness), e.progress));
        match known {
            Some((true, _)) => return,
            // The number was used again before we learnt how its former holder ended.
            Some((false, Progress::Alive | Progress::Untold)) => self.saw_end(pid, ExitStatus::Unknown),
            Some((false, Progress::Ended)) | None => {}
        }
        self.enrol(pid, name, witness, procfs::stat(pid).map(|s| s.started));
        if !spawn::is_leader(pid) {
            self.watch(pid);
        }
    }

    fn enrol(&self, pid: Pid, name: Arc<str>, witness: Witness, started: Option<u64>) {
        let mut entry = Entry {
            name: name.clone(),
            told_by_itself: false,
            told_by_parent: false,
            started,
            announced: None,
            progress: Progress::Alive,
        };
        entry.hears(&name, witness);
        self.roll.borrow_mut().seen.insert(pid, entry);
        self.observe(pid, &name, ProcessWhat::Started);
    }

    /// Learns of the end of a process that is not ours to reap.
    fn watch(self: &Rc<Self>, pid: Pid) {
        let watched = match Pidfd::open(pid) {
            Ok(pidfd) => watch(pidfd, Interest::READABLE).map_err(|(_, errno)| errno),
            // Over and reaped before we looked: the reports tell.
            Err(Errno::ESRCH) => return self.is_gone(pid, None),
            Err(errno) => Err(errno),
        };
        match watched {
            Ok(watched) => {
                let linux = self.clone();
                tokio::task::spawn_local(async move {
                    if watched.readable().await.is_ok() {
                        linux.drain_reports();
                        linux.is_gone(pid, Some(watched.get_ref()));
                    }
                });
            }
            Err(errno) => self.find(format!("process {pid} cannot be watched: {errno} ({})", errno.explain())),
        }
    }

    fn is_gone(&self, pid: Pid, pidfd: Option<&Pidfd>) {
        let (started, announced) = match self.roll.borrow().seen.get(&pid) {
            Some(entry) if entry.progress == Progress::Alive => (entry.started, entry.announced),
            Some(_) | None => return,
        };
        let as_zombie = procfs::stat(pid).filter(|s| Some(s.started) == started).and_then(|s| s.ended());
        let status = as_zombie.or_else(|| pidfd?.status_after_reaping()).or(announced.map(ExitStatus::Exited));
        match status {
            Some(status) => self.saw_end(pid, status),
            None => {
                if let Some(entry) = self.roll.borrow_mut().seen.get_mut(&pid) {
                    entry.progress = Progress::Untold;
                }
            }
        }
    }
}

/// A datagram socket with a fresh abstract name, for reports.
pub(super) fn listen() -> Result<(OwnedFd, String), Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Unix, SockType::Datagram, flags, None).map_err(errno::of_nix)?;
    let name = format!("shakedown-{}", crate::fresh::fresh_name());
    let address = UnixAddr::new_abstract(name.as_bytes()).map_err(errno::of_nix)?;
    bind(socket.as_raw_fd(), &address).map_err(errno::of_nix)?;
    Ok((socket, name))
}

/// Longer than any report: names are at most a few hundred bytes.
const REPORT_BYTES_MAX: usize = 4096;
