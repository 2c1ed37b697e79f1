//! What the kernel keeps for each unit: its leader, its scope, its pipes, and counts kept up to date as processes come and go.
//! Questions about a unit are answered from here, never by a walk over all processes.

use super::cgroup::CgroupId;
use super::follow::{hears_children, minds_a_continue};
use super::list::List;
use super::pipe::PipeId;
use super::poll::What;
use super::{HOST, Kernel};
use shakedown_core::ids::{OpId, ProcId, UnitId};
use shakedown_core::puppet::Block;
use shakedown_core::vocab::{ExitNotice, ExitStatus, Scope};
use std::sync::Arc;

/// One unit, once spawned: two cache lines, in the first of which lies what is asked most.
#[repr(C, align(64))]
pub(super) struct Unit {
    pub(super) leader: Option<ProcId>,
    pub(super) watches: Vec<(OpId, What)>,
    /// The host's ends of the three pipes.
    pub(super) host_ends: [Option<PipeId>; 3],
    /// Write ends of the outputs held by living processes.
    pub(super) writers: u32,
    /// The leader's number and its generation: what a pidfd of the leader names, also after the leader has been reaped.
    pub(super) pid: i32,
    pub(super) generation: u32,
    pub(super) scope: Scope,
    /// Whether one of its processes has said that it is ready.
    pub(super) said_ready: bool,
    /// Whether its leader has not asked for KILL in case of the host's death.
    pub(super) detached: bool,
    /// Whether it may matter to its programs when they are continued.
    pub(super) minds_a_continue: bool,
    /// Whether one of its programs handles CHLD, and so may hear of a child that stops, goes on or ends.
    pub(super) hears_children: bool,
    /// Living descendants by birth.
    pub(super) living: List,
    /// The control group of that scope, where it is one.
    pub(super) cgroup: CgroupId,
    /// Bytes written to the outputs, and bytes of them read by the host.
    pub(super) written: u64,
    pub(super) read: u64,
    pub(super) worker: Arc<str>,
    /// What its leader is called in full.
    pub(super) leader_name: Arc<str>,
}

const _: () = assert!(size_of::<Unit>() == 128);

/// The units by number. Records are kept for reuse.
#[derive(Default)]
pub(super) struct UnitTable {
    units: Vec<Unit>,
    /// What the leader of each plays, or has played the last time.
    scripts: Vec<Option<Block>>,
    used: usize,
}

impl Unit {
    fn unborn() -> Unit {
        Unit {
            leader: None,
            worker: Arc::from(""),
            leader_name: Arc::from(""),
            scope: Scope::Process,
            cgroup: CgroupId::ROOT,
            pid: 0,
            generation: 0,
            host_ends: [None; 3],
            living: List::default(),
            writers: 0,
            written: 0,
            read: 0,
            said_ready: false,
            detached: false,
            minds_a_continue: false,
            hears_children: false,
            watches: Vec::new(),
        }
    }

    fn renew(&mut self) {
        self.leader = None;
        self.cgroup = CgroupId::ROOT;
        self.host_ends = [None; 3];
        self.living = List::default();
        self.writers = 0;
        self.written = 0;
        self.read = 0;
        self.said_ready = false;
        self.detached = false;
        self.watches.clear();
    }
}

impl UnitTable {
    /// Those that were ever asked for.
    pub(super) fn ids(&self) -> impl Iterator<Item = UnitId> {
        (0..self.used as u32).map(UnitId)
    }

    pub(super) fn reset(&mut self) {
        self.used = 0;
    }

    /// How many there were.
    pub(super) fn len(&self) -> u32 {
        self.used as u32
    }

    /// Nobody waits for anything any more.
    pub(super) fn forget_watches(&mut self) {
        self.units[..self.used].iter_mut().for_each(|unit| unit.watches.clear());
    }

    /// What one was the other is from now on; whoever waits for something of either goes on to wait for it.
    pub(super) fn hand_over(&mut self, from: UnitId, to: UnitId) {
        self.units.swap(from.index(), to.index());
        self.scripts.swap(from.index(), to.index());
        let [from, to] = self.units.get_disjoint_mut([from.index(), to.index()]).expect("nobody takes over itself");
        std::mem::swap(&mut from.watches, &mut to.watches);
    }

