//! What a parent can tell of its children: who they are, and what keeps one of them from its next step.

use super::{Child, Children, Mode, Stage};
use crate::ids::{ActorId, WorkerId};
use crate::vocab::{Condition, Dependency, WorkerSpec};
use alloc::string::String;
use alloc::vec::Vec;

impl Children {
    /// All of them, in their order.
    pub(crate) fn actors(&self) -> impl Iterator<Item = (WorkerId, ActorId)> + '_ {
        self.list.iter().map(|child| (child.worker, child.actor))
    }

    /// What a child was made of, be it in the plan or not.
    pub(crate) fn spec(&self, worker: WorkerId) -> &WorkerSpec {
        self.plan.workers.get(worker.index()).unwrap_or_else(|| &self.adopted[&worker])
    }

    /// The names of those who are not over.
    pub(crate) fn names_of_open(&self) -> String {
        let names: Vec<&str> = self.open().map(|worker| self.spec(worker).name.as_ref()).collect();
        names.join(", ")
    }

    /// Whether this one is not over: it runs, or is to run.
    pub(crate) fn is_open(&self, worker: WorkerId) -> bool {
        self.place(worker).is_some_and(|at| self.list[at].stage != Stage::Over)
    }

    /// Whom a child waits for, and how far that must come: before its start, or before its stop.
    pub(crate) fn blocked_by(&self, worker: WorkerId) -> Vec<(WorkerId, Condition)> {
        let Some(at) = self.place(worker) else { return Vec::new() };
        match (self.mode, self.list[at].stage) {
            (Mode::Up, Stage::Waiting { .. }) if self.is_regrouping(at) => self.regrouping_with(at),
            (Mode::Up, Stage::Waiting { .. }) => self.unmet(worker),
            (Mode::Ending { .. }, Stage::Waiting { again: None } | Stage::Up) => {
                let first = self.order.iter().flat_map(|order| order.stops_after(at));
                self.not_over(first.map(|first| *first as usize))
            }
            (Mode::Ending { .. }, Stage::Waiting { again: Some(_) } | Stage::Stopping | Stage::Over) => Vec::new(),
            (Mode::Up, Stage::Up | Stage::Stopping | Stage::Over) => Vec::new(),
            (Mode::Holding | Mode::Forcing { .. }, _) => Vec::new(),
        }
    }

    fn unmet(&self, worker: WorkerId) -> Vec<(WorkerId, Condition)> {
        let is_unmet = |dependency: &&Dependency| {
            self.place(dependency.on).is_some_and(|on| !self.list[on].come.has(dependency.until))
        };
        let after = &self.spec(worker).after;
        after.iter().filter(is_unmet).map(|dependency| (dependency.on, dependency.until)).collect()
    }

    /// Those who are stopped for the same restart and are not over yet.
    fn regrouping_with(&self, at: usize) -> Vec<(WorkerId, Condition)> {
        let members = self.regroup.iter().flat_map(|regroup| regroup.members());
        self.not_over(
            members.filter(|member| *member != at && !matches!(self.list[*member].stage, Stage::Waiting { .. })),
        )
    }

    fn not_over(&self, places: impl Iterator<Item = usize>) -> Vec<(WorkerId, Condition)> {
        let children = places.map(|place| self.list[place]);
        let open = children.filter(|child: &Child| child.stage != Stage::Over);
        open.map(|child| (child.worker, Condition::Exited)).collect()
    }
}
