//! Named actions: what a program lets others do, by name, with a switch and a lock for each.
//!
//! Whoever runs one goes through [`Registry::run`], which asks in this order: is it registered, enabled, is the caller entitled, does the input
//! fit; and only then calls the handler, in the same turn, so that nobody can disable it in between. A panic of a handler is an error of
//! that call and of nothing else.
//!
//! ```
//! use shakedown_core::actions::{Action, Caller, Field, Schema, Value};
//! # async fn example(cx: shakedown_core::task::TaskCx) {
//! let actions = cx.actions();
//! let greet = Action::new("greet", async |call| Ok(Value::from(alloc_format(&call.input))))
//!     .about("says hello")
//!     .input(Schema::Map(vec![Field::required("name", Schema::Text, "to whom")]));
//! actions.register(greet).unwrap();
//! let said = actions.run(&cx, &Caller::new("user"), "greet", Value::map([("name", "you".into())])).await;
//! assert_eq!(said, Ok("hello you".into()));
//! actions.disable("greet").unwrap();
//! # }
//! # fn alloc_format(input: &Value) -> String { format!("hello {}", input.get("name").and_then(Value::as_text).unwrap()) }
//! ```

mod action;
mod contain;
mod error;
mod process;
mod steps;
mod told;
mod value;

pub use action::{Action, Call, Caller};
pub use error::{ActionError, Denied, Failure};
pub use process::{Managed, ManagedId, Output};
pub use steps::{Given, StepError, Steps};
pub use told::{ActionNews, ActionUse, ActionWhat};
pub use value::{Field, Mismatch, Schema, Value};

pub(crate) use process::Processes as ProcessService;

use crate::glob::glob;
use crate::reactor::Reactor;
use crate::sync::notify::Notify;
use crate::task::TaskCx;
use alloc::rc::{Rc, Weak};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use contain::Contained;
use core::cell::RefCell;

/// What of a registry can still be changed. It only ever gets less.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Mode {
    /// Everything.
    #[default]
    Open,
    /// Actions are enabled and disabled, and neither added, replaced nor removed.
    Sealed,
    /// Nothing.
    Locked,
}

/// What can be known of an action without running it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Info {
    /// Its name.
    pub name: Arc<str>,
    /// What it does.
    pub about: String,
    /// What it takes.
    pub input: Schema,
    /// What a caller must be entitled to.
    pub needs: Option<Arc<str>>,
    /// Whether it is enabled.
    pub enabled: bool,
    /// How many calls of it are under way.
    pub running: u32,
}

struct Entry {
    action: Action,
    enabled: bool,
    running: u32,
}

#[derive(Default)]
struct State {
    mode: Mode,
    /// In the order of their registration.
    entries: Vec<Entry>,
}

/// The actions of a host. Cheap to clone: all clones are one registry.
#[derive(Clone, Default)]
pub struct Registry {
    state: Rc<RefCell<State>>,
    /// A call has ended.
    ended: Rc<Notify>,
    /// Who tells of what becomes of them; nobody, of a registry that belongs to no host.
    told_by: Weak<Reactor>,
}

impl TaskCx {
    /// The actions of this host.
    pub fn actions(&self) -> Registry {
        self.reactor.actions()
    }
}

impl Registry {
    /// Actions that a registry has at most.
    pub const ACTIONS_MAX: usize = 4_096;

    /// One without actions.
    pub fn new() -> Registry {
        Registry::default()
    }

    /// The same, of a host.
    pub(crate) fn of(host: Weak<Reactor>) -> Registry {
        Registry { told_by: host, ..Registry::default() }
    }

    /// Adds an action, enabled; or replaces the one of its name, which keeps its place and its switch. Calls under way are not affected.
    ///
    /// # Errors
    /// [`Denied`] where the mode or the size forbids it.
    pub fn register(&self, action: Action) -> Result<(), Denied> {
        let mut state = self.changing(Mode::Open)?;
        let replaced = match state.entries.iter().position(|entry| entry.action.name == action.name) {
            Some(at) => Some(core::mem::replace(&mut state.entries[at].action, action)),
            None if state.entries.len() >= Self::ACTIONS_MAX => return Err(Denied::Full),
            None => {
                state.entries.push(Entry { action, enabled: true, running: 0 });
                None
            }
        };
        drop(state);
        // A handler may own what looks into the registry when it is dropped.
        drop(replaced);
        Ok(())
    }

