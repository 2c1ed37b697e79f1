//! What a function that is a worker's unit is given at its start, as a process is given its environment and directory.

use crate::host::Function;
use crate::task::TaskCx;
use crate::vocab::Launch;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::sync::Arc;

/// The environment of one incarnation.
#[derive(Clone, Default)]
pub(crate) struct Given {
    pub(crate) launch: Launch,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) dir: Option<String>,
}

/// A function of the host's table, and what each of its incarnations is given.
pub(crate) struct Registered {
    pub(crate) function: Function,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) dir: Option<String>,
    /// The forward proxy that it is to go through.
    pub(crate) proxy: Option<Arc<str>>,
}

impl Given {
    fn var(&self, name: &str) -> Option<String> {
        match name {
            Launch::RESUME_ID => self.launch.resume_id(),
            Launch::PREV_EXIT => self.launch.prev_exit().map(|code| code.to_string()),
            other => self.env.get(other).cloned(),
        }
    }
}

impl TaskCx {
    /// A variable of the worker that this task is part of: what its spec sets, `LIFECYCLE_RESUME_ID`, the same for all its
    /// incarnations, and from the second one on `LIFECYCLE_PREV_EXIT`, the code of the one before (128+n for signal n). The environment
    /// of the host's own process is not looked at; a task that is no worker's has no variables.
    pub fn env(&self, name: &str) -> Option<String> {
        self.given(|given| given.var(name)).flatten()
    }

    /// The directory that the spec of its worker names. A function has none of its own: it is to resolve its paths by it.
    pub fn dir(&self) -> Option<String> {
        self.given(|given| given.dir.clone()).flatten()
    }

    fn given<T>(&self, look: impl FnOnce(&Given) -> T) -> Option<T> {
        let unit = self.reactor.tasks.borrow().unit_of(Some(self.task))?;
        self.reactor.units.borrow().get(unit.index()).and_then(|unit| unit.given()).map(look)
    }
}
