//! What comes after an incarnation: nothing, a wait, another one.

use super::{State, Worker};
use crate::ids::{UnitId, WorkerId};
use crate::machine::{Cx, Event};
use crate::restart::Next;
use crate::time::{DurationRange, Instant};
use crate::vocab::{ExitStatus, Fact, Outcome, Reason, Requester, Subject, WorkerState};
use alloc::sync::Arc;

impl Worker {
    /// The one terminal record of an incarnation, and what would follow it by the worker's own policy. Its parent decides.
    pub(super) fn conclude(&mut self, mut outcome: Outcome, unit: Option<UnitId>, cx: &mut Cx<'_>) {
        self.previous = Some(outcome.status).filter(|status| *status != ExitStatus::Unknown);
        let next = self.next(&outcome, cx);
        if next == Next::Tripped {
            outcome.state = WorkerState::Failed;
            outcome.circuit_breaker = true;
        }
        self.end(outcome, unit, next, cx);
    }

    /// An end that was asked for is followed by nothing, whatever the exit code. That a start took too long is no request.
    fn next(&mut self, outcome: &Outcome, cx: &mut Cx<'_>) -> Next {
        let was_late = outcome.requested_by == Some(Requester::Deadline) && outcome.reason == Reason::StartFailed;
        let asked = outcome.requested_by.is_some() && !was_late;
        let policy = &self.spec.restart;
        if asked || !policy.follows(outcome.state) {
            return Next::Over;
        }
        let restarts = self.restarts.get_or_insert_default();
        let ran = cx.now.since(outcome.spawned_at);
        restarts.next(policy, outcome.state, cx.now, ran, |most| cx.draw(DurationRange::up_to(most)))
    }

    /// The parent's answer to its end: it begins anew, at this instant.
    pub(super) fn again(&mut self, at: Instant, cx: &mut Cx<'_>) {
        match &self.state {
            State::Ended(_) | State::Backoff { .. } if at <= cx.now => self.relaunch(Instant::NEVER, cx),
            State::Ended(last) | State::Backoff { last, .. } => {
                self.state = State::Backoff { until: at, last: last.clone() };
                cx.fact(Subject::Worker(self.id), self.incarnation, None, Fact::Backoff { until: at });
            }
            State::Pending
            | State::Starting { .. }
            | State::Retrying { .. }
            | State::Abandoning { .. }
            | State::Up(_) => {
                cx.unexpected(self.state.name(), &Event::Command(crate::machine::Command::Again { at }));
            }
            State::Hooking { .. } | State::Stopping { .. } | State::Killing { .. } => {
                cx.unexpected(self.state.name(), &Event::Command(crate::machine::Command::Again { at }));
            }
            State::Draining { .. } | State::Surveying { .. } => {
                cx.unexpected(self.state.name(), &Event::Command(crate::machine::Command::Again { at }));
            }
        }
    }

    /// It is not to be started again.
    pub(super) fn hold(&mut self, by: Requester, cx: &mut Cx<'_>) {
        match &self.state {
            State::Backoff { .. } => self.stopped_without_unit(by, cx),
            // Whether what runs comes back is for its parent to say.
            State::Pending | State::Starting { .. } | State::Retrying { .. } | State::Abandoning { .. } => {}
            State::Up(_) | State::Hooking { .. } | State::Stopping { .. } | State::Killing { .. } => {}
            State::Draining { .. } | State::Surveying { .. } | State::Ended(_) => {}
        }
    }

    /// What it waits for will never come true: it has failed to start, and spawns nothing.
    pub(super) fn give_up(&mut self, on: WorkerId, cx: &mut Cx<'_>) {
        match &self.state {
            State::Pending | State::Ended(_) | State::Backoff { .. } => {
                let incarnation = self.unborn_incarnation();
                let mut outcome =
                    Outcome::unborn(incarnation, WorkerState::Failed, Reason::StartFailed, cx.now, cx.now);
                outcome.unmet = Some(on);
                self.conclude_unborn(outcome, cx);
            }
            State::Starting { .. }
            | State::Retrying { .. }
            | State::Abandoning { .. }
            | State::Up(_)
            | State::Hooking { .. } => {
                cx.unexpected(self.state.name(), &Event::Command(crate::machine::Command::GiveUp { on }));
            }
            State::Stopping { .. } | State::Killing { .. } | State::Draining { .. } | State::Surveying { .. } => {
                cx.unexpected(self.state.name(), &Event::Command(crate::machine::Command::GiveUp { on }));
            }
        }
    }

    /// A stop without a unit spawns nothing.
    pub(super) fn stopped_without_unit(&mut self, by: Requester, cx: &mut Cx<'_>) {
        let incarnation = self.unborn_incarnation();
        let mut outcome = Outcome::unborn(incarnation, WorkerState::Stopped, Reason::Natural, cx.now, cx.now);
        outcome.requested_by = Some(by);
        self.conclude_unborn(outcome, cx);
    }

    /// The first start that never was is number 0, so that the first that is has number 1. A second one that never was has its own.
    fn unborn_incarnation(&mut self) -> u32 {
        if !matches!(self.state, State::Pending) {
            self.incarnation += 1;
        }
        self.incarnation
    }

    fn conclude_unborn(&mut self, outcome: Outcome, cx: &mut Cx<'_>) {
        self.end(outcome, None, Next::Over, cx);
    }

    fn end(&mut self, outcome: Outcome, unit: Option<UnitId>, next: Next, cx: &mut Cx<'_>) {
        let state = outcome.state;
        let outcome = Arc::new(outcome);
        self.state = State::Ended(outcome.clone());
        cx.fact(Subject::Worker(self.id), self.incarnation, unit, Fact::Ended(outcome));
        cx.tell(self.parent, Event::Ended { worker: self.id, state, next });
    }
}
