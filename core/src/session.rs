//! The root of a tree: owns its workers, the stop budget, and the last fact. `SessionStopped` comes when all is quiescent, once.

use crate::digest::Digest;
use crate::ids::{ActorId, WorkerId};
use crate::machine::{Broken, Command, Cx, Event, Machine};
use crate::time::Instant;
use crate::vocab::{Fact, Outcome, Requester, SecondStop, SessionSpec, Subject};
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::Hash;
use core::mem::{discriminant, replace};

/// The machine of a session.
#[derive(Clone, Debug)]
pub struct Session {
    spec: Arc<SessionSpec>,
    /// Its workers' machines, in the order of the plan.
    workers: Vec<ActorId>,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Pending,
    /// It runs; `open` workers are not over.
    Up {
        open: BTreeSet<WorkerId>,
    },
    /// It is asked to end.
    Stopping {
        open: BTreeSet<WorkerId>,
        deadline: Instant,
    },
    /// It is made to end.
    Forcing {
        open: BTreeSet<WorkerId>,
        deadline: Instant,
    },
    Stopped,
}

impl Session {
    /// A session over machines that exist already, one for each worker of the plan.
    ///
    /// # Panics
    /// If the two lists differ in length.
    pub fn new(spec: Arc<SessionSpec>, workers: Vec<ActorId>) -> Session {
        assert_eq!(spec.workers.len(), workers.len(), "one machine for each worker of the plan");
        Session { spec, workers, state: State::Pending }
    }

    /// Whether the last fact was published.
    pub fn is_stopped(&self) -> bool {
        matches!(self.state, State::Stopped)
    }

    /// Who keeps it from being stopped.
    pub fn blocked_by(&self) -> Vec<WorkerId> {
        match &self.state {
            State::Pending | State::Stopped => Vec::new(),
            State::Up { open } | State::Stopping { open, .. } | State::Forcing { open, .. } => {
                open.iter().copied().collect()
            }
        }
    }

    fn start(&mut self, cx: &mut Cx<'_>) {
        let State::Pending = self.state else { return };
        let open: BTreeSet<WorkerId> = (0..self.workers.len() as u32).map(WorkerId).collect();
        cx.fact(Subject::Session, 0, None, Fact::Started { pid: None });
        for worker in &open {
            cx.tell(self.workers[worker.index()], Event::Command(Command::Start));
        }
        self.state = State::Up { open };
        self.stop_if_empty(cx);
    }

    fn stop(&mut self, by: Requester, caller: Instant, cx: &mut Cx<'_>) {
        match replace(&mut self.state, State::Stopped) {
            State::Pending => cx.fact(Subject::Session, 0, None, Fact::SessionStopped),
            State::Up { open } => {
                let deadline = self.request(by, caller, cx);
                self.tell_all(&open, &Command::Stop { by: Requester::Parent, deadline }, cx);
                self.state = State::Stopping { open, deadline };
            }
            State::Stopping { open, deadline } if self.spec.second_stop == SecondStop::Kill => {
                self.tell_all(&open, &Command::Kill { by: Requester::SecondInterrupt, deadline }, cx);
                self.state = State::Forcing { open, deadline };
            }
            joined @ (State::Stopping { .. } | State::Forcing { .. } | State::Stopped) => self.state = joined,
        }
    }

    fn force(&mut self, by: Requester, caller: Instant, cx: &mut Cx<'_>) {
        let (open, deadline) = match replace(&mut self.state, State::Stopped) {
            State::Pending => return cx.fact(Subject::Session, 0, None, Fact::SessionStopped),
            State::Up { open } => (open, self.request(by, caller, cx)),
            State::Stopping { open, deadline } => (open, deadline),
            joined @ (State::Forcing { .. } | State::Stopped) => {
                self.state = joined;
                return;
            }
        };
        self.tell_all(&open, &Command::Kill { by, deadline }, cx);
        self.state = State::Forcing { open, deadline };
    }

    /// Tells of the request, and fixes the one deadline for all.
    fn request(&self, by: Requester, caller: Instant, cx: &mut Cx<'_>) -> Instant {
        let deadline = caller.min(cx.now.after(self.spec.stop_budget));
        cx.fact(Subject::Session, 0, None, Fact::StopRequested { by, deadline });
        deadline
    }

