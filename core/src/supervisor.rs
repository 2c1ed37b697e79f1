//! A supervisor: a worker whose unit is a group of workers, which it keeps running. It nests.

mod view;

use crate::children::{Children, Fate, Mode};
use crate::digest::Digest;
use crate::ids::{ActorId, WorkerId};
use crate::machine::{Broken, Command, Cx, Event, Machine};
use crate::restart::{Next, Restarts, digest_age};
use crate::time::{DurationRange, Instant};
use crate::vocab::{
    Body, Condition, Fact, Outcome, Reason, Requester, SessionSpec, Subject, SupervisorSpec, WorkerSpec, WorkerState,
};
use crate::worker::StopPlan;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::hash::Hash;

/// The machine of a supervisor.
#[derive(Clone, Debug)]
pub struct Supervisor {
    id: WorkerId,
    parent: ActorId,
    plan: Arc<SessionSpec>,
    children: Children,
    incarnation: u32,
    restarts: Restarts,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Pending,
    /// Its children run, or are on their way.
    Up(Group),
    /// Over, and to be started again.
    Backoff {
        until: Instant,
        last: Arc<Outcome>,
    },
    Ended(Arc<Outcome>),
}

/// One incarnation.
#[derive(Clone, Copy, Debug)]
struct Group {
    since: Instant,
    readiness: Readiness,
    /// Who asked for its end.
    asked: Option<Requester>,
    /// Whether a child has failed for good.
    failed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Readiness {
    Awaited,
    Ready,
}

impl Supervisor {
    /// The supervisor of this number in a plan, over machines that exist already, one for each of its children, in their order.
    ///
    /// # Panics
    /// If the plan has no such supervisor, or the lists differ in length.
    pub fn of_plan(id: WorkerId, parent: ActorId, plan: &Arc<SessionSpec>, actors: &[ActorId]) -> Supervisor {
        let spec = supervisor_spec(plan, id);
        assert_eq!(spec.children.len(), actors.len(), "one machine for each child");
        let list = spec.children.iter().copied().zip(actors.iter().copied());
        let children = Children::new(plan.clone(), spec.strategy, list);
        let (incarnation, restarts) = (0, Restarts::default());
        Supervisor { id, parent, plan: plan.clone(), children, incarnation, restarts, state: State::Pending }
    }

    /// What it was made of.
    pub fn spec(&self) -> &WorkerSpec {
        &self.plan.workers[self.id.index()]
    }

    fn tell(&self, fact: Fact, cx: &mut Cx<'_>) {
        cx.fact(Subject::Worker(self.id), self.incarnation, None, fact);
    }

    fn start(&mut self, cx: &mut Cx<'_>) {
        match &self.state {
            State::Pending => {}
            State::Ended(_) | State::Backoff { .. } if self.incarnation > 0 => self.tell(Fact::Restarted, cx),
            State::Ended(_) | State::Backoff { .. } => {}
            // A start of what was started joins it.
            State::Up(_) => return,
        }
        self.incarnation += 1;
        self.state = State::Up(Group { since: cx.now, readiness: Readiness::Awaited, asked: None, failed: false });
        self.tell(Fact::Spawn, cx);
        self.tell(Fact::Started { pid: None }, cx);
        cx.tell(self.parent, Event::News { worker: self.id, come: Condition::Started });
        self.children.start_all(cx);
        self.look(cx);
    }

    /// It is ready when each of its children has been.
    fn look(&mut self, cx: &mut Cx<'_>) {
        let State::Up(group) = &mut self.state else { return };
        if group.readiness == Readiness::Awaited
            && self.children.mode() == Mode::Up
            && self.children.have_come(Condition::Ready)
        {
            group.readiness = Readiness::Ready;
            self.tell(Fact::Ready, cx);
            cx.tell(self.parent, Event::News { worker: self.id, come: Condition::Ready });
        }
        self.end_if_empty(cx);
    }

    fn stop(&mut self, by: Requester, caller: Instant, cx: &mut Cx<'_>) {
        match &mut self.state {
            State::Pending | State::Backoff { .. } => self.ends_unborn(WorkerState::Stopped, Some(by), None, cx),
            State::Up(group) => {
                if group.asked.is_none() {
                    group.asked = Some(by);
                    self.tell(Fact::StopRequested { by, deadline: caller }, cx);
                }
                match self.children.mode() {
                    Mode::Up | Mode::Holding => {
                        self.children.stop_all(Requester::Parent, caller, cx);
                        self.end_if_empty(cx);
                    }
                    Mode::Ending { .. } | Mode::Forcing { .. } => self.children.hasten(by, caller, cx),
                }
            }
            State::Ended(_) => {}
        }
    }

    /// It is not to be started again, and neither is any of its children.
    fn hold(&mut self, by: Requester, cx: &mut Cx<'_>) {
        match self.state {
            State::Backoff { .. } => self.ends_unborn(WorkerState::Stopped, Some(by), None, cx),
            State::Up(_) => {
                self.children.hold(by, cx);
                self.end_if_empty(cx);
            }
            State::Pending | State::Ended(_) => {}
        }
    }

