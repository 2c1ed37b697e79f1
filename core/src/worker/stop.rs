//! The stop of a worker: hook, gentle signal, KILL. One absolute deadline covers all of it.

use super::{Run, Spec, State, StopPlan, Worker};
use crate::machine::{Cx, Event};
use crate::signal::Signal;
use crate::time::Instant;
use crate::vocab::{Body, Fact, Reason, Request, Requester, SignalTo, StopPolicy, Target, WorkerSpec};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::mem::replace;

/// How somebody wants it to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum How {
    Gently,
    ByForce,
}

impl Worker {
    /// A stop request: valid in every state, and the earlier of two deadlines wins.
    pub(super) fn stop(&mut self, by: Requester, caller: Instant, cx: &mut Cx<'_>) {
        let plan = StopPlan::new(&self.spec.stop, by, cx.now, caller);
        self.request(plan, How::Gently, cx);
    }

    /// A stop by force.
    pub(super) fn kill(&mut self, by: Requester, caller: Instant, cx: &mut Cx<'_>) {
        let plan = StopPlan::new(&self.spec.stop, by, cx.now, caller).forced(&self.spec.stop, cx.now);
        self.request(plan, How::ByForce, cx);
    }

    fn request(&mut self, plan: StopPlan, how: How, cx: &mut Cx<'_>) {
        let by = plan.by;
        let overrules = self.overrules(by);
        match replace(&mut self.state, State::Pending) {
            idle @ (State::Pending | State::Backoff { .. }) => {
                self.state = idle;
                self.stopped_without_unit(by, cx);
            }
            State::Starting { unit, op, since, .. } => {
                self.state = State::Abandoning { unit, op, since, plan };
                self.tell(Fact::StopRequested { by, deadline: plan.deadline }, cx);
            }
            State::Retrying { unit, since, failure, .. } => self.cut_short(unit, since, failure, plan, cx),
            State::Up(mut run) => {
                run.ask(Some(by));
                self.state = State::Up(run);
                self.tell(Fact::StopRequested { by, deadline: plan.deadline }, cx);
                self.begin_stop(plan, cx);
            }
            State::Abandoning { unit, op, since, plan: first } => {
                self.state = State::Abandoning { unit, op, since, plan: first.joined(&plan) };
            }
            State::Hooking { mut run, until, plan: first } => {
                run.ask(Some(by));
                let plan = first.joined(&plan);
                match how {
                    How::Gently => self.state = State::Hooking { run, until, plan },
                    How::ByForce => {
                        run.cancel_hook(cx);
                        self.escalate(run, plan, by, cx);
                    }
                }
            }
            State::Stopping { mut run, plan: first } => {
                // Where the leader ended by itself and its scope is being stopped, the request finds a stop under way.
                run.ask(Some(by));
                let plan = first.joined(&plan);
                match how {
                    How::Gently => self.state = State::Stopping { run, plan },
                    How::ByForce => self.escalate(run, plan, by, cx),
                }
            }
            State::Killing { run, plan: first } => self.state = State::Killing { run, plan: first.joined(&plan) },
            State::Draining { run, until, plan: first } => {
                let joined = first.joined(&plan);
                self.state = State::Draining { run, until: until.min(joined.deadline), plan: joined };
            }
            over @ (State::Surveying { .. } | State::Ended(_)) => self.state = over,
        }
        self.tell_if(overrules, by, cx);
    }

    /// It was to end for the sake of its siblings and to come back with them, and now somebody wants it down.
    fn overrules(&mut self, by: Requester) -> bool {
        by == Requester::User && self.run_mut().is_some_and(|run| run.asked == Some(Requester::Supervisor))
    }

    fn tell_if(&mut self, overrules: bool, by: Requester, cx: &mut Cx<'_>) {
        let deadline = match &self.state {
            State::Hooking { plan, .. } | State::Stopping { plan, .. } => plan.deadline,
            State::Killing { plan, .. } | State::Draining { plan, .. } => plan.deadline,
            State::Pending | State::Starting { .. } | State::Retrying { .. } | State::Abandoning { .. } => return,
            State::Up(_) | State::Surveying { .. } | State::Backoff { .. } | State::Ended(_) => return,
        };
        if overrules {
            self.tell(Fact::StopRequested { by, deadline }, cx);
        }
    }

    /// A stop by another policy than its own, which comes back with the next incarnation.
    pub(super) fn stop_with(&mut self, policy: Arc<StopPolicy>, by: Requester, caller: Instant, cx: &mut Cx<'_>) {
        let deadline = StopPlan::new(&policy, by, cx.now, caller).deadline;
        match &self.state {
            State::Starting { .. } | State::Up(_) => {
                let spec = WorkerSpec { stop: StopPolicy::clone(&policy), ..WorkerSpec::clone(&self.spec) };
                let own = replace(&mut self.spec, Spec::Own(Arc::new(spec)));
                self.laid_aside.get_or_insert_with(|| Box::new(own));
            }
            State::Abandoning { .. } | State::Hooking { .. } | State::Stopping { .. } | State::Killing { .. } => {}
            State::Draining { .. } | State::Surveying { .. } => {}
            State::Pending | State::Retrying { .. } | State::Backoff { .. } | State::Ended(_) => {}
        }
        self.stop(by, deadline, cx);
    }

