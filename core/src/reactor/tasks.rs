//! The task table: what runs, under which label, and what each one waits for.

use crate::counts::Counts;
use crate::ids::{OpId, TaskId, UnitId};
use crate::site::{Label, hash_name};
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::task::{Context, Poll};

/// A spawned future together with the place for its result; one allocation beside the future's own.
pub(crate) trait Run {
    /// Polls it once. `Ready` when it is over.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<()>;
    /// Drops the future, if it still runs; whether it still ran. Never called inside a borrow.
    fn end(&self) -> bool;
    /// The task that waits for its result, if one does; others stand among [`Reactor::joiners`](super::Reactor::joiners).
    fn take_joiner(&self) -> Option<TaskId>;
}

/// A task's name: literal ones are kept once for all tasks.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Name {
    Literal(&'static str),
    Shared(Arc<str>),
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
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Why {
    /// A channel, a lock or a future of its own.
    #[default]
    Unknown,
    Op(OpId, &'static str),
    Settle,
}

/// One task. A hundred thousand of them may be parked, so that it holds only what every task needs.
pub(crate) struct Task {
    pub(crate) run: Option<Rc<dyn Run>>,
    pub(crate) label: Label,
    /// What only some tasks need.
    rare: Option<Box<Rare>>,
    /// Polls so far: the n-th of its next action.
    pub(crate) polls: u32,
    /// Its name among the literal ones; [`NAMED`] where it is not among them.
    name: u16,
    pub(crate) queued: bool,
}

#[derive(Default)]
struct Rare {
    name: Option<Name>,
    /// The unit it is part of.
    unit: Option<UnitId>,
    /// Draws so far.
    draws: u32,
    why: Why,
    /// Its children so far, by name.
    children: Counts,
    /// The units it started and answers for.
    units: Vec<UnitId>,
}

impl Task {
    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// The unit it is part of.
    fn unit(&self) -> Option<UnitId> {
        self.rare.as_ref()?.unit
    }

    /// What it waits for.
    pub(crate) fn why(&self) -> Why {
        self.rare.as_ref().map_or(Why::Unknown, |rare| rare.why)
    }

    pub(crate) fn set_why(&mut self, why: Why) {
        self.rare().why = why;
    }
}

/// What a task leaves behind.
pub(crate) struct Left {
    pub(crate) run: Rc<dyn Run>,
    /// Units it answered for, and its name, by which they are reported.
    pub(crate) units: Vec<UnitId>,
    pub(crate) name: Option<Name>,
    /// The unit it was part of.
    pub(crate) unit: Option<UnitId>,
}

#[derive(Default)]
pub(crate) struct Tasks {
    slots: Vec<Task>,
    free: Vec<TaskId>,
    /// Children of the host itself.
    roots: Counts,
    /// The literal names seen so far: as many as the program has, or as have a number.
    literals: Vec<&'static str>,
}

/// A name that was made at run time, or one literal too many.
const NAMED: u16 = u16::MAX;

impl Tasks {
    /// The label of a new child: (parent's label, name, n-th of that name).
    #[inline]
    pub(crate) fn child_label(&mut self, parent: Option<TaskId>, name: &str) -> Label {
        let hash = hash_name(name);
        match parent {
            Some(id) => {
                let parent = &mut self.slots[id.index()];
                let nth = parent.rare().children.next(hash);
                parent.label.child_hashed(hash, nth)
            }
            None => Label::ROOT.child_hashed(hash, self.roots.next(hash)),
        }
    }

    /// The unit that a child of this task is part of, also while the task's own future is only being made.
    pub(crate) fn unit_of(&self, parent: Option<TaskId>) -> Option<UnitId> {
        self.slots.get(parent?.index())?.unit()
    }

    /// Takes a slot for a task whose future is about to be made.
    #[inline]
    pub(crate) fn reserve(&mut self, parent: Option<TaskId>, name: Name, unit: Option<UnitId>) -> TaskId {
        let label = self.child_label(parent, name.as_str());
        let number = self.number(&name);
        let mut task = Task { run: None, label, rare: None, polls: 0, name: number, queued: true };
        if number == NAMED {
            task.rare().name = Some(name);
        }
        if unit.is_some() {
            task.rare().unit = unit;
        }
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

    fn number(&mut self, name: &Name) -> u16 {
        let Name::Literal(name) = *name else { return NAMED };
        match self.literals.iter().position(|known| core::ptr::eq(*known, name)) {
            Some(at) => at as u16,
            None if self.literals.len() == usize::from(NAMED) => NAMED,
            None => {
                self.literals.push(name);
                self.literals.len() as u16 - 1
            }
        }
    }

    pub(crate) fn name(&self, task: &Task) -> Name {
        match &task.rare {
            Some(rare) if task.name == NAMED => rare.name.clone().unwrap_or(Name::Literal("")),
            Some(_) | None => Name::Literal(self.literals[task.name as usize]),
        }
    }

    /// The name of whoever is in this slot.
    pub(crate) fn name_of(&self, id: TaskId) -> Option<Name> {
        let task = self.slots.get(id.index())?;
        Some(self.name(task))
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
    #[inline]
    pub(crate) fn leave(&mut self, id: TaskId) -> Option<Left> {
        let task = self.slots.get_mut(id.index())?;
        let run = task.run.take()?;
        self.free.push(id);
        let unit = task.unit();
        let units = task.rare.as_mut().map_or(Vec::new(), |rare| core::mem::take(&mut rare.units));
        let name = if units.is_empty() { None } else { Some(self.name(&self.slots[id.index()])) };
        self.slots[id.index()].rare = None;
        Some(Left { run, units, name, unit })
    }

    /// The task answers for this unit from now on.
    pub(crate) fn owns(&mut self, id: TaskId, unit: UnitId) {
        self.slots[id.index()].rare().units.push(unit);
    }

    /// It no longer does.
    pub(crate) fn disowns(&mut self, id: TaskId, unit: UnitId) {
        if let Some(rare) = self.slots.get_mut(id.index()).and_then(|task| task.rare.as_mut()) {
            rare.units.retain(|u| *u != unit);
        }
    }

    pub(crate) fn next_draw(&mut self, id: TaskId) -> (Label, u32) {
        let task = &mut self.slots[id.index()];
        let draws = &mut task.rare().draws;
        *draws += 1;
        let nth = *draws - 1;
        (task.label, nth)
    }

    /// The task in this slot, if it lives.
    pub(crate) fn living_at(&self, id: TaskId) -> Option<&Task> {
        self.slots.get(id.index()).filter(|t| t.run.is_some())
    }

    /// Living tasks in the order of their slots.
    pub(crate) fn living(&self) -> impl Iterator<Item = (TaskId, &Task)> {
        self.slots.iter().enumerate().filter(|(_, t)| t.run.is_some()).map(|(i, t)| (TaskId(i as u32), t))
    }

    /// Their names, in the same order.
    pub(crate) fn living_names(&self) -> impl Iterator<Item = Name> {
        self.living().map(|(_, task)| self.name(task))
    }

    pub(crate) fn living_count(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// All are over. Whoever comes next is counted on, so that no site comes twice in a run.
    pub(crate) fn forget(&mut self) {
        self.slots.clear();
        self.free.clear();
    }

    pub(crate) fn clear(&mut self) {
        self.forget();
        self.roots.clear();
    }
}
