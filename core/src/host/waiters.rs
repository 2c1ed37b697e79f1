//! Who waits for what: the table behind `settle()` and behind the report of a run that is stuck.

use crate::ids::TaskId;
use crate::reactor::{Reactor, Why};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// One that waits, and what for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiter {
    /// A task, a machine or a process, by name.
    pub who: String,
    /// In words.
    pub waits_for: String,
}

impl fmt::Display for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} waits for {}", self.who, self.waits_for)
    }
}

impl Reactor {
    /// What each task waits for, those excepted who settle.
    pub(crate) fn waiters(&self) -> Vec<Waiter> {
        self.waiters_beside(None)
    }

    /// The same for a task that asks while it runs: it waits for nothing.
    pub(crate) fn waiters_beside(&self, asker: Option<TaskId>) -> Vec<Waiter> {
        let tasks = self.tasks.borrow();
        let mut ops = self.ops.borrow_mut();
        let timers = self.timers.borrow();
        let units = self.units.borrow();
        tasks
            .living()
            .filter(|(id, task)| task.why() != Why::Settle && Some(*id) != asker)
            .map(|(id, task)| {
                let timer = timers.sleepers().filter(|(task, _)| *task == id).map(|(_, at)| at).min();
                let what = match task.why() {
                    Why::Op(op, what) => {
                        ops.get(op).map(|open| match units.get(open.unit.index()).and_then(|unit| unit.name.as_ref()) {
                            Some(name) => format!("{what} of {name}"),
                            None => what.to_string(),
                        })
                    }
                    Why::Unknown | Why::Settle => None,
                };
                let waits_for = match (what, timer) {
                    (Some(what), Some(at)) => format!("{what}, or its timer at {at}"),
                    (Some(what), None) => what,
                    (None, Some(at)) => format!("its timer at {at}"),
                    (None, None) => "a message or a future of its own".to_string(),
                };
                Waiter { who: format!("task `{}`", tasks.name(task).as_str()), waits_for }
            })
            .collect()
    }
}
