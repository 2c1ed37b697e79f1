//! What the deeds have told so far, by process and by unit, written down once for all oracles. Deeds are judged by the deeds
//! before them and not by the kernel's present state, which may be a step ahead by the time that a deed is looked at.

use crate::ids::{Pid, ProcId, UnitId};
use crate::oracle::{Scene, slot};
use crate::signal::Signal;
use crate::time::Instant;
use crate::vocab::{Deed, ExitStatus, Outcome, Sender};
use alloc::vec::Vec;

/// What is known of a process. The default is one whose birth was never told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proc {
    /// The unit it descends from, by birth.
    pub unit: Option<UnitId>,
    /// Its pid.
    pub pid: Option<Pid>,
    /// When it died; [`Instant::NEVER`] while it lives.
    pub died_at: Instant,
    /// How it died.
    pub status: Option<ExitStatus>,
    /// Our KILL, meant for its unit, was sent while it lived.
    pub killed_alive: bool,
    /// An outcome named it as survivor or holder.
    pub named: bool,
}

impl Default for Proc {
    fn default() -> Self {
        Proc { unit: None, pid: None, died_at: Instant::NEVER, status: None, killed_alive: false, named: false }
    }
}

/// What is known of a unit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unit {
    /// The first process that was born of it. A unit without one is a function, or never began.
    pub leader: Option<ProcId>,
    /// It exists.
    pub heard_of: bool,
    /// A worker's fact bears it: the session answers for it.
    pub of_worker: bool,
    /// Our KILL, meant for it, reached a process of it that lived.
    pub kill_needed: bool,
    /// Our KILL was sent to some process of it, living or dead, meant or not.
    pub kill_sent: bool,
    /// Signals of ours that reached it, one bit a number.
    pub sent: u64,
    /// Its outcome named survivors or holders.
    pub gave_up: bool,
    /// Nobody answers for it any more.
    pub detached: bool,
    /// An earlier supervisor has started it: how its leader ends, whoever is its parent knows.
    pub adopted: bool,
}

/// The processes and units of one run.
#[derive(Debug, Default)]
pub(super) struct Roster {
    procs: Vec<Proc>,
    units: Vec<Unit>,
}

impl Roster {
    pub(super) fn reset(&mut self) {
        self.procs.clear();
        self.units.clear();
    }

    /// So many workers are to come; beside their processes there are the host's own and init.
    pub(super) fn expect(&mut self, workers: usize) {
        self.procs.reserve_exact(workers + 2);
        self.units.reserve_exact(workers);
    }

    pub(super) fn proc(&self, id: ProcId) -> Proc {
        self.procs.get(id.index()).copied().unwrap_or_default()
    }

    pub(super) fn unit(&self, id: UnitId) -> Unit {
        self.units.get(id.index()).copied().unwrap_or_default()
    }

    /// All who were of the one unit are of the other, and who led the one leads the other.
    #[cold]
    pub(super) fn taken_over(&mut self, from: UnitId, to: UnitId) {
        self.procs.iter_mut().filter(|proc| proc.unit == Some(from)).for_each(|proc| proc.unit = Some(to));
        let leader = slot(&mut self.units, from.index()).leader;
        let unit = slot(&mut self.units, to.index());
        (unit.heard_of, unit.adopted, unit.leader) = (true, true, leader);
    }

    /// Whether the session answers for this unit.
    pub(super) fn is_of_worker(&self, unit: Option<UnitId>) -> bool {
        unit.is_some_and(|u| self.unit(u).of_worker)
    }

    pub(super) fn detach(&mut self, unit: UnitId) {
        slot(&mut self.units, unit.index()).detached = true;
    }

    /// Whether a process of this unit may be left: an outcome named it, or its whole unit was let go.
    pub(super) fn may_be_left(&self, id: ProcId, unit: Option<UnitId>) -> bool {
        self.proc(id).named || unit.is_some_and(|u| self.unit(u).detached)
    }

    /// Every unit heard of so far.
    pub(super) fn units(&self) -> impl Iterator<Item = (UnitId, Unit)> + '_ {
        self.units.iter().enumerate().filter(|(_, u)| u.heard_of).map(|(n, &u)| (UnitId(n as u32), u))
    }

    /// Other processes that had this pid, as far as their births were told.
    pub(super) fn others_of_pid(&self, pid: Pid, than: ProcId) -> impl Iterator<Item = (ProcId, Proc)> + '_ {
        let all = self.procs.iter().enumerate().map(|(n, &p)| (ProcId(n as u32), p));
        all.filter(move |&(id, p)| p.pid == Some(pid) && id != than)
    }

    #[inline]
    pub(super) fn deed(&mut self, deed: &Deed, now: Instant) {
        match deed {
            Deed::Born { child, pid, unit, .. } => {
                *slot(&mut self.procs, child.index()) = Proc { unit: *unit, pid: Some(*pid), ..Proc::default() };
                if let Some(unit) = unit {
                    let unit = slot(&mut self.units, unit.index());
                    unit.heard_of = true;
                    unit.leader.get_or_insert(*child);
                }
            }
            Deed::Signalled { to, signal, by } => match by {
                Sender::Host(meant) => self.signalled(*to, *signal, *meant),
                Sender::Process(_) | Sender::Kernel => {}
            },
            Deed::Died { who, status } => {
                let dead = slot(&mut self.procs, who.index());
                (dead.died_at, dead.status) = (now, Some(*status));
            }
            Deed::Delivered { .. }
            | Deed::Installed { .. }
            | Deed::Execed { .. }
            | Deed::Reaped { .. }
            | Deed::Adopted { .. }
            | Deed::Wrote { .. } => {}
        }
    }

    fn signalled(&mut self, to: ProcId, signal: Signal, meant: Option<UnitId>) {
        let hit = slot(&mut self.procs, to.index());
        let Some(of) = hit.unit else { return };
        let unit = slot(&mut self.units, of.index());
        unit.sent |= bit(signal);
        if signal == Signal::KILL {
            let needed = meant == Some(of) && hit.died_at == Instant::NEVER;
            hit.killed_alive |= needed;
            unit.kill_needed |= needed;
            unit.kill_sent = true;
        }
    }

    /// The session answers for this unit.
    pub(super) fn spawned(&mut self, unit: Option<UnitId>) {
        if let Some(unit) = unit {
            let unit = slot(&mut self.units, unit.index());
            (unit.heard_of, unit.of_worker) = (true, true);
        }
    }

    pub(super) fn ended(&mut self, unit: Option<UnitId>, outcome: &Outcome, scene: &Scene<'_>) {
        if !(outcome.survivors.is_empty() && outcome.holders.is_empty()) {
            self.name_the_left(outcome, unit, scene);
        }
    }

    /// Marks whom an outcome names. A pid means the living process that has it now.
    fn name_the_left(&mut self, outcome: &Outcome, unit: Option<UnitId>, scene: &Scene<'_>) {
        if let Some(unit) = unit {
            slot(&mut self.units, unit.index()).gave_up = true;
        }
        scene.truth.every(&mut |view| {
            let mut left = outcome.survivors.iter().chain(&outcome.holders);
            let is_of_unit = unit.is_none() || view.unit == unit;
            if view.alive && is_of_unit && left.any(|s| s.pid == view.pid.as_raw()) {
                slot(&mut self.procs, view.id.index()).named = true;
            }
        });
    }
}

/// The bit of a signal in a set of them.
pub(super) const fn bit(signal: Signal) -> u64 {
    1 << (signal.number() - 1)
}
