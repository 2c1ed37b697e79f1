//! The units of a host: which of them are tasks, and who answers for the others.

use crate::ids::{OpId, TaskId, UnitId};
use crate::pipe::Pipe;
use crate::reactor::Reactor;
use crate::task::{CancelSource, Given, Registered};
use crate::vocab::ExitStatus;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// One unit: one incarnation of something that runs.
pub(crate) struct Unit {
    /// The task that started it and answers for it; `None` for machines, and after `detach`.
    pub(crate) owner: Option<TaskId>,
    pub(crate) kind: UnitKind,
    /// Its name, where a task started it or it is a function; machines name their own.
    pub(crate) name: Option<Arc<str>>,
}

pub(crate) enum UnitKind {
    /// Not asked for yet, or its start failed.
    Unborn,
    /// The world's: a process, or a proxy.
    Process,
    /// An async function of this host.
    Task(Box<TaskUnit>),
    /// Over, and nothing of it left to ask.
    Gone,
}

/// A unit that is an async function.
pub(crate) struct TaskUnit {
    /// The function itself.
    pub(crate) leader: TaskId,
    /// Its tasks that live: the leader and what it spawned.
    pub(crate) members: Vec<TaskId>,
    pub(crate) cancel: CancelSource,
    pub(crate) pipes: [Pipe; 3],
    pub(crate) given: Given,
    /// The leader's status, once it has one.
    pub(crate) status: Option<ExitStatus>,
    pub(crate) exit_waits: Vec<OpId>,
    pub(crate) empty_waits: Vec<OpId>,
}

impl Unit {
    /// What it was given at its start, while it is a function that is not over.
    pub(crate) fn given(&self) -> Option<&Given> {
        match &self.kind {
            UnitKind::Task(unit) => Some(&unit.given),
            UnitKind::Unborn | UnitKind::Process | UnitKind::Gone => None,
        }
    }
}

impl Reactor {
    /// Puts a function into the table.
    pub(crate) fn register(&self, function: Registered) -> u32 {
        let mut functions = self.functions.borrow_mut();
        functions.push(Some(function));
        functions.len() as u32 - 1
    }

    /// Takes it out again, to be dropped outside any borrow. Its place is not used again.
    pub(crate) fn unregister(&self, function: u32) -> Option<Registered> {
        self.functions.borrow_mut().get_mut(function as usize).and_then(Option::take)
    }

    /// A task was spawned by a member of this unit, and belongs to it too.
    pub(crate) fn joins_unit(&self, unit: UnitId, task: TaskId) {
        if let Some(Unit { kind: UnitKind::Task(unit), .. }) = self.units.borrow_mut().get_mut(unit.index()) {
            unit.members.push(task);
        }
    }
}
