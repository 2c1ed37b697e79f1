//! What a world and its local tasks share: the queue of what became ready, the units, and what was noticed.

use super::roll::Roll;
use super::unit::Unit;
use crate::procfs::{self, Stat};
use crate::scope::Realm;
use crate::spawn::{self, Child};
use shakedown_core::ids::{OpId, Pid, UnitId};
use shakedown_core::signal::Signal;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{
    Completion, Errno, ExitNotice, ExitStatus, ProcessEvent, ProcessSpec, ProcessWhat, Request, SpawnFailure, Stream,
    Survey, Survivor,
};
use shakedown_core::world::Ready;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// What the world and its tasks share.
pub(super) struct Shared {
    pub(super) began: std::time::Instant,
    pub(super) bell: Arc<Notify>,
    pub(super) ready: RefCell<VecDeque<Ready>>,
    pub(super) units: RefCell<BTreeMap<UnitId, Rc<Unit>>>,
    pub(super) waits: RefCell<BTreeMap<OpId, AbortHandle>>,
    pub(super) roll: RefCell<Roll>,
    pub(super) births: Arc<Mutex<VecDeque<Birth>>>,
    pub(super) reports: AsyncFd<OwnedFd>,
    pub(super) reports_name: String,
    pub(super) findings: RefCell<Vec<String>>,
    pub(super) owns_all_children: bool,
    /// Spawns that the spawner has not answered yet.
    pub(super) in_flight: Cell<u32>,
    /// Abandoned units that are not over yet.
    pub(super) endings: Cell<u32>,
}

/// The spawner's answer, on its way to the host's thread.
pub(super) struct Birth {
    pub(super) op: OpId,
    pub(super) unit: UnitId,
    pub(super) spec: Arc<ProcessSpec>,
    pub(super) tag: String,
    /// On which it may say that it is ready.
    pub(super) socket: Option<OwnedFd>,
    pub(super) born: Result<Child, SpawnFailure>,
}

impl Shared {
    pub(super) fn now(&self) -> Instant {
        Instant::from_nanos(u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    pub(super) fn push(&self, ready: Ready) {
        self.ready.borrow_mut().push_back(ready);
        self.bell.notify_one();
    }

    pub(super) fn find(&self, what: String) {
        self.findings.borrow_mut().push(what);
    }

    pub(super) fn observe(&self, pid: Pid, name: &Arc<str>, what: ProcessWhat) {
        let event = ProcessEvent { at: self.now(), name: name.clone(), pid: pid.as_raw(), what };
        self.push(Ready::Observed(event));
    }

    pub(super) fn knows(&self, process: &Stat) -> bool {
        self.roll.borrow().knows(process.pid, process.started)
    }

    pub(super) fn drain_reports(self: &Rc<Self>) {
        self.take_reports(self.reports.get_ref());
    }

    pub(super) async fn listen(self: Rc<Self>) {
        while let Ok(mut arrived) = self.reports.readable().await {
            // Cleared before the draining: what arrives meanwhile is either drained, too, or makes it readable again.
            arrived.clear_ready();
            self.drain_reports();
        }
    }

    pub(super) fn take_births(self: &Rc<Self>) {
        loop {
            let birth = self.births.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(Birth { op, unit, spec, tag, socket, born }) = birth else { return };
            self.in_flight.set(self.in_flight.get() - 1);
            let result = born.and_then(|child| self.register(unit, &spec, tag, socket, child));
            self.push(Ready::Done { op, completion: Completion::Spawned(result) });
        }
    }

    /// All or nothing: a child that cannot be registered is killed and reaped.
    pub(super) fn register(
        self: &Rc<Self>,
        id: UnitId,
        spec: &ProcessSpec,
        tag: String,
        socket: Option<OwnedFd>,
        child: Child,
    ) -> Result<Pid, SpawnFailure> {
        let pid = child.pid;
        let realm = Realm { leader: pid, scope: spec.scope, tag, is_pinned: Cell::new(true) };
        match Unit::new(id, realm, child, socket, &spec.name) {
            Ok(unit) => {
                self.saw_leader(pid, &spec.name);
                let unit = Rc::new(unit);
                self.units.borrow_mut().insert(id, unit.clone());
                if unit.word.is_some() {
                    let shared = self.clone();
                    drop(tokio::task::spawn_local(async move { shared.hear(&unit).await }));
                }
                Ok(pid)
            }
            Err((errno, pid, pidfd)) => {
                let killed = pidfd.send_group(Signal::KILL).and_then(|()| pidfd.reap_blocking());
                if let Err(errno) = killed {
                    self.find(format!("{pid}, which could not be registered, could not be ended: {errno}"));
                }
                spawn::forget_after(pid, || ((), true));
                Err(SpawnFailure { errno, at_exec: false })
            }
        }
    }

    pub(super) fn survey(self: &Rc<Self>, op: OpId, unit: &Unit) {
        let members = unit.realm.living(&mut unit.kin.borrow_mut());
        let inodes: Vec<u64> = Stream::BOTH.iter().filter_map(|s| unit.output(*s).inode()).collect();
        let holders = procfs::writers_of(&inodes);
        for errno in [members.as_ref().err(), holders.as_ref().err()].into_iter().flatten() {
            self.find(format!("a survey of unit {} is incomplete: {errno}", unit.id.0));
        }
        // Who has come or gone by now has said so: this may be the last look before the end.
        self.drain_reports();
        let members = members.unwrap_or_default().into_iter().map(|s| self.survivor(s.pid)).collect();
        let holders = holders.unwrap_or_default().into_iter().map(|pid| self.survivor(pid)).collect();
        // ECHILD: it was reaped, and `ended` tells.
        let exit = unit.ended.get().or_else(|| unit.leader.get_ref().peek().ok().flatten());
        self.complete(op, Completion::Surveyed(Survey { members, holders, exit }.into()));
    }

    pub(super) fn survivor(&self, pid: Pid) -> Survivor {
        let name = self.roll.borrow().name(pid);
        let name = name.or_else(|| procfs::stat(pid).map(|s| s.comm.into())).unwrap_or_else(|| "(gone)".into());
        Survivor { pid: pid.as_raw(), name }
    }

    pub(super) fn report_abandoned(&self, unit: &Unit, task: &str) {
        let living = unit.realm.living(&mut unit.kin.borrow_mut()).unwrap_or_default();
        for process in living {
            let Survivor { pid, name } = self.survivor(process.pid);
            self.find(format!(
                "no-orphan: {name} ({pid}) outlived the task `{task}` that had started it; end it or detach it"
            ));
        }
    }

    /// A unit that never was, or is over: waits come true at once, and nobody is there to be signalled.
    pub(super) fn answer_for_nobody(&self, op: OpId, request: &Request) {
        let completion = match request {
            Request::Spawn { .. } | Request::CloseInput | Request::CloseOutput(_) | Request::Reap | Request::Detach => {
                return;
            }
            Request::Signal { .. } => Completion::SignalFailed(Errno::ESRCH),
            Request::Exit => {
                Completion::Exited(ExitNotice { status: ExitStatus::Unknown, others: None, writers: None })
            }
            Request::Empty => Completion::Empty,
            Request::Readable(_) => Completion::Readable,
            Request::Writable => Completion::Writable,
            Request::Write(_) => Completion::Written(0),
            Request::Notified(_) => Completion::Notified,
            Request::Connect(_) => Completion::Connected(false),
            Request::Survey => {
                Completion::Surveyed(Survey { members: Vec::new(), holders: Vec::new(), exit: None }.into())
            }
        };
        self.complete(op, completion);
    }
}
