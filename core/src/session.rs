//! The root of a tree: owns its workers, the stop budget, and the last fact. `SessionStopped` comes when all is quiescent, once.

use crate::children::{Children, Fate, Mode};
use crate::digest::Digest;
use crate::ids::{ActorId, WorkerId};
use crate::machine::{Broken, Command, Cx, Event, Machine};
use crate::restart::Next;
use crate::time::Instant;
use crate::vocab::{Body, Fact, Requester, SecondStop, SessionSpec, Strategy, Subject, WorkerSpec, WorkerState};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::Hash;

/// The machine of a session.
#[derive(Clone, Debug)]
pub struct Session {
    spec: Arc<SessionSpec>,
    /// Those who are nobody else's children.
    children: Children,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum State {
    Pending,
    /// What another has left is being ended: it is started when nobody is left.
    Recovering,
    /// The same, and a stop has come meanwhile: it ends then, and starts nobody.
    Waning,
    /// It runs, or is asked or made to end: its children's mode tells.
    Up,
    Stopped,
}

impl Session {
    /// A session over machines that exist already, one for each worker of the plan.
    ///
    /// # Panics
    /// If the two lists differ in length.
    pub fn new(spec: Arc<SessionSpec>, workers: &[ActorId]) -> Session {
        assert_eq!(spec.workers.len(), workers.len(), "one machine for each worker of the plan");
        let own = spec.top_level().map(|id| (id, workers[id.index()]));
        // A session keeps its children running one by one; who wants more puts a supervisor in between.
        let children = Children::new(spec.clone(), Strategy::OneForOne, own);
        Session { spec, children, state: State::Pending }
    }

    /// A session that begins where another may have left something: [`Command::Start`] tells it that nothing is left.
    pub(crate) fn recovering(spec: Arc<SessionSpec>, workers: &[ActorId]) -> Session {
        Session { state: State::Recovering, ..Session::new(spec, workers) }
    }

    /// Whether the last fact was published.
    pub fn is_stopped(&self) -> bool {
        self.state == State::Stopped
    }

    /// Who keeps it from being stopped. Why, each of them says itself: [`Machine::waits_for`].
    pub fn blocked_by(&self) -> Vec<WorkerId> {
        match self.state {
            State::Pending | State::Recovering | State::Waning | State::Stopped => Vec::new(),
            State::Up => self.children.open().collect(),
        }
    }

    /// Its public state, as far as it knows by itself: a session that came to its end unasked is as its workers are.
    pub fn state(&self) -> WorkerState {
        match (self.state, self.children.mode()) {
            (State::Pending | State::Recovering, _) => WorkerState::Pending,
            (State::Waning, _) => WorkerState::Stopping,
            (State::Up, Mode::Up | Mode::Holding) => WorkerState::Running,
            (State::Up, Mode::Ending { .. }) => WorkerState::Stopping,
            (State::Up, Mode::Forcing { .. }) => WorkerState::Killing,
            (State::Stopped, Mode::Up | Mode::Holding) => WorkerState::Finished,
            (State::Stopped, Mode::Ending { .. } | Mode::Forcing { .. }) => WorkerState::Stopped,
        }
    }

    /// What it was made of.
    pub fn spec(&self) -> &Arc<SessionSpec> {
        &self.spec
    }

    pub(crate) fn children(&self) -> &Children {
        &self.children
    }

    fn start(&mut self, cx: &mut Cx<'_>) {
        match self.state {
            State::Pending | State::Recovering => {}
            State::Waning => return self.stopped(cx),
            State::Up | State::Stopped => return,
        }
        self.state = State::Up;
        cx.fact(Subject::Session, 0, None, Fact::Started { pid: None });
        self.children.start_all(cx);
        self.stop_if_empty(cx);
    }

    fn stop(&mut self, by: Requester, caller: Instant, cx: &mut Cx<'_>) {
        match (self.state, self.children.mode()) {
            (State::Pending, _) => self.stopped(cx),
            (State::Recovering | State::Waning, _) => self.wane(cx),
            (State::Up, Mode::Up | Mode::Holding) => {
                let deadline = self.request(by, caller, cx);
                self.children.stop_all(Requester::Parent, deadline, cx);
                self.stop_if_empty(cx);
            }
            (State::Up, Mode::Ending { deadline, .. }) if self.spec.second_stop == SecondStop::Kill => {
                self.children.kill_all(Requester::SecondInterrupt, deadline, cx);
                self.stop_if_empty(cx);
            }
            (State::Up, Mode::Ending { .. } | Mode::Forcing { .. }) => self.children.hasten(by, caller, cx),
            (State::Stopped, _) => {}
        }
    }

