//! Why an action did not do what was asked, and why a registry could not be changed.

use super::{Mismatch, Value};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::fmt;

/// Why an action did not do it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ActionError {
    /// Nobody has registered one of this name: there is no such capability.
    Unknown {
        /// The name.
        name: String,
        /// One with a similar name.
        near: Option<Arc<str>>,
    },
    /// It is disabled.
    Disabled(Arc<str>),
    /// The caller may not.
    NotEntitled {
        /// The action.
        name: Arc<str>,
        /// Who asked.
        caller: Arc<str>,
        /// What the caller lacks.
        needs: Arc<str>,
    },
    /// Its input is not what it takes.
    BadInput {
        /// The action.
        name: Arc<str>,
        /// What is wrong with it.
        wrong: Mismatch,
    },
    /// The session stops: it takes no new work.
    Stopping(Arc<str>),
    /// Its handler panicked. Nothing else is hurt.
    Panicked {
        /// The action.
        name: Arc<str>,
        /// What the panic said.
        message: String,
    },
    /// It failed.
    Failed {
        /// The action.
        name: Arc<str>,
        /// Why.
        message: String,
        /// What it had come to until then.
        output: Value,
    },
}

impl fmt::Display for ActionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ActionError::Unknown { name, near } => {
                write!(f, "there is no action `{name}`")?;
                near.as_ref().map_or(Ok(()), |near| write!(f, ", did you mean `{near}`?"))
            }
            ActionError::Disabled(name) => write!(f, "`{name}` is disabled"),
            ActionError::NotEntitled { name, caller, needs } => {
                write!(f, "`{name}` needs `{needs}`, which {caller} has not")
            }
            ActionError::BadInput { name, wrong } => write!(f, "`{name}`: {wrong}"),
            ActionError::Stopping(name) => write!(f, "`{name}`: the session is stopping, and takes no new work"),
            ActionError::Panicked { name, message } => write!(f, "`{name}` panicked: {message}"),
            ActionError::Failed { name, message, output: _ } => write!(f, "`{name}` failed: {message}"),
        }
    }
}

impl core::error::Error for ActionError {}

/// How a handler fails.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// It takes no new work any more.
    Stopping,
    /// For this reason.
    Because {
        /// In words.
        message: String,
        /// What it had come to until then.
        output: Value,
    },
}

impl Failure {
    /// For this reason, without anything to show.
    pub fn because(why: impl fmt::Display) -> Failure {
        Failure::Because { message: why.to_string(), output: Value::Null }
    }

    pub(super) fn of(self, name: &Arc<str>) -> ActionError {
        match self {
            Failure::Stopping => ActionError::Stopping(name.clone()),
            Failure::Because { message, output } => ActionError::Failed { name: name.clone(), message, output },
        }
    }
}

/// Why a registry could not be changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Denied {
    /// It is sealed: actions are neither added, replaced nor removed any more.
    Sealed,
    /// It is locked: nothing of it changes any more.
    Locked,
    /// There is no action of this name.
    Unknown(String),
    /// It has as many actions as it may ([`Registry::ACTIONS_MAX`](super::Registry::ACTIONS_MAX)).
    Full,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Denied::Sealed => {
                f.write_str("the registry is sealed: actions are neither added, replaced nor removed any more")
            }
            Denied::Locked => f.write_str("the registry is locked: nothing of it changes any more"),
            Denied::Unknown(name) => write!(f, "there is no action `{name}`"),
            Denied::Full => write!(f, "the registry is full: it has {} actions", super::Registry::ACTIONS_MAX),
        }
    }
}

impl core::error::Error for Denied {}
