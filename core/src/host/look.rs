//! What a host can be asked between two steps: who waits, what is left, what its tasks have claimed.

use super::{Host, Waiter};
use crate::machine::Machine;
use crate::task::{Claims, Ways};
use crate::world::World;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Ref;
use core::panic::Location;

impl<W: World, A: Machine> Host<W, A> {
    /// Who waits for what.
    pub fn waiters(&self) -> Vec<Waiter> {
        let mut all = self.reactor.waiters();
        all.extend(
            self.actors
                .iter()
                .filter(|a| !a.machine.is_closed())
                .map(|a| Waiter { who: a.name.as_str().into(), waits_for: a.machine.waits_for() }),
        );
        all
    }

    /// Timers that are armed, tasks that live, operations that are open: what a run has left when it ends.
    pub fn leftovers(&self) -> (usize, usize, usize) {
        let timers = self.reactor.timers.borrow().armed();
        let tasks = self.reactor.tasks.borrow().living_count();
        (timers, tasks, self.reactor.ops.borrow().open_count())
    }

    /// Names of the machines that have an operation open: neither answered nor withdrawn.
    pub fn unanswered(&self) -> Vec<&str> {
        let ops = self.reactor.ops.borrow();
        ops.waiting_actors().map(|id| self.actors[id.index()].name.as_str()).collect()
    }

    /// Names of the machines that are not closed.
    pub fn open_machines(&self) -> Vec<&str> {
        self.actors.iter().filter(|a| !a.machine.is_closed()).map(|a| a.name.as_str()).collect()
    }

    /// What the tasks of this run have claimed so far.
    pub fn claims(&self) -> Ref<'_, Claims> {
        self.reactor.claims.borrow()
    }

    /// Which way the timeouts of tasks went in this run, by where they were asked for.
    pub fn timeouts(&self) -> Ref<'_, [(&'static Location<'static>, Ways)]> {
        Ref::map(self.reactor.timeouts.borrow(), Vec::as_slice)
    }

    /// Names of the tasks that live.
    pub fn living_tasks(&self) -> Vec<String> {
        self.reactor.tasks.borrow().living_names().map(|name| name.as_str().into()).collect()
    }
}