    fn force(&mut self, by: Requester, caller: Instant, cx: &mut Cx<'_>) {
        match (self.state, self.children.mode()) {
            (State::Pending, _) => self.stopped(cx),
            (State::Recovering | State::Waning, _) => self.wane(cx),
            (State::Up, Mode::Up | Mode::Holding) => {
                let deadline = self.request(by, caller, cx);
                self.children.kill_all(by, deadline, cx);
                self.stop_if_empty(cx);
            }
            (State::Up, Mode::Ending { deadline, .. }) => {
                self.children.kill_all(by, deadline, cx);
                self.stop_if_empty(cx);
            }
            (State::Up, Mode::Forcing { .. }) => self.children.hasten(by, caller, cx),
            (State::Stopped, _) => {}
        }
    }

    /// A stop has come while what another has left is being ended: nobody is started, or taken over.
    fn wane(&mut self, cx: &mut Cx<'_>) {
        self.state = State::Waning;
        cx.wanes();
    }

    /// Tells of the request, and fixes the one deadline for all.
    fn request(&self, by: Requester, caller: Instant, cx: &mut Cx<'_>) -> Instant {
        let deadline = caller.min(cx.now.after(self.spec.stop_budget));
        cx.fact(Subject::Session, 0, None, Fact::StopRequested { by, deadline });
        deadline
    }

    fn ended(&mut self, worker: WorkerId, state: WorkerState, next: Next, cx: &mut Cx<'_>) {
        let fate = match self.state {
            State::Up => self.children.ended(worker, state, next, cx),
            State::Pending | State::Recovering | State::Waning | State::Stopped => Fate::Unexpected,
        };
        match fate {
            Fate::Unexpected => {
                cx.unexpected("a session that does not wait for it", &Event::Ended { worker, state, next });
            }
            // One whose circuit breaker has tripped is over, and the others go on.
            Fate::Over | Fate::Tripped => self.stop_if_empty(cx),
            Fate::Returns => {}
        }
    }

    /// A session ends by itself when all its workers are over and none will restart.
    fn stop_if_empty(&mut self, cx: &mut Cx<'_>) {
        if self.state == State::Up && self.children.are_over() && !self.waits_for_work() {
            self.stopped(cx);
        }
    }

    /// Whether it goes on without anybody running.
    fn waits_for_work(&self) -> bool {
        self.spec.stays && self.children.mode() == Mode::Up
    }

    fn stopped(&mut self, cx: &mut Cx<'_>) {
        self.state = State::Stopped;
        cx.fact(Subject::Session, 0, None, Fact::SessionStopped);
    }

    fn pass_on(&mut self, worker: WorkerId, command: Command, cx: &mut Cx<'_>) {
        match self.state {
            State::Up => {
                self.children.command(worker, command, cx);
                self.stop_if_empty(cx);
            }
            // Before the start and after the end there is nobody to tell.
            State::Pending | State::Recovering | State::Waning | State::Stopped => {}
        }
    }

    /// What is over takes nobody in.
    fn adopt(&mut self, worker: WorkerId, actor: ActorId, spec: Arc<WorkerSpec>) {
        match self.state {
            State::Pending | State::Recovering | State::Waning | State::Up => {
                self.children.adopt(worker, actor, spec);
            }
            State::Stopped => {}
        }
    }