    fn kill(&mut self, by: Requester, caller: Instant, cx: &mut Cx<'_>) {
        match &mut self.state {
            State::Pending | State::Backoff { .. } => self.ends_unborn(WorkerState::Stopped, Some(by), None, cx),
            State::Up(group) => {
                if group.asked.is_none() {
                    group.asked = Some(by);
                    self.tell(Fact::StopRequested { by, deadline: caller }, cx);
                }
                if let Mode::Forcing { .. } = self.children.mode() {
                    return self.children.hasten(by, caller, cx);
                }
                self.children.kill_all(by, caller, cx);
                self.end_if_empty(cx);
            }
            State::Ended(_) => {}
        }
    }

    fn child_ended(&mut self, worker: WorkerId, state: WorkerState, next: Next, cx: &mut Cx<'_>) {
        let fate = match self.state {
            State::Up(_) => self.children.ended(worker, state, next, cx),
            State::Pending | State::Backoff { .. } | State::Ended(_) => Fate::Unexpected,
        };
        match fate {
            Fate::Unexpected => {
                return cx.unexpected("a supervisor that does not wait for it", &Event::Ended { worker, state, next });
            }
            Fate::Returns => {}
            Fate::Over | Fate::Tripped => {
                let failed = matches!(state, WorkerState::Failed | WorkerState::Killed);
                if let State::Up(group) = &mut self.state {
                    group.failed |= failed;
                }
            }
        }
        if fate == Fate::Tripped && supervisor_spec(&self.plan, self.id).escalate {
            self.children.stop_all(Requester::Parent, Instant::NEVER, cx);
        }
        self.end_if_empty(cx);
    }

    fn end_if_empty(&mut self, cx: &mut Cx<'_>) {
        let State::Up(group) = self.state else { return };
        if !self.children.are_over() {
            return;
        }
        let state = match (group.asked, group.failed) {
            (Some(_), _) => WorkerState::Stopped,
            (None, true) => WorkerState::Failed,
            (None, false) => WorkerState::Finished,
        };
        let mut outcome = Outcome::unborn(self.incarnation, state, Reason::Natural, group.since, cx.now);
        outcome.requested_by = group.asked;
        self.conclude(outcome, cx);
    }

    fn conclude(&mut self, mut outcome: Outcome, cx: &mut Cx<'_>) {
        let next = if outcome.requested_by.is_some() {
            Next::Over
        } else {
            let ran = cx.now.since(outcome.spawned_at);
            let policy = &self.plan.workers[self.id.index()].restart;
            self.restarts.next(policy, outcome.state, cx.now, ran, |most| cx.draw(DurationRange::up_to(most)))
        };
        if next == Next::Tripped {
            outcome.state = WorkerState::Failed;
            outcome.circuit_breaker = true;
        }
        // Before the end itself: whoever waits for it is then released, and does not give up on somebody who is over.
        cx.tell(self.parent, Event::News { worker: self.id, come: Condition::Exited });
        self.end(outcome, next, cx);
    }

    /// It ends without having been started.
    fn ends_unborn(&mut self, state: WorkerState, by: Option<Requester>, unmet: Option<WorkerId>, cx: &mut Cx<'_>) {
        if !matches!(self.state, State::Pending) {
            self.incarnation += 1;
        }
        let reason = if unmet.is_some() { Reason::StartFailed } else { Reason::Natural };
        let mut outcome = Outcome::unborn(self.incarnation, state, reason, cx.now, cx.now);
        (outcome.requested_by, outcome.unmet) = (by, unmet);
        self.end(outcome, Next::Over, cx);
    }

    fn end(&mut self, outcome: Outcome, next: Next, cx: &mut Cx<'_>) {
        let state = outcome.state;
        let outcome = Arc::new(outcome);
        self.state = State::Ended(outcome.clone());
        self.tell(Fact::Ended(outcome), cx);
        cx.tell(self.parent, Event::Ended { worker: self.id, state, next });
    }

    fn again(&mut self, at: Instant, cx: &mut Cx<'_>) {
        match &self.state {
            State::Ended(_) | State::Backoff { .. } if at <= cx.now => self.start(cx),
            State::Ended(last) | State::Backoff { last, .. } => {
                self.state = State::Backoff { until: at, last: last.clone() };
                self.tell(Fact::Backoff { until: at }, cx);
            }
            State::Pending | State::Up(_) => cx.unexpected("a supervisor", &Event::Command(Command::Again { at })),
        }
    }

    fn tick(&mut self, cx: &mut Cx<'_>) {
        match (&self.state, self.children.mode()) {
            (State::Backoff { .. }, _) => self.start(cx),
            (State::Up(_), Mode::Ending { deadline, .. }) => {
                self.children.kill_all(Requester::Deadline, deadline, cx);
                self.end_if_empty(cx);
            }
            (State::Up(_), Mode::Up | Mode::Holding | Mode::Forcing { .. }) => {
                cx.unexpected("a supervisor", &Event::Tick);
            }
            (State::Pending | State::Ended(_), _) => cx.unexpected("a supervisor", &Event::Tick),
        }
    }

