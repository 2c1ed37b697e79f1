//! Who waits for what: the table behind `settle()` and behind the report of a run that is stuck.

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
    pub(crate) fn waiters(&self) -> Vec<Waiter> {
        let tasks = self.tasks.borrow();
        let mut ops = self.ops.borrow_mut();
        tasks
            .living()
            .filter(|(_, task)| task.why != Why::Settle)
            .map(|(_, task)| {
                let waits_for = match task.why {
                    Why::Sleep(at) if at > self.now.get() => format!("its timer at {at}"),
                    Why::Op(op, what) if ops.get(op).is_some() => what.to_string(),
                    Why::Sleep(_) | Why::Op(..) | Why::Unknown => "a message or a future of its own".to_string(),
                    Why::Settle => "quiescence".to_string(),
                };
                Waiter { who: format!("task `{}`", task.name.as_str()), waits_for }
            })
            .collect()
    }
}