    /// Time is up for an orderly stop: some still wait for their turn.
    fn tick(&mut self, cx: &mut Cx<'_>) {
        match (self.state, self.children.mode()) {
            (State::Up, Mode::Ending { deadline, .. }) => {
                self.children.kill_all(Requester::Deadline, deadline, cx);
                self.stop_if_empty(cx);
            }
            (State::Up, Mode::Up | Mode::Holding | Mode::Forcing { .. })
            | (State::Pending | State::Recovering | State::Waning | State::Stopped, _) => {
                cx.unexpected("a session", &Event::Tick);
            }
        }
    }
}

impl Machine for Session {
    fn on(&mut self, event: Event, cx: &mut Cx<'_>) {
        match event {
            Event::Command(Command::Start) => self.start(cx),
            Event::Command(Command::Stop { by, deadline }) => self.stop(by, deadline, cx),
            Event::Command(Command::Kill { by, deadline }) => self.force(by, deadline, cx),
            Event::Command(Command::Worker(worker, command)) => self.pass_on(worker, *command, cx),
            Event::Command(Command::Adopt { worker, actor, spec }) => self.adopt(worker, actor, spec),
            Event::Command(Command::Forget(worker)) => self.children.forget(worker),
            Event::News { worker, come } => self.children.news(worker, come, cx),
            Event::Ended { worker, state, next } => self.ended(worker, state, next, cx),
            Event::Tick => self.tick(cx),
            Event::Command(
                Command::StartBy(_)
                | Command::Restart(_)
                | Command::StopWith { .. }
                | Command::Again { .. }
                | Command::GiveUp { .. }
                | Command::Hold { .. },
            ) => {
                cx.unexpected("a session", &event);
            }
            Event::Command(Command::Visit(_)) | Event::Traffic { .. } | Event::OutputOver { .. } => {
                cx.unexpected("a session", &event);
            }
            Event::Command(Command::Signal(_) | Command::Input(_) | Command::CloseInput) | Event::Spawned { .. } => {
                cx.unexpected("a session", &event);
            }
            Event::SignalFailed { .. } | Event::Exited { .. } | Event::Empty { .. } | Event::Output { .. } => {
                cx.unexpected("a session", &event);
            }
            Event::Written { .. } | Event::Surveyed { .. } | Event::Heard { .. } | Event::Observed(_) => {
                cx.unexpected("a session", &event);
            }
            Event::Notified { .. } | Event::Connected { .. } | Event::Answered { .. } | Event::Ran { .. } => {
                cx.unexpected("a session", &event);
            }
        }
    }

    #[inline]
    fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Up => self.children.force_at(),
            State::Pending | State::Recovering | State::Waning | State::Stopped => None,
        }
    }

    #[inline]
    fn invariant(&self) -> Result<(), Broken> {
        match self.state {
            State::Up if self.children.are_over() && !self.waits_for_work() => {
                Err(Broken("all its workers are over and it is not".into()))
            }
            State::Stopped if !self.children.are_over() => {
                Err(Broken("it is over and some of its workers are not".into()))
            }
            State::Pending | State::Recovering | State::Waning | State::Up | State::Stopped => Ok(()),
        }
    }

    fn is_closed(&self) -> bool {
        self.state == State::Stopped
    }

    fn waits_for(&self) -> String {
        match (self.state, self.children.mode()) {
            (State::Pending, _) => "its start".into(),
            (State::Recovering | State::Waning, _) => "the end of what an earlier supervisor has left".into(),
            (State::Up, Mode::Up) if self.children.are_over() => "a stop, or work".into(),
            (State::Up, Mode::Up | Mode::Holding) => {
                format!("a stop, or the end of {}", self.children.names_of_open())
            }
            (State::Up, Mode::Ending { deadline, .. } | Mode::Forcing { deadline }) => {
                format!("{} until {deadline}", self.children.names_of_open())
            }
            (State::Stopped, _) => "nothing".into(),
        }
    }

    fn digest(&self, now: Instant, into: &mut Digest) -> bool {
        self.state.hash(into);
        self.children.digest(now, into);
        true
    }
}

/// A command for one worker, to be sent to its session.
pub fn for_worker(worker: WorkerId, command: Command) -> Event {
    Event::Command(Command::Worker(worker, Box::new(command)))
}

impl SessionSpec {
    /// The workers that are no supervisor's children, in the order of the plan.
    pub fn top_level(&self) -> impl Iterator<Item = WorkerId> + '_ {
        let supervised = self.supervised();
        let all = (0..self.workers.len() as u32).map(WorkerId);
        all.filter(move |id| supervised.is_empty() || !supervised.contains(id))
    }

    /// The workers that are a supervisor's children.
    fn supervised(&self) -> alloc::collections::BTreeSet<WorkerId> {
        let mut supervised = alloc::collections::BTreeSet::new();
        for worker in &self.workers {
            match &worker.body {
                Body::Supervisor(spec) => supervised.extend(spec.children.iter().copied()),
                Body::Process(_) | Body::PuppetTask(_) | Body::Function(_) | Body::Proxy(_) => {}
            }
        }
        supervised
    }
}