    fn tell_all(&self, open: &BTreeSet<WorkerId>, command: &Command, cx: &mut Cx<'_>) {
        for worker in open {
            cx.tell(self.workers[worker.index()], Event::Command(command.clone()));
        }
    }

    fn ended(&mut self, worker: WorkerId, outcome: Arc<Outcome>, cx: &mut Cx<'_>) {
        match &mut self.state {
            State::Up { open } | State::Stopping { open, .. } | State::Forcing { open, .. }
                if open.contains(&worker) =>
            {
                open.remove(&worker);
                self.stop_if_empty(cx);
            }
            State::Pending | State::Up { .. } | State::Stopping { .. } | State::Forcing { .. } | State::Stopped => {
                cx.unexpected("a session that does not wait for it", &Event::Ended { worker, outcome });
            }
        }
    }

    /// A session ends by itself when all its workers are over and none will restart.
    fn stop_if_empty(&mut self, cx: &mut Cx<'_>) {
        match &self.state {
            State::Up { open } | State::Stopping { open, .. } | State::Forcing { open, .. } if open.is_empty() => {
                self.state = State::Stopped;
                cx.fact(Subject::Session, 0, None, Fact::SessionStopped);
            }
            State::Pending | State::Up { .. } | State::Stopping { .. } | State::Forcing { .. } | State::Stopped => {}
        }
    }

    fn pass_on(&mut self, worker: WorkerId, command: Command, cx: &mut Cx<'_>) {
        match &self.state {
            State::Up { .. } | State::Stopping { .. } | State::Forcing { .. } => {
                cx.tell(self.workers[worker.index()], Event::Command(command));
            }
            // Before the start and after the end there is nobody to tell.
            State::Pending | State::Stopped => {}
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
            Event::Ended { worker, outcome } => self.ended(worker, outcome, cx),
            Event::Command(Command::Signal(_) | Command::Input(_) | Command::CloseInput)
            | Event::Tick
            | Event::Spawned { .. } => {
                cx.unexpected("a session", &event);
            }
            Event::SignalFailed { .. } | Event::Exited { .. } | Event::Empty { .. } | Event::Output { .. } => {
                cx.unexpected("a session", &event);
            }
            Event::Written { .. } | Event::Surveyed { .. } | Event::Heard { .. } | Event::Observed(_) => {
                cx.unexpected("a session", &event);
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        // Each worker's own deadline is not later than the session's.
        None
    }

    fn invariant(&self) -> Result<(), Broken> {
        match &self.state {
            State::Up { open } | State::Stopping { open, .. } | State::Forcing { open, .. }
                if open.len() > self.workers.len() =>
            {
                Err(Broken("more workers are open than there are".into()))
            }
            State::Pending | State::Up { .. } | State::Stopping { .. } | State::Forcing { .. } | State::Stopped => {
                Ok(())
            }
        }
    }

    fn is_closed(&self) -> bool {
        matches!(self.state, State::Stopped)
    }

    fn waits_for(&self) -> String {
        let names: Vec<&str> = self.blocked_by().iter().map(|w| self.spec.workers[w.index()].name.as_ref()).collect();
        match &self.state {
            State::Pending => "its start".into(),
            State::Up { .. } => format!("a stop, or the end of {}", names.join(", ")),
            State::Stopping { deadline, .. } | State::Forcing { deadline, .. } => {
                format!("{} until {deadline}", names.join(", "))
            }
            State::Stopped => "nothing".into(),
        }
    }

    fn digest(&self, now: Instant, into: &mut Digest) -> bool {
        discriminant(&self.state).hash(into);
        match &self.state {
            State::Pending | State::Stopped => {}
            State::Up { open } => open.hash(into),
            State::Stopping { open, deadline } | State::Forcing { open, deadline } => {
                open.hash(into);
                into.instant(now, *deadline);
            }
        }
        true
    }
}

/// A command for one worker, to be sent to its session.
pub fn for_worker(worker: WorkerId, command: Command) -> Event {
    Event::Command(Command::Worker(worker, Box::new(command)))
}
