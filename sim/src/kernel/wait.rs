//! waitid(2): by the host through pidfds, and by processes for their children.
//! The host reaps what it knows and nothing else, so that nobody's status is stolen.

use super::list::Chain;
use super::process::Life;
use super::{HOST, Kernel};
use shakedown_core::ids::{ProcId, UnitId};
use shakedown_core::vocab::{ExitNotice, ExitStatus};

/// What a process finds when it waits for a child.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Waited {
    /// Reaped.
    Child,
    /// It has no such child (any more).
    Echild,
    /// Not yet.
    NotYet,
}

impl Kernel {
    /// waitid(2) with WNOWAIT: how the leader ended, if it is a zombie. It stays one.
    pub fn peek_exit(&self, unit: UnitId) -> Option<ExitNotice> {
        match self.entry(self.units.get(unit)?.leader?).life {
            Life::Zombie(_) => self.exit_notice(unit),
            Life::Alive | Life::Stopped | Life::Dying(_) | Life::Reaped(_) => None,
        }
    }

    /// waitid(2): reaps the leader if it is a zombie.
    pub fn reap(&mut self, unit: UnitId) -> Option<ExitStatus> {
        let leader = self.units.get(unit)?.leader?;
        match self.entry(leader).life {
            Life::Zombie(status) => {
                self.reap_child(HOST, leader);
                Some(status)
            }
            Life::Alive | Life::Stopped | Life::Dying(_) | Life::Reaped(_) => None,
        }
    }

    /// Reaps the zombies that the host has adopted as a subreaper. Leaders are left to [`reap`](Kernel::reap).
    pub fn reap_adopted(&mut self) {
        for at in 0..self.adopted.len() {
            self.reap_child(HOST, self.adopted[at]);
        }
        self.adopted.clear();
    }

    /// waitpid(child): by a process.
    pub(super) fn wait_for(&mut self, id: ProcId, child: ProcId) -> Waited {
        let process = self.entry(child);
        if process.parent != id {
            return Waited::Echild;
        }
        match process.life {
            Life::Alive | Life::Stopped | Life::Dying(_) => Waited::NotYet,
            Life::Zombie(_) => {
                self.reap_child(id, child);
                Waited::Child
            }
            Life::Reaped(_) => Waited::Echild,
        }
    }

    /// waitpid(-1): by a process.
    pub(super) fn wait_for_any(&mut self, id: ProcId) -> Waited {
        let process = self.entry(id);
        match (process.zombies.head, process.children.len) {
            (Some(zombie), _) => {
                self.reap_child(id, zombie);
                Waited::Child
            }
            (None, 0) => Waited::Echild,
            (None, _) => Waited::NotYet,
        }
    }

    /// The latest child of this name that is not reaped.
    pub(super) fn child_called(&self, id: ProcId, called: u64) -> Option<ProcId> {
        let process = self.entry(id);
        let named = |child: &ProcId| self.entry(*child).called == called;
        let living = process.children.iter_back(&self.procs, Chain::Siblings).find(named);
        // Zombies stand in the order of their deaths, not of their births.
        let dead = process.zombies.iter(&self.procs, Chain::Siblings).filter(named).max();
        living.max(dead)
    }
}