    fn pass_on(&mut self, worker: WorkerId, command: Command, cx: &mut Cx<'_>) {
        match self.state {
            State::Up(_) => {
                self.children.command(worker, command, cx);
                self.end_if_empty(cx);
            }
            // Nobody runs.
            State::Pending | State::Backoff { .. } | State::Ended(_) => {}
        }
    }
}

impl Machine for Supervisor {
    fn on(&mut self, event: Event, cx: &mut Cx<'_>) {
        match event {
            Event::Command(Command::Start | Command::StartBy(_)) => self.start(cx),
            Event::Command(Command::Again { at }) => self.again(at, cx),
            Event::Command(Command::GiveUp { on }) => self.ends_unborn(WorkerState::Failed, None, Some(on), cx),
            Event::Command(Command::Hold { by }) => self.hold(by, cx),
            Event::Command(Command::Stop { by, deadline }) => self.stop(by, deadline, cx),
            Event::Command(Command::StopWith { policy, by, deadline }) => {
                self.stop(by, StopPlan::new(&policy, by, cx.now, deadline).deadline, cx);
            }
            Event::Command(Command::Kill { by, deadline }) => self.kill(by, deadline, cx),
            Event::Command(Command::Worker(worker, command)) => self.pass_on(worker, *command, cx),
            Event::News { worker, come } => {
                self.children.news(worker, come, cx);
                self.look(cx);
            }
            Event::Ended { worker, state, next } => self.child_ended(worker, state, next, cx),
            Event::Tick => self.tick(cx),
            // It has no process: a signal or input for it means nothing.
            Event::Command(Command::Signal(_) | Command::Input(_) | Command::CloseInput | Command::Visit(_)) => {}
            Event::Command(Command::Adopt { .. } | Command::Forget(_)) => cx.unexpected("a supervisor", &event),
            Event::Command(Command::Restart(_)) | Event::Spawned { .. } | Event::SignalFailed { .. } => {
                cx.unexpected("a supervisor", &event);
            }
            Event::Exited { .. } | Event::Empty { .. } | Event::Output { .. } | Event::Written { .. } => {
                cx.unexpected("a supervisor", &event);
            }
            Event::Surveyed { .. } | Event::Notified { .. } | Event::Connected { .. } | Event::Ran { .. } => {
                cx.unexpected("a supervisor", &event);
            }
            Event::Answered { .. } | Event::OutputOver { .. } => cx.unexpected("a supervisor", &event),
            Event::Traffic { .. } | Event::Heard { .. } | Event::Observed(_) => cx.unexpected("a supervisor", &event),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Backoff { until, .. } => Some(*until),
            State::Up(_) => self.children.force_at(),
            State::Pending | State::Ended(_) => None,
        }
    }

    fn invariant(&self) -> Result<(), Broken> {
        let name = &self.spec().name;
        match &self.state {
            State::Pending if self.incarnation != 0 => Err(Broken(format!("{name} is Pending: it was started before"))),
            State::Ended(_) | State::Backoff { .. } if !self.children.are_over() && self.incarnation > 0 => {
                Err(Broken(format!("{name} is over, and its children are not")))
            }
            State::Up(_) if self.children.are_over() => {
                Err(Broken(format!("{name} is up, and all its children are over")))
            }
            State::Pending | State::Up(_) | State::Backoff { .. } | State::Ended(_) => Ok(()),
        }
    }

    fn is_closed(&self) -> bool {
        matches!(self.state, State::Pending | State::Ended(_))
    }

    fn waits_for(&self) -> String {
        match &self.state {
            State::Pending => "its start".into(),
            State::Up(_) => self.children.names_of_open(),
            State::Backoff { until, .. } => format!("its next start at {until}"),
            State::Ended(_) => "nothing".into(),
        }
    }

    fn digest(&self, now: Instant, into: &mut Digest) -> bool {
        core::mem::discriminant(&self.state).hash(into);
        match &self.state {
            State::Pending => {}
            State::Up(group) => {
                (group.readiness, group.asked, group.failed).hash(into);
                digest_age(&self.spec().restart, group.since, now, into);
            }
            State::Backoff { until, .. } => {
                into.instant(now, *until);
            }
            State::Ended(outcome) => outcome.state.hash(into),
        }
        let policy = &self.spec().restart;
        self.restarts.digest(policy, now, into);
        self.children.digest(now, into);
        true
    }
}

fn supervisor_spec(plan: &SessionSpec, id: WorkerId) -> &SupervisorSpec {
    match &plan.workers[id.index()].body {
        Body::Supervisor(spec) => spec,
        Body::Process(_) | Body::PuppetTask(_) | Body::Function(_) | Body::Proxy(_) => {
            panic!("worker {} is no supervisor", id.0)
        }
    }
}
