//! The rules of a worker: what each event does in each state.

use super::run::{Reading, index};
use super::{Run, State, StopPlan, Worker};
use crate::ids::OpId;
use crate::machine::{Cx, Event};
use crate::signal::Signal;
use crate::time::Instant;
use crate::vocab::{
    ExitNotice, ExitStatus, Fact, Outcome, OutputTally, Reason, Request, Requester, SignalTo, SpawnFailure, Stream,
    Subject, Target, WorkerState,
};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem::replace;

impl Worker {
    pub(super) fn start(&mut self, cx: &mut Cx<'_>) {
        match &self.state {
            State::Pending => {
                self.incarnation += 1;
                let unit = cx.new_unit();
                cx.fact(Subject::Worker(self.id), self.incarnation, Some(unit), Fact::Spawn);
                let op = cx.start(unit, &self.spec.name, &self.spec.body);
                self.state = State::Starting { unit, op, since: cx.now };
            }
            // A start of what was started joins it.
            State::Starting { .. } | State::Abandoning { .. } | State::Up(_) | State::Stopping { .. } => {}
            State::Killing { .. } | State::Draining { .. } | State::Surveying { .. } | State::Ended(_) => {}
        }
    }

    /// A stop request: valid in every state, and the earlier of two deadlines wins.
    pub(super) fn stop(&mut self, by: Requester, caller: Instant, cx: &mut Cx<'_>) {
        let plan = StopPlan::new(&self.spec.stop, by, cx.now, caller);
        match replace(&mut self.state, State::Pending) {
            State::Pending => self.never_started(by, cx),
            State::Starting { unit, op, since } => {
                self.state = State::Abandoning { unit, op, since, plan };
                self.tell(Fact::StopRequested { by, deadline: plan.deadline }, cx);
            }
            State::Up(mut run) => {
                run.asked = Some(by);
                self.state = State::Up(run);
                self.tell(Fact::StopRequested { by, deadline: plan.deadline }, cx);
                self.begin_stop(plan, cx);
            }
            State::Abandoning { unit, op, since, plan: first } => {
                self.state = State::Abandoning { unit, op, since, plan: first.joined(&plan) };
            }
            State::Stopping { mut run, plan: first } => {
                let joined = first.joined(&plan);
                // The leader ended by itself and its scope is being stopped: the request finds a stop under way.
                if run.asked.is_none() && run.exit.is_none() {
                    run.asked = Some(by);
                }
                self.state = State::Stopping { run, plan: joined };
            }
            State::Killing { run, plan: first } => self.state = State::Killing { run, plan: first.joined(&plan) },
            State::Draining { run, until, plan: first } => {
                let joined = first.joined(&plan);
                self.state = State::Draining { run, until: until.min(joined.deadline), plan: joined };
            }
            over @ (State::Surveying { .. } | State::Ended(_)) => self.state = over,
        }
    }

    /// A stop by force.
    pub(super) fn kill(&mut self, by: Requester, caller: Instant, cx: &mut Cx<'_>) {
        let now = StopPlan::new(&self.spec.stop, by, cx.now, caller).forced(&self.spec.stop, cx.now);
        match replace(&mut self.state, State::Pending) {
            State::Pending => self.never_started(by, cx),
            State::Starting { unit, op, since } => {
                self.state = State::Abandoning { unit, op, since, plan: now };
                self.tell(Fact::StopRequested { by, deadline: now.deadline }, cx);
            }
            State::Up(mut run) => {
                run.asked = Some(by);
                self.state = State::Up(run);
                self.tell(Fact::StopRequested { by, deadline: now.deadline }, cx);
                self.begin_stop(now, cx);
            }
            State::Abandoning { unit, op, since, plan } => {
                self.state = State::Abandoning { unit, op, since, plan: plan.joined(&now) };
            }
            State::Stopping { run, plan } => self.escalate(run, plan.joined(&now), by, cx),
            State::Killing { run, plan } => self.state = State::Killing { run, plan: plan.joined(&now) },
            over @ (State::Draining { .. } | State::Surveying { .. } | State::Ended(_)) => self.state = over,
        }
    }

    /// A stop without a unit spawns nothing.
    fn never_started(&mut self, by: Requester, cx: &mut Cx<'_>) {
        self.state = State::Ended(Arc::new(Outcome {
            state: WorkerState::Stopped,
            status: ExitStatus::Unknown,
            reason: Reason::Natural,
            requested_by: Some(by),
            survivors: Vec::new(),
            holders: Vec::new(),
            output: OutputTally::default(),
            incarnation: 0,
            spawned_at: cx.now,
            ended_at: cx.now,
            start_error: None,
        }));
        self.announce(None, cx);
    }