    /// Makes room for so many.
    pub(super) fn expect(&mut self, units: usize) {
        self.units.reserve_exact(units.saturating_sub(self.units.len()));
        self.scripts.reserve_exact(units.saturating_sub(self.scripts.len()));
    }

    /// Every unit of this simulation, by its number.
    pub(super) fn every(&self) -> &[Unit] {
        &self.units[..self.used]
    }

    /// The unit, if it was ever spawned or watched.
    pub(super) fn get(&self, unit: UnitId) -> Option<&Unit> {
        self.units[..self.used].get(unit.index())
    }

    /// All units, whether spawned or only watched.
    pub(super) fn all(&self) -> impl Iterator<Item = UnitId> + use<> {
        (0..self.used as u32).map(UnitId)
    }

    /// How many ends of pipes the host has open.
    pub(super) fn open_host_ends(&self) -> u32 {
        self.units[..self.used].iter().flat_map(|unit| unit.host_ends).flatten().count() as u32
    }

    /// The unit, which was spawned or watched.
    #[inline]
    pub(super) fn at(&mut self, unit: UnitId) -> &mut Unit {
        &mut self.units[unit.index()]
    }

    /// The unit, made where it is new. To be called with every number that comes from outside.
    #[inline]
    pub(super) fn claim(&mut self, unit: UnitId) -> &mut Unit {
        if self.used <= unit.index() {
            self.grow(unit.index() + 1);
        }
        self.at(unit)
    }

    #[cold]
    fn grow(&mut self, used: usize) {
        while self.used < used {
            match self.units.get_mut(self.used) {
                Some(record) => record.renew(),
                None => {
                    self.units.push(Unit::unborn());
                    self.scripts.push(None);
                }
            }
            self.used += 1;
        }
    }

    /// Notes what the leader of a unit plays. Simulations of one plan call their units alike, and mostly it is the same again.
    #[inline]
    pub(super) fn plays(&mut self, unit: UnitId, script: &Block) {
        let known = &mut self.scripts[unit.index()];
        if !known.as_ref().is_some_and(|known| Arc::ptr_eq(known, script)) {
            let of = &mut self.units[unit.index()];
            (of.minds_a_continue, of.hears_children) = (minds_a_continue(script), hears_children(script));
            *known = Some(script.clone());
        }
    }
}

impl Kernel {
    /// Whether nobody in the unit's scope is alive. Zombies do not count.
    pub fn scope_is_empty(&self, unit: UnitId) -> bool {
        self.scope_living(unit) == 0
    }

    /// How many are alive in the unit's scope.
    #[inline(always)]
    pub(super) fn scope_living(&self, unit: UnitId) -> u32 {
        let Some(of) = self.units.get(unit) else { return 0 };
        let Some(leader) = of.leader else { return 0 };
        let number = self.pids.get(of.pid).filter(|number| number.generation == of.generation);
        match of.scope {
            Scope::Process => u32::from(self.entry(leader).life.is_living()),
            Scope::Group => number.map_or(0, |number| number.group_living),
            Scope::PosixSession => number.map_or(0, |number| number.session_living),
            Scope::Cgroup => self.cgroups.populated(of.cgroup),
            Scope::Tree | Scope::Job => of.living.len,
        }
    }

    /// What the host learns of the leader's end; `None` while the leader lives. The status of one that it has taken over goes to whoever
    /// is its parent.
    #[inline(always)]
    pub(super) fn exit_notice(&self, unit: UnitId) -> Option<ExitNotice> {
        let of = self.units.get(unit)?;
        let leader = self.entry(of.leader?);
        let ended = leader.life.status()?;
        let status = if leader.parent == HOST { ended } else { ExitStatus::Unknown };
        Some(ExitNotice { status, others: Some(self.scope_living(unit) > 0), writers: Some(of.writers > 0) })
    }
}
