//! A tiny kernel for the oracles' own tests: it believes whatever it is told. The simulated kernel would be too honest to show
//! a broken promise, and lives in a crate that this one must not know.

use crate::ids::{Pid, ProcId, UnitId};
use crate::vocab::{ExitStatus, ProcessView, Sockets, Truth};
use alloc::string::String;
use alloc::vec::Vec;

struct FakeProc {
    name: String,
    pid: Pid,
    parent: ProcId,
    unit: Option<UnitId>,
    status: Option<ExitStatus>,
    ending: bool,
    reaped: bool,
}

/// A kernel that believes what it is told. Process 0 is the supervisor, 1 is init.
pub(super) struct FakeTruth {
    procs: Vec<FakeProc>,
    outputs: Vec<(UnitId, u64, u64)>,
    writers: Vec<(UnitId, u32)>,
    unread: Vec<(UnitId, u32)>,
    /// What every unit has open in the network.
    pub(super) sockets: Sockets,
}

pub(super) const HOST: ProcId = ProcId(0);

impl FakeTruth {
    pub(super) fn new() -> FakeTruth {
        let (procs, outputs, writers, unread) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut truth = FakeTruth { procs, outputs, writers, unread, sockets: Sockets::default() };
        truth.add("supervisor", None, HOST, 100);
        truth.add("init", None, ProcId(1), 1);
        truth
    }

    pub(super) fn add(&mut self, name: &str, unit: Option<UnitId>, parent: ProcId, pid: i32) -> ProcId {
        let pid = Pid::new(pid).expect("a pid is positive");
        self.procs.push(FakeProc { name: name.into(), pid, parent, unit, status: None, ending: false, reaped: false });
        ProcId(self.procs.len() as u32 - 1)
    }

    pub(super) fn process_of(&self, id: ProcId) -> ProcessView<'_> {
        let p = &self.procs[id.index()];
        ProcessView {
            id,
            pid: p.pid,
            name: &p.name,
            parent: p.parent,
            unit: p.unit,
            alive: p.status.is_none(),
            ending: p.ending,
            zombie: p.status.is_some() && !p.reaped,
            status: p.status,
        }
    }

    fn views(&self) -> impl Iterator<Item = ProcessView<'_>> {
        (0..self.procs.len()).map(|n| self.process_of(ProcId(n as u32)))
    }

    pub(super) fn is_ending(&mut self, who: ProcId) {
        self.procs[who.index()].ending = true;
    }

    pub(super) fn births(&self) -> usize {
        self.procs.len()
    }

    pub(super) fn set_status(&mut self, who: ProcId, status: ExitStatus) {
        self.procs[who.index()].status = Some(status);
    }

    pub(super) fn set_reaped(&mut self, who: ProcId) {
        self.procs[who.index()].reaped = true;
    }

    pub(super) fn set_output(&mut self, unit: UnitId, written: u64, read: u64) {
        self.outputs.push((unit, written, read));
    }

    pub(super) fn set_writers(&mut self, unit: UnitId, writers: u32) {
        self.writers.push((unit, writers));
    }

    pub(super) fn set_unread(&mut self, unit: UnitId, pipes: u32) {
        self.unread.push((unit, pipes));
    }
}

impl Truth for FakeTruth {
    fn host(&self) -> ProcId {
        HOST
    }

    fn process(&self, id: ProcId) -> ProcessView<'_> {
        self.process_of(id)
    }

    fn living(&self, unit: UnitId) -> u32 {
        self.views().filter(|v| v.alive && v.unit == Some(unit)).count() as u32
    }

    fn living_in_all(&self) -> u32 {
        self.views().skip(2).filter(|v| v.alive).count() as u32
    }

    fn zombies_of_host(&self) -> u32 {
        self.views().filter(|v| v.zombie && v.parent == HOST).count() as u32
    }

    fn every(&self, see: &mut dyn FnMut(ProcessView<'_>)) {
        self.views().for_each(see);
    }

    fn unread_pipes(&self, unit: UnitId) -> u32 {
        self.unread.iter().rev().find(|of| of.0 == unit).map_or(0, |of| of.1)
    }

    fn output(&self, unit: UnitId) -> (u64, u64) {
        self.outputs.iter().rev().find(|o| o.0 == unit).map_or((0, 0), |o| (o.1, o.2))
    }

    fn writers(&self, unit: UnitId) -> u32 {
        self.writers.iter().rev().find(|w| w.0 == unit).map_or(0, |w| w.1)
    }

    fn sockets(&self, _: UnitId) -> Sockets {
        self.sockets
    }

    fn leader(&self, unit: UnitId) -> Option<ProcId> {
        self.views().find(|v| v.unit == Some(unit)).map(|v| v.id)
    }
}