    pub(super) fn user_signal(&mut self, signal: Signal, cx: &mut Cx<'_>) {
        let to = self.gentle_target();
        match &mut self.state {
            State::Up(run) | State::Stopping { run, .. } if run.exit.is_none() => {
                run.signal(to, signal, cx);
                let fact = Fact::Signalled { signal, target: to, by: Requester::User };
                self.tell(fact, cx);
            }
            // Nobody to signal: what has ended or not begun cannot hear it.
            State::Up(_) | State::Stopping { .. } | State::Pending | State::Starting { .. } => {}
            State::Abandoning { .. } | State::Killing { .. } | State::Draining { .. } => {}
            State::Surveying { .. } | State::Ended(_) => {}
        }
    }

    /// Writes to stdin, or closes it, while the leader lives.
    pub(super) fn input(&mut self, request: Request, cx: &mut Cx<'_>) {
        match &self.state {
            State::Up(run) | State::Stopping { run, .. } if run.exit.is_none() => {
                cx.submit(run.unit, request);
            }
            State::Up(_) | State::Stopping { .. } | State::Pending | State::Starting { .. } => {}
            State::Abandoning { .. } | State::Killing { .. } | State::Draining { .. } => {}
            State::Surveying { .. } | State::Ended(_) => {}
        }
    }

    pub(super) fn spawned(&mut self, op: OpId, result: Result<Option<i32>, SpawnFailure>, cx: &mut Cx<'_>) {
        let (unit, since, plan) = match replace(&mut self.state, State::Pending) {
            State::Starting { unit, op: asked, since } if asked == op => (unit, since, None),
            State::Abandoning { unit, op: asked, since, plan } if asked == op => (unit, since, Some(plan)),
            other => {
                self.state = other;
                return cx.unexpected(self.state.name(), &Event::Spawned { op, result });
            }
        };
        match result {
            Ok(pid) => {
                let mut run = Run::begin(unit, since, cx);
                run.asked = plan.map(|plan| plan.by);
                self.state = State::Up(run);
                self.tell(Fact::Started { pid }, cx);
                self.tell(Fact::Ready, cx);
                if let Some(plan) = plan {
                    self.begin_stop(plan, cx);
                }
            }
            Err(failure) => {
                self.state = State::Ended(Arc::new(Outcome {
                    state: WorkerState::Failed,
                    status: ExitStatus::Unknown,
                    reason: Reason::StartFailed,
                    requested_by: plan.map(|plan| plan.by),
                    survivors: Vec::new(),
                    holders: Vec::new(),
                    output: OutputTally::default(),
                    incarnation: self.incarnation,
                    spawned_at: since,
                    ended_at: cx.now,
                    start_error: Some(failure),
                }));
                self.announce(Some(unit), cx);
            }
        }
    }

    /// Sends the gentle signal, or KILL where there is no grace left.
    fn begin_stop(&mut self, plan: StopPlan, cx: &mut Cx<'_>) {
        let State::Up(mut run) = replace(&mut self.state, State::Pending) else {
            unreachable!("a stop begins from Up");
        };
        run.watch_scope(cx);
        if plan.kill_at <= cx.now {
            return self.escalate(run, plan, plan.by, cx);
        }
        let to = if run.exit.is_some() { Target::Scope } else { self.gentle_target() };
        let signal = self.spec.stop.signal;
        run.signal(to, signal, cx);
        self.state = State::Stopping { run, plan };
        self.tell(Fact::Signalled { signal, target: to, by: plan.by }, cx);
    }

    fn escalate(&mut self, mut run: Run, plan: StopPlan, by: Requester, cx: &mut Cx<'_>) {
        run.signal(Target::Scope, Signal::KILL, cx);
        self.state = State::Killing { run, plan };
        self.tell(Fact::Signalled { signal: Signal::KILL, target: Target::Scope, by }, cx);
    }

    pub(super) fn tick(&mut self, cx: &mut Cx<'_>) {
        match replace(&mut self.state, State::Pending) {
            State::Stopping { run, plan } => self.escalate(run, plan, Requester::Deadline, cx),
            State::Killing { run, plan } => self.drain(run, plan, cx),
            State::Draining { run, .. } => self.survey(run, cx),
            State::Abandoning { unit, op, since, plan } => {
                // The spawn was never answered. Its late process is killed and reaped by the host.
                cx.withdraw(op);
                self.state = State::Ended(Arc::new(Outcome {
                    state: WorkerState::Failed,
                    status: ExitStatus::Unknown,
                    reason: Reason::RuntimeError,
                    requested_by: Some(plan.by),
                    survivors: Vec::new(),
                    holders: Vec::new(),
                    output: OutputTally::default(),
                    incarnation: self.incarnation,
                    spawned_at: since,
                    ended_at: cx.now,
                    start_error: None,
                }));
                self.announce(Some(unit), cx);
            }
            other @ (State::Pending | State::Starting { .. } | State::Up(_)) => {
                self.state = other;
                cx.unexpected(self.state.name(), &Event::Tick);
            }
            other @ (State::Surveying { .. } | State::Ended(_)) => {
                self.state = other;
                cx.unexpected(self.state.name(), &Event::Tick);
            }
        }
    }