    /// Takes an action out. Calls under way are not affected.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn remove(&self, name: &str) -> Result<(), Denied> {
        let mut state = self.changing(Mode::Open)?;
        let at = state.entries.iter().position(|entry| *entry.action.name == *name);
        let at = at.ok_or_else(|| Denied::Unknown(name.into()))?;
        let removed = state.entries.remove(at);
        drop(state);
        drop(removed);
        Ok(())
    }

    /// Lets an action be run.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn enable(&self, name: &str) -> Result<(), Denied> {
        self.switch(name, true)
    }

    /// Forbids an action: from now on no call of it begins, by whatever path. Calls under way go on; [`idle`](Self::idle) waits for them.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn disable(&self, name: &str) -> Result<(), Denied> {
        self.switch(name, false)
    }

    /// What can still be changed.
    pub fn mode(&self) -> Mode {
        self.state.borrow().mode
    }

    /// Nothing is added, replaced or removed from now on.
    pub fn seal(&self) {
        self.tighten(Mode::Sealed);
    }

    /// Nothing changes from now on.
    pub fn lock(&self) {
        self.tighten(Mode::Locked);
    }

    /// The actions whose names fit the glob, in the order of their registration.
    pub fn list(&self, pattern: &str) -> Vec<Info> {
        let fitting = |entry: &&Entry| glob(pattern, &entry.action.name) && entry.action.is_present();
        self.state.borrow().entries.iter().filter(fitting).map(info).collect()
    }

    /// One action.
    pub fn get(&self, name: &str) -> Option<Info> {
        let state = self.state.borrow();
        state.entries.iter().find(|entry| *entry.action.name == *name && entry.action.is_present()).map(info)
    }

    /// Runs an action.
    ///
    /// # Errors
    /// [`ActionError`]: in the order of its variants, the first that applies.
    pub async fn run(&self, cx: &TaskCx, caller: &Caller, name: &str, input: Value) -> Result<Value, ActionError> {
        // From here to the handler's first step nobody else has a turn.
        let admitted = self.admit(cx, caller, name, &input);
        let by = caller.name().clone();
        let action = admitted.inspect_err(|error| {
            self.tell(&name.into(), ActionWhat::Refused { by: by.clone(), why: error.to_string() });
        })?;
        let name = action.name.clone();
        self.tell(&name, ActionWhat::Started { by });
        let _running = Running::new(self, &name);
        let call = Call { cx: cx.clone(), caller: caller.clone(), input };
        let result = match Contained::new(&cx.reactor, action, call).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(failure)) => Err(failure.of(&name)),
            Err(message) => Err(ActionError::Panicked { name: name.clone(), message }),
        };
        self.tell(&name, ActionWhat::of(&result));
        result
    }

    /// Waits until no call of this action is under way; at once where there is no such action.
    pub async fn idle(&self, name: &str) {
        while self.get(name).is_some_and(|info| info.running > 0) {
            self.ended.notified().await;
        }
    }

    /// Whether an action of this name is there and disabled: then nothing that it would do may be done.
    pub(crate) fn forbids(&self, name: &str) -> bool {
        self.state.borrow().entries.iter().any(|entry| *entry.action.name == *name && !entry.enabled)
    }

    fn admit(&self, cx: &TaskCx, caller: &Caller, name: &str, input: &Value) -> Result<Action, ActionError> {
        let action = self.allow(caller, name)?;
        let name = action.name.clone();
        match action.input.check(input) {
            Err(wrong) => Err(ActionError::BadInput { name, wrong }),
            Ok(()) if action.takes_work(cx) => Ok(action),
            Ok(()) => Err(ActionError::Stopping(name)),
        }
    }

    fn allow(&self, caller: &Caller, name: &str) -> Result<Action, ActionError> {
        let state = self.state.borrow();
        let found = state.entries.iter().find(|entry| *entry.action.name == *name && entry.action.is_present());
        let Some(entry) = found else {
            let names = state.entries.iter().filter(|entry| entry.action.is_present()).map(|entry| &*entry.action.name);
            let near = crate::puppet::nearest(name, names).map(Arc::from);
            return Err(ActionError::Unknown { name: name.into(), near });
        };
        if !entry.enabled {
            return Err(ActionError::Disabled(entry.action.name.clone()));
        }
        match entry.action.needs.as_ref().filter(|needs| !caller.has(needs)) {
            None => Ok(entry.action.clone()),
            Some(needs) => {
                let (name, caller) = (entry.action.name.clone(), caller.name().clone());
                Err(ActionError::NotEntitled { name, caller, needs: needs.clone() })
            }
        }
    }

    fn switch(&self, name: &str, enabled: bool) -> Result<(), Denied> {
        let mut state = self.changing(Mode::Sealed)?;
        let entry = state.entries.iter_mut().find(|entry| *entry.action.name == *name);
        let entry = entry.ok_or_else(|| Denied::Unknown(name.into()))?;
        let (was, name) = (core::mem::replace(&mut entry.enabled, enabled), entry.action.name.clone());
        drop(state);
        if was != enabled {
            self.tell(&name, if enabled { ActionWhat::Enabled } else { ActionWhat::Disabled });
        }
        Ok(())
    }

    fn tell(&self, action: &Arc<str>, what: ActionWhat) {
        if let Some(host) = self.told_by.upgrade() {
            host.tell_of(action, what);
        }
    }

    /// The state, for a change that is allowed up to this mode.
    fn changing(&self, up_to: Mode) -> Result<core::cell::RefMut<'_, State>, Denied> {
        let state = self.state.borrow_mut();
        match state.mode {
            mode if mode <= up_to => Ok(state),
            Mode::Locked => Err(Denied::Locked),
            Mode::Open | Mode::Sealed => Err(Denied::Sealed),
        }
    }

    fn tighten(&self, to: Mode) {
        let mut state = self.state.borrow_mut();
        state.mode = state.mode.max(to);
    }
}

fn info(entry: &Entry) -> Info {
    let Action { name, about, input, needs, .. } = &entry.action;
    let (name, about, input, needs) = (name.clone(), about.clone(), input.clone(), needs.clone());
    Info { name, about, input, needs, enabled: entry.enabled, running: entry.running }
}

/// A call that is under way, also where its future is dropped.
struct Running<'a> {
    registry: &'a Registry,
    name: Arc<str>,
}

impl Running<'_> {
    fn new<'a>(registry: &'a Registry, name: &Arc<str>) -> Running<'a> {
        let running = Running { registry, name: name.clone() };
        running.count(|n| n + 1);
        running
    }

    fn count(&self, change: impl Fn(u32) -> u32) {
        let mut state = self.registry.state.borrow_mut();
        if let Some(entry) = state.entries.iter_mut().find(|entry| entry.action.name == self.name) {
            entry.running = change(entry.running);
        }
    }
}

impl Drop for Running<'_> {
    /// Bookkeeping: the call is over. One that was registered anew meanwhile has fewer.
    fn drop(&mut self) {
        self.count(|n| n.saturating_sub(1));
        self.registry.ended.notify_waiters();
    }
}
