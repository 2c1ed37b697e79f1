//! The task table: what runs, under which label, and what each one waits for.

use crate::ids::{OpId, TaskId, UnitId};
use crate::site::{Label, hash_name};
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::task::{Context, Poll};

/// A spawned future together with the place for its result; one allocation beside the future's own.
pub(crate) trait Run {
    /// Polls it once. `Ready` when it is over.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<()>;
    /// Drops the future, if it still runs, and tells whoever joins. Never called inside a borrow.
    fn end(&self);
    /// The slot it runs in, while it does.
    fn slot(&self) -> TaskId;
}

/// A task's name: literal ones cost nothing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Name {
    Literal(&'static str),
    Shared(Rc<str>),
}

impl Name {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Name::Literal(name) => name,
            Name::Shared(name) => name,
        }
    }
}

/// What a task waits for, as far as the host can know it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Why {
    /// A channel, a lock or a future of its own.
    Unknown,
    Op(OpId, &'static str),
    Settle,
}

pub(crate) struct Task {
    pub(crate) run: Option<Rc<dyn Run>>,
    pub(crate) label: Label,
    pub(crate) name: Name,
    /// Polls so far: the n-th of its next action.
    pub(crate) polls: u32,
    pub(crate) draws: u32,
    pub(crate) queued: bool,
    /// The unit it is part of.
    pub(crate) unit: Option<UnitId>,
    pub(crate) why: Why,
    /// What only tasks with children or processes need.
    family: Option<Box<Family>>,
}

#[derive(Default)]
struct Family {
    /// (name's hash, how many): its children so far, by name.
    children: Vec<(u64, u32)>,
    /// The units it started and answers for.
    units: Vec<UnitId>,
}

/// What a task leaves behind.
pub(crate) struct Left {
    pub(crate) run: Rc<dyn Run>,
    /// Units it answered for.
    pub(crate) units: Vec<UnitId>,
    /// The unit it was part of.
    pub(crate) unit: Option<UnitId>,
}

#[derive(Default)]
pub(crate) struct Tasks {
    slots: Vec<Task>,
    free: Vec<TaskId>,
    /// Children of the host itself.
    roots: Vec<(u64, u32)>,
}

fn count(children: &mut Vec<(u64, u32)>, name: u64) -> u32 {
    match children.iter_mut().find(|(n, _)| *n == name) {
        Some((_, count)) => {
            *count += 1;
            *count - 1
        }
        None => {
            children.push((name, 1));
            0
        }
    }
}

impl Tasks {
    /// The label of a new child: (parent's label, name, n-th of that name).
    pub(crate) fn child_label(&mut self, parent: Option<TaskId>, name: &str) -> Label {
        let hash = hash_name(name);
        match parent {
            Some(id) => {
                let parent = &mut self.slots[id.index()];
                let nth = count(&mut parent.family.get_or_insert_default().children, hash);
                parent.label.child_hashed(hash, nth)
            }
            None => Label::ROOT.child_hashed(hash, count(&mut self.roots, hash)),
        }
    }

    /// Takes a slot for a task whose future is about to be made.
    pub(crate) fn reserve(&mut self, label: Label, name: Name, unit: Option<UnitId>) -> TaskId {
        let task =
            Task { run: None, label, name, polls: 0, draws: 0, queued: true, unit, why: Why::Unknown, family: None };
        match self.free.pop() {
            Some(id) => {
                self.slots[id.index()] = task;
                id
            }
            None => {
                self.slots.push(task);
                TaskId(self.slots.len() as u32 - 1)
            }
        }
    }

    /// Puts the future into its slot.
    pub(crate) fn fill(&mut self, id: TaskId, run: Rc<dyn Run>) {
        self.slots[id.index()].run = Some(run);
    }

    #[inline]
    pub(crate) fn get(&mut self, id: TaskId) -> Option<&mut Task> {
        self.slots.get_mut(id.index()).filter(|t| t.run.is_some())
    }

    /// Frees the slot, and says which units the task leaves behind.
    pub(crate) fn leave(&mut self, id: TaskId) -> Option<Left> {
        let task = self.slots.get_mut(id.index())?;
        let run = task.run.take()?;
        let units = task.family.take().map_or(Vec::new(), |family| family.units);
        self.free.push(id);
        Some(Left { run, units, unit: task.unit })
    }

    /// The task answers for this unit from now on.
    pub(crate) fn owns(&mut self, id: TaskId, unit: UnitId) {
        self.slots[id.index()].family.get_or_insert_default().units.push(unit);
    }

    /// It no longer does.
    pub(crate) fn disowns(&mut self, id: TaskId, unit: UnitId) {
        if let Some(family) = self.slots.get_mut(id.index()).and_then(|task| task.family.as_mut()) {
            family.units.retain(|u| *u != unit);
        }
    }

    pub(crate) fn next_draw(&mut self, id: TaskId) -> (Label, u32) {
        let task = &mut self.slots[id.index()];
        task.draws += 1;
        (task.label, task.draws - 1)
    }

    /// Living tasks in the order of their slots.
    pub(crate) fn living(&self) -> impl Iterator<Item = (TaskId, &Task)> {
        self.slots.iter().enumerate().filter(|(_, t)| t.run.is_some()).map(|(i, t)| (TaskId(i as u32), t))
    }

    pub(crate) fn living_count(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn clear(&mut self) {
        self.slots.clear();
        self.free.clear();
        self.roots.clear();
    }
}
