//! fork(2): what a child copies, shares and starts without.
//! The one place where processes are born, whether the host or another process forks.

use super::Kernel;
use super::list::Chain;
use super::process::{Frame, Process, Progress, Role};
use super::sigset::{Mask, SignalSet};
use shakedown_core::ids::{Pid, ProcId, UnitId};
use shakedown_core::puppet::{Block, Fd};
use shakedown_core::site::{Label, hash_name};
use shakedown_core::vocab::Deed;
use std::sync::Arc;

/// The identity of a child, which fork does not copy.
pub(super) struct Child {
    pub(super) pid: i32,
    pub(super) unit: UnitId,
    /// Its name, the worker's included; `None` for that of its unit's leader.
    pub(super) name: Option<Arc<str>>,
    /// The hash of its name without the worker's.
    pub(super) called: u64,
    pub(super) label: Label,
}

impl Kernel {
    /// Forks. The child has one thread and a new pid; group, session, descriptors, files and dispositions of its parent, and the mask
    /// of the thread that forks; nothing pending, no timer, neither PDEATHSIG nor subreaper, and no program yet.
    pub(super) fn fork(&mut self, forker: ProcId, child: Child) -> ProcId {
        let id = ProcId(self.born as u32);
        let (parent, mask) = (self.process_of(forker), self.entry(forker).mask);
        match &child.name {
            Some(name) => self.new_record(id, name),
            None => self.new_leader(id, child.unit),
        }
        let [from, to] =
            self.procs.get_disjoint_mut([parent.index(), id.index()]).expect("a child is not its own parent");
        to.pid = child.pid;
        to.parent = parent;
        to.forked_by = forker;
        to.unit = Some(child.unit);
        to.called = child.called;
        to.label = child.label;
        to.started = self.clocks.boottime(self.now);
        to.signals.fork_from(&from.signals);
        to.fds = from.fds;
        to.inherited = from.inherited;
        if let Some(rare) = &from.rare
            && !rare.files.is_empty()
        {
            to.rare_mut().files.clone_from(&rare.files);
        }
        let (pgid, sid, fds) = (from.pgid, from.sid, from.fds);
        self.entry_mut(id).mask = Mask { own: SignalSet::default(), ..mask };
        self.share_ends(child.unit, fds);
        self.share_files(id);
        if !self.ttys.is_empty() {
            self.share_slaves(parent, id);
        }
        self.pids.at(child.pid).task = Some(id);
        self.join_group(id, pgid);
        self.join_session(id, sid);
        self.count_task(id);
        if !self.cgroups.is_empty() {
            self.join_cgroup(id);
        }
        let siblings = self.entry(parent).children;
        self.entry_mut(parent).children = siblings.push(&mut self.procs, Chain::Siblings, id);
        let unit = self.units.at(child.unit);
        unit.living = unit.living.push(&mut self.procs, Chain::Unit, id);
        self.living += 1;
        let pid = Pid::new(child.pid).expect("pids are positive");
        self.deeds.push(Deed::Born { child: id, pid, parent, unit: Some(child.unit) });
        id
    }

    /// Forks on behalf of a thread; the child plays `body`. `None` where no pid is free (EAGAIN).
    pub(super) fn fork_puppet(&mut self, forker: ProcId, own: &str, body: &Block) -> Option<ProcId> {
        let parent = self.process_of(forker);
        let pid = self.number_for_child(parent).ok()?;
        let called = hash_name(own);
        let process = self.entry_mut(parent);
        let label = process.label;
        let nth = process.count_birth(called);
        let unit = process.unit.expect("init and the host play no scripts");
        let of = self.units.at(unit);
        let name = self.names.full(&of.worker, own, called);
        let child = Child { pid, unit, name: Some(name), called, label: label.child_hashed(called, nth) };
        let id = self.fork(forker, child);
        self.load(id, body);
        self.announce(id);
        Some(id)
    }

    /// Puts the first verb of a program before a process.
    pub(super) fn load(&mut self, id: ProcId, program: &Block) {
        let frames = &mut self.entry_mut(id).frames;
        frames.clear();
        // Most programs never nest, and ten thousand processes are worth the few that grow.
        frames.reserve_exact(1);
        frames.push(Frame { block: program.clone(), at: 0, role: Role::Program, progress: Progress::Fresh });
    }

    /// A new record at the end of the table.
    pub(super) fn new_record(&mut self, id: ProcId, name: &Arc<str>) {
        begin_record(&mut self.procs, id, name);
        self.born = id.index() + 1;
    }

    /// The same, for a process that is called as the leader of this unit.
    fn new_leader(&mut self, id: ProcId, unit: UnitId) {
        begin_record(&mut self.procs, id, &self.units.at(unit).leader_name);
        self.born = id.index() + 1;
    }

    /// Counts a further holder of each descriptor. What the host hands to a fresh leader is counted when the pipe is made.
    fn share_ends(&mut self, unit: UnitId, fds: [Option<super::pipe::PipeId>; 3]) {
        for (at, pipe) in fds.into_iter().enumerate() {
            let Some(pipe) = pipe else { continue };
            let pipe = self.pipes.at(pipe);
            if at == Fd::Stdin as usize {
                pipe.readers += 1;
            } else {
                pipe.writers += 1;
                self.units.at(unit).writers += 1;
            }
        }
    }
}

/// Simulations of one plan bear their processes in about the same order: mostly the record is called so already, and to count one owner
/// more of the name, and one less of another, costs more than to look.
#[inline(always)]
pub(super) fn begin_record(procs: &mut Vec<Process>, id: ProcId, name: &Arc<str>) {
    match procs.get_mut(id.index()) {
        Some(record) => {
            record.renew();
            if !Arc::ptr_eq(&record.name, name) {
                record.name = name.clone();
            }
            record.process = id;
        }
        None => procs.push(Process { process: id, ..Process::blank(name.clone()) }),
    }
}