    /// Runs the hook where there is one and the leader lives; otherwise the signal is due.
    pub(super) fn begin_stop(&mut self, plan: StopPlan, cx: &mut Cx<'_>) {
        self.look_away(cx);
        let State::Up(mut run) = replace(&mut self.state, State::Pending) else {
            unreachable!("a stop begins from Up");
        };
        match &self.spec.stop.hook {
            Some(hook) if run.exit.is_none() && plan.kill_at > cx.now => {
                run.hook = Some(cx.run(&hook.command));
                let until = cx.now.later(hook.within);
                self.state = State::Hooking { run, plan, until };
            }
            Some(_) | None => self.gentle(run, plan, cx),
        }
    }

    /// The hook is over, or was given up: the signal is due. Time that it has left over shortens the stop.
    pub(super) fn hook_is_over(&mut self, cx: &mut Cx<'_>) {
        match replace(&mut self.state, State::Pending) {
            State::Hooking { run, plan, .. } => {
                let rest = StopPlan::from_signal(&self.spec.stop, plan.by, cx.now, plan.deadline);
                self.gentle(run, plan.joined(&rest), cx);
            }
            other => self.state = other,
        }
    }

    /// Sends the gentle signal, or KILL where there is no grace left.
    fn gentle(&mut self, mut run: Box<Run>, plan: StopPlan, cx: &mut Cx<'_>) {
        if plan.kill_at <= cx.now {
            return self.escalate(run, plan, plan.by, cx);
        }
        let to = if run.exit.is_some() { Target::Scope } else { self.gentle_target() };
        let signal = self.spec.stop.signal;
        run.signal(to, signal, cx);
        if matches!(self.spec.body, Body::Process(_)) && self.spec.stop.is_heard_by_the_stopped() {
            run.signal(to, Signal::CONT, cx);
        }
        self.state = State::Stopping { run, plan };
        self.tell(Fact::Signalled { signal, target: to, by: plan.by }, cx);
    }

    fn escalate(&mut self, mut run: Box<Run>, plan: StopPlan, by: Requester, cx: &mut Cx<'_>) {
        run.signal(Target::Scope, Signal::KILL, cx);
        self.state = State::Killing { run, plan };
        self.tell(Fact::Signalled { signal: Signal::KILL, target: Target::Scope, by }, cx);
    }

    pub(super) fn tick(&mut self, cx: &mut Cx<'_>) {
        match replace(&mut self.state, State::Pending) {
            starting @ State::Starting { .. } => {
                self.state = starting;
                self.start_took_too_long(cx);
            }
            retrying @ State::Retrying { .. } => {
                self.state = retrying;
                self.attempt_again(cx);
            }
            up @ State::Up(_) => {
                self.state = up;
                self.look_again(cx);
            }
            State::Hooking { run, plan, until } => {
                run.cancel_hook(cx);
                self.state = State::Hooking { run, plan, until };
                self.hook_is_over(cx);
            }
            State::Stopping { run, plan } => self.escalate(run, plan, Requester::Deadline, cx),
            State::Killing { run, plan } => self.drain(run, plan, cx),
            State::Draining { run, .. } => self.survey(run, cx),
            State::Abandoning { unit, op, since, plan } => {
                // The spawn was never answered. Its late process is killed and reaped by the host.
                cx.withdraw(op);
                let late = plan.by == Requester::Deadline;
                let reason = if late { Reason::StartFailed } else { Reason::RuntimeError };
                self.start_failed(unit, since, Some(plan.by), reason, None, cx);
            }
            State::Backoff { until, last } => {
                self.state = State::Backoff { until, last };
                self.relaunch(Instant::NEVER, cx);
            }
            other @ (State::Pending | State::Surveying { .. } | State::Ended(_)) => {
                self.state = other;
                cx.unexpected(self.state.name(), &Event::Tick);
            }
        }
        self.leave_the_killed(cx);
    }

    /// Whoever was killed by a deadline that leaves no time after it is not waited for.
    fn leave_the_killed(&mut self, cx: &mut Cx<'_>) {
        match replace(&mut self.state, State::Pending) {
            State::Killing { run, plan } if plan.empty_by <= cx.now => self.drain(run, plan, cx),
            other => self.state = other,
        }
    }

    pub(super) fn user_signal(&mut self, signal: Signal, cx: &mut Cx<'_>) {
        let to = self.gentle_target();
        match &mut self.state {
            State::Up(run) | State::Hooking { run, .. } | State::Stopping { run, .. } if run.exit.is_none() => {
                run.signal(to, signal, cx);
                let fact = Fact::Signalled { signal, target: to, by: Requester::User };
                self.tell(fact, cx);
            }
            // Nobody to signal: what has ended or not begun cannot hear it.
            State::Up(_) | State::Hooking { .. } | State::Stopping { .. } | State::Pending => {}
            State::Starting { .. } | State::Abandoning { .. } | State::Killing { .. } | State::Draining { .. } => {}
            State::Surveying { .. } | State::Backoff { .. } | State::Retrying { .. } | State::Ended(_) => {}
        }
    }

    /// Writes to stdin, or closes it, while the leader lives.
    pub(super) fn input(&mut self, request: Request, cx: &mut Cx<'_>) {
        match &self.state {
            State::Up(run) | State::Hooking { run, .. } | State::Stopping { run, .. } if run.exit.is_none() => {
                cx.submit(run.unit, request);
            }
            // Nobody reads it.
            State::Up(_) | State::Hooking { .. } | State::Stopping { .. } | State::Pending => {}
            State::Starting { .. } | State::Abandoning { .. } | State::Killing { .. } | State::Draining { .. } => {}
            State::Surveying { .. } | State::Backoff { .. } | State::Retrying { .. } | State::Ended(_) => {}
        }
    }

    fn gentle_target(&self) -> Target {
        match self.spec.stop.signal_to {
            SignalTo::Scope => Target::Scope,
            SignalTo::Leader => Target::Leader,
        }
    }
}
