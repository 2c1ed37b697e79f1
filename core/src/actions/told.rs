//! What an outsider may know of an action: that it was run, refused or switched. It is told where a session that is up lets others use it.

use super::{ActionError, Value};
use crate::actions::ProcessService;
use crate::reactor::{Effect, Reactor};
use crate::vocab::{Fact, Subject};
use alloc::string::{String, ToString};
use alloc::sync::Arc;

/// Something that has become true of an action.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ActionNews {
    /// The action's name.
    pub action: Arc<str>,
    /// What.
    pub what: ActionWhat,
}

/// What has become of an action, or of a call of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ActionWhat {
    /// A call has reached its handler.
    Started {
        /// Who asked.
        by: Arc<str>,
    },
    /// A call has given what it was to give.
    Finished,
    /// A call has failed, or panicked.
    Failed {
        /// Why.
        why: String,
    },
    /// A call has not reached the handler.
    Refused {
        /// Who asked.
        by: Arc<str>,
        /// Why.
        why: String,
    },
    /// It may be run.
    Enabled,
    /// It may not be run.
    Disabled,
}

impl ActionWhat {
    /// The event's name in patterns and journals.
    pub const fn word(&self) -> &'static str {
        match self {
            ActionWhat::Started { .. } => "action-started",
            ActionWhat::Finished => "action-finished",
            ActionWhat::Failed { .. } => "action-failed",
            ActionWhat::Refused { .. } => "action-refused",
            ActionWhat::Enabled => "action-enabled",
            ActionWhat::Disabled => "action-disabled",
        }
    }

    /// How a call ended that has reached its handler.
    pub(super) fn of(result: &Result<Value, ActionError>) -> ActionWhat {
        match result {
            Ok(_) => ActionWhat::Finished,
            Err(error) => ActionWhat::Failed { why: error.to_string() },
        }
    }
}

/// What the outside does with an action.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ActionUse {
    /// It asks for it.
    Run,
    /// It lets it be run.
    Enable,
    /// It forbids it.
    Disable,
}

impl Reactor {
    /// Tells of an action, between the first fact of the session and the last.
    pub(super) fn tell_of(&self, action: &Arc<str>, what: ActionWhat) {
        let is_up = match &*self.process_service.borrow() {
            Some(ProcessService::Session(runner)) => runner.is_up(),
            Some(ProcessService::Tasks(_)) | None => false,
        };
        if is_up {
            let fact = Fact::Action(ActionNews { action: action.clone(), what }.into());
            self.push(Effect::Fact { subject: Subject::Session, incarnation: 0, unit: None, fact });
        }
    }
}
