//! The start of an incarnation: the spawn and its answer.

use super::{Run, State, StopPlan, Worker};
use crate::ids::{OpId, Pid, UnitId};
use crate::machine::{Cx, Event};
use crate::time::Instant;
use crate::vocab::{Condition, Fact, Launch, Outcome, Reason, Requester, SpawnFailure, Subject, WorkerState};
use alloc::boxed::Box;
use core::mem::replace;

impl Worker {
    /// Starts what is not running. It has failed to where it is not ready by `by`.
    pub(super) fn start(&mut self, by: Instant, cx: &mut Cx<'_>) {
        match &self.state {
            State::Pending => self.launch(by, cx),
            State::Ended(_) | State::Backoff { .. } => self.relaunch(by, cx),
            // A start of what was started joins it.
            State::Starting { .. } | State::Retrying { .. } | State::Abandoning { .. } => {}
            State::Up(_) | State::Hooking { .. } => {}
            State::Stopping { .. } | State::Killing { .. } | State::Draining { .. } | State::Surveying { .. } => {}
        }
    }

    pub(super) fn relaunch(&mut self, by: Instant, cx: &mut Cx<'_>) {
        if self.incarnation > 0 {
            cx.fact(Subject::Worker(self.id), self.incarnation, None, Fact::Restarted);
        }
        self.launch(by, cx);
    }

    fn launch(&mut self, by: Instant, cx: &mut Cx<'_>) {
        self.incarnation += 1;
        if let Some(own) = self.laid_aside.take() {
            self.spec = *own;
        }
        let unit = cx.new_unit();
        cx.fact(Subject::Worker(self.id), self.incarnation, Some(unit), Fact::Spawn);
        let by = self.spec.ready.as_ref().map_or(by, |ready| by.min(cx.now.later(ready.timeout)));
        self.attempt(unit, cx.now, by, 1, cx);
    }

    /// The attempt of this number. All of them are one start, of one unit: an attempt that fails leaves nothing behind.
    fn attempt(&mut self, unit: UnitId, since: Instant, by: Instant, tries: u32, cx: &mut Cx<'_>) {
        let notify = self.spec.ready.as_ref().and_then(|ready| ready.probe.channel());
        let adopts = cx.heir(&self.spec.name);
        let launch = Launch { resume: cx.resume_id(), previous: self.previous, notify, adopts, ..Launch::default() };
        let op = cx.launch(unit, &self.spec.name, &self.spec.body, launch);
        self.state = State::Starting { unit, op, since, by, tries };
    }

    /// A tick between two attempts: the next one is due, or its time to become ready is over.
    pub(super) fn attempt_again(&mut self, cx: &mut Cx<'_>) {
        let State::Retrying { unit, at, since, by, tries, .. } = self.state else {
            unreachable!("only what failed is tried again");
        };
        if by <= cx.now {
            self.start_took_too_long(cx);
        } else if at <= cx.now {
            self.attempt(unit, since, by, tries + 1, cx);
        } else {
            cx.unexpected("Retrying", &Event::Tick);
        }
    }

    pub(super) fn spawned(&mut self, op: OpId, result: Result<Option<i32>, SpawnFailure>, cx: &mut Cx<'_>) {
        let (unit, since, by, tries, plan) = match replace(&mut self.state, State::Pending) {
            State::Starting { unit, op: asked, since, by, tries } if asked == op => (unit, since, by, tries, None),
            State::Abandoning { unit, op: asked, since, plan } if asked == op => {
                (unit, since, Instant::NEVER, SpawnFailure::TRIES_MAX, Some(plan))
            }
            other => {
                self.state = other;
                return cx.unexpected(self.state.name(), &Event::Spawned { op, result });
            }
        };
        match result {
            Ok(pid) => {
                let mut run = Box::new(Run::begin(unit, pid.and_then(Pid::new), since, &self.spec.body, cx));
                run.ask(plan.map(|plan| plan.by));
                run.late = plan.is_some_and(|plan| plan.by == Requester::Deadline);
                self.state = State::Up(run);
                self.tell(Fact::Started { pid }, cx);
                self.herald(Condition::Started, cx);
                match plan {
                    None => self.look(by, cx),
                    Some(plan) => {
                        // What is to end is ready only where nobody asks how.
                        if self.spec.ready.is_none() {
                            self.is_ready(cx);
                        }
                        self.begin_stop(plan, cx);
                    }
                }
            }
            Err(failure) if failure.passes() && tries < SpawnFailure::TRIES_MAX => {
                let at = cx.now.after(SpawnFailure::pause(tries));
                self.state = State::Retrying { unit, at, since, by, tries, failure };
            }
            Err(failure) => {
                let asked = plan.map(|plan| plan.by);
                self.start_failed(unit, since, asked, Reason::StartFailed, Some(failure), cx);
            }
        }
    }

    /// Its time to become ready is over.
    pub(super) fn start_took_too_long(&mut self, cx: &mut Cx<'_>) {
        let plan = StopPlan::new(&self.spec.stop, Requester::Deadline, cx.now, Instant::NEVER);
        match replace(&mut self.state, State::Pending) {
            State::Starting { unit, op, since, .. } => {
                let plan = plan.forced(&self.spec.stop, cx.now);
                self.state = State::Abandoning { unit, op, since, plan };
                self.tell(Fact::StopRequested { by: plan.by, deadline: plan.deadline }, cx);
            }
            State::Retrying { unit, since, failure, .. } => self.cut_short(unit, since, failure, plan, cx),
            State::Up(mut run) => {
                run.ask(Some(plan.by));
                run.late = true;
                self.state = State::Up(run);
                self.tell(Fact::StopRequested { by: plan.by, deadline: plan.deadline }, cx);
                self.begin_stop(plan, cx);
            }
            other => unreachable!("{} does not wait to be ready", other.name()),
        }
    }

    /// Between two attempts there is nothing to stop: it has failed to start.
    pub(super) fn cut_short(
        &mut self,
        unit: UnitId,
        since: Instant,
        failure: SpawnFailure,
        plan: StopPlan,
        cx: &mut Cx<'_>,
    ) {
        let asked = Fact::StopRequested { by: plan.by, deadline: plan.deadline };
        cx.fact(Subject::Worker(self.id), self.incarnation, Some(unit), asked);
        self.start_failed(unit, since, Some(plan.by), Reason::StartFailed, Some(failure), cx);
    }

    /// The spawn failed, or was never answered.
    pub(super) fn start_failed(
        &mut self,
        unit: UnitId,
        since: Instant,
        asked: Option<Requester>,
        reason: Reason,
        failure: Option<SpawnFailure>,
        cx: &mut Cx<'_>,
    ) {
        let mut outcome = Outcome::unborn(self.incarnation, WorkerState::Failed, reason, since, cx.now);
        (outcome.requested_by, outcome.start_error) = (asked, failure);
        self.conclude(outcome, Some(unit), cx);
    }
}
