//! What others may know of a supervisor: its public state, and how it ended.

use super::{Group, Readiness, State, Supervisor, supervisor_spec};
use crate::children::{Children, Mode};
use crate::ids::WorkerId;
use crate::vocab::{Outcome, Strategy, WorkerState};
use alloc::sync::Arc;

impl Supervisor {
    /// Its number in the plan.
    pub fn id(&self) -> WorkerId {
        self.id
    }

    /// Its children, in the order of its spec.
    pub fn children(&self) -> &[WorkerId] {
        &supervisor_spec(&self.plan, self.id).children
    }

    /// Who is restarted when a child is.
    pub fn strategy(&self) -> Strategy {
        supervisor_spec(&self.plan, self.id).strategy
    }

    /// Which incarnation it is in, or was in last: from 1; 0 before the first.
    pub fn incarnation(&self) -> u32 {
        self.incarnation
    }

    /// Its public state.
    pub fn state(&self) -> WorkerState {
        match (&self.state, self.children.mode()) {
            (State::Pending, _) => WorkerState::Pending,
            (State::Up(Group { readiness: Readiness::Ready, .. }), Mode::Up | Mode::Holding) => WorkerState::Ready,
            (State::Up(_), Mode::Up | Mode::Holding) => WorkerState::Running,
            (State::Up(_), Mode::Ending { .. }) => WorkerState::Stopping,
            (State::Up(_), Mode::Forcing { .. }) => WorkerState::Killing,
            (State::Backoff { .. }, _) => WorkerState::Backoff,
            (State::Ended(outcome), _) => outcome.state,
        }
    }

    /// How its last incarnation ended, once it is over.
    pub fn outcome(&self) -> Option<&Arc<Outcome>> {
        match &self.state {
            State::Ended(outcome) | State::Backoff { last: outcome, .. } => Some(outcome),
            State::Pending | State::Up(_) => None,
        }
    }

    /// Restarts of its own that its budget counts, as of the last one.
    pub fn restarts(&self) -> usize {
        self.restarts.recent()
    }

    pub(crate) fn brood(&self) -> &Children {
        &self.children
    }
}