    pub(super) fn exited(&mut self, op: OpId, notice: ExitNotice, cx: &mut Cx<'_>) {
        let Some(run) = self.run_mut().filter(|run| run.exit_op == op && run.exit.is_none()) else {
            return cx.unexpected(self.state.name(), &Event::Exited { op, notice });
        };
        run.exit = Some(notice);
        if notice.others == Some(false) {
            run.empty = true;
        }
        self.tell(Fact::Exited { status: notice.status }, cx);
        match replace(&mut self.state, State::Pending) {
            State::Up(run) if run.empty => {
                let plan = StopPlan::new(&self.spec.stop, Requester::Policy, cx.now, Instant::NEVER);
                self.drain(run, plan, cx);
            }
            // The leader ended by itself: the same policy stops the rest of its scope.
            State::Up(run) => {
                let plan = StopPlan::new(&self.spec.stop, Requester::Policy, cx.now, Instant::NEVER);
                self.state = State::Up(run);
                self.begin_stop(plan, cx);
            }
            State::Stopping { run, plan } if run.empty => self.drain(run, plan, cx),
            State::Killing { run, plan } if run.empty => self.drain(run, plan, cx),
            State::Draining { run, until, plan } => {
                self.state = State::Draining { run, until, plan };
                self.finish_if_drained(cx);
            }
            other @ (State::Stopping { .. } | State::Killing { .. } | State::Surveying { .. }) => self.state = other,
            State::Pending | State::Starting { .. } | State::Abandoning { .. } | State::Ended(_) => {
                unreachable!("a state without a run has no leader")
            }
        }
    }

    pub(super) fn empty(&mut self, op: OpId, cx: &mut Cx<'_>) {
        let Some(run) = self.run_mut().filter(|run| run.empty_op == Some(op)) else {
            return cx.unexpected(self.state.name(), &Event::Empty { op });
        };
        run.empty_op = None;
        run.empty = true;
        match replace(&mut self.state, State::Pending) {
            State::Stopping { run, plan } if run.exit.is_some() => self.drain(run, plan, cx),
            State::Killing { run, plan } if run.exit.is_some() => self.drain(run, plan, cx),
            State::Draining { run, until, plan } => {
                self.state = State::Draining { run, until, plan };
                self.finish_if_drained(cx);
            }
            // The leader's own end is still to be delivered.
            other => self.state = other,
        }
    }

    pub(super) fn output(&mut self, op: OpId, stream: Stream, chunk: &[u8], cx: &mut Cx<'_>) {
        let at = index(stream);
        let Some(run) = self.run_mut().filter(|run| run.outputs[at].is_read_by(op)) else {
            return cx.unexpected(self.state.name(), &Event::Output { op, stream, chunk: chunk.to_vec() });
        };
        let unit = run.unit;
        run.delivered += chunk.len() as u64;
        let mut facts = Vec::new();
        let mut line = |line, complete| facts.push(Fact::Output { stream, line, complete });
        if let Reading::Open { lines, .. } = &mut run.outputs[at] {
            if chunk.is_empty() {
                lines.finish(&mut line);
            } else {
                lines.feed(chunk, &mut line);
            }
        }
        if chunk.is_empty() {
            run.outputs[at] = Reading::Closed;
        } else {
            let next = cx.read(unit, stream);
            if let Reading::Open { op, .. } = &mut run.outputs[at] {
                *op = next;
            }
        }
        let closed = chunk.is_empty() && run.outputs_closed();
        for fact in facts {
            self.tell(fact, cx);
        }
        if closed {
            self.tell(Fact::OutputClosed, cx);
            self.finish_if_drained(cx);
        }
    }

    fn tell(&mut self, fact: Fact, cx: &mut Cx<'_>) {
        let unit = match &mut self.state {
            State::Starting { unit, .. } | State::Abandoning { unit, .. } => Some(*unit),
            State::Pending | State::Ended(_) => None,
            State::Up(_) | State::Stopping { .. } | State::Killing { .. } => self.run_mut().map(|run| run.unit),
            State::Draining { .. } | State::Surveying { .. } => self.run_mut().map(|run| run.unit),
        };
        cx.fact(Subject::Worker(self.id), self.incarnation, unit, fact);
    }

    fn run_mut(&mut self) -> Option<&mut Run> {
        match &mut self.state {
            State::Up(run) | State::Stopping { run, .. } | State::Killing { run, .. } => Some(run),
            State::Draining { run, .. } | State::Surveying { run, .. } => Some(run),
            State::Pending | State::Starting { .. } | State::Abandoning { .. } | State::Ended(_) => None,
        }
    }

    fn gentle_target(&self) -> Target {
        match self.spec.stop.signal_to {
            SignalTo::Scope => Target::Scope,
            SignalTo::Leader => Target::Leader,
        }
    }
}

impl Reading {
    fn is_read_by(&self, by: OpId) -> bool {
        matches!(self, Reading::Open { op, .. } if *op == by)
    }
}
