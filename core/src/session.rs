//! The root of a tree: owns its workers, the stop budget, and the last fact. `SessionStopped` comes when all is quiescent, once.

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
    /// It is being stopped.
    Stopping {
        open: BTreeSet<WorkerId>,
        deadline: Instant,
        forced: bool,
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
            State::Up { open } | State::Stopping { open, .. } => open.iter().copied().collect(),
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
        match &mut self.state {
            State::Pending => {
                self.state = State::Stopped;
                cx.fact(Subject::Session, 0, None, Fact::SessionStopped);
            }
            State::Up { open } => {
                let deadline = caller.min(cx.now.after(self.spec.stop_budget));
                let open = core::mem::take(open);
                cx.fact(Subject::Session, 0, None, Fact::StopRequested { by, deadline });
                for worker in &open {
                    let stop = Command::Stop { by: Requester::Parent, deadline };
                    cx.tell(self.workers[worker.index()], Event::Command(stop));
                }
                self.state = State::Stopping { open, deadline, forced: false };
            }
            State::Stopping { open, deadline, forced } => match self.spec.second_stop {
                SecondStop::Kill if !*forced => {
                    *forced = true;
                    for worker in open.iter() {
                        let kill = Command::Kill { by: Requester::SecondInterrupt, deadline: *deadline };
                        cx.tell(self.workers[worker.index()], Event::Command(kill));
                    }
                }
                SecondStop::Kill | SecondStop::Join => {}
            },
            State::Stopped => {}
        }
    }

    fn force(&mut self, by: Requester, caller: Instant, cx: &mut Cx<'_>) {
        let State::Up { open } = &self.state else {
            // A stop is under way: force joins it.
            if let State::Stopping { open, deadline, forced } = &mut self.state {
                *forced = true;
                for worker in open.iter() {
                    let kill = Command::Kill { by, deadline: *deadline };
                    cx.tell(self.workers[worker.index()], Event::Command(kill));
                }
            }
            return;
        };
        let deadline = caller.min(cx.now.after(self.spec.stop_budget));
        let open = open.clone();
        cx.fact(Subject::Session, 0, None, Fact::StopRequested { by, deadline });
        for worker in &open {
            cx.tell(self.workers[worker.index()], Event::Command(Command::Kill { by, deadline }));
        }
        self.state = State::Stopping { open, deadline, forced: true };
    }

    fn ended(&mut self, worker: WorkerId, outcome: Arc<Outcome>, cx: &mut Cx<'_>) {
        match &mut self.state {
            State::Up { open } | State::Stopping { open, .. } if open.contains(&worker) => {
                open.remove(&worker);
                self.stop_if_empty(cx);
            }
            State::Pending | State::Up { .. } | State::Stopping { .. } | State::Stopped => {
                cx.unexpected("a session that does not wait for it", &Event::Ended { worker, outcome });
            }
        }
    }

    /// A session ends by itself when all its workers are over and none will restart.
    fn stop_if_empty(&mut self, cx: &mut Cx<'_>) {
        match &self.state {
            State::Up { open } | State::Stopping { open, .. } if open.is_empty() => {
                self.state = State::Stopped;
                cx.fact(Subject::Session, 0, None, Fact::SessionStopped);
            }
            State::Pending | State::Up { .. } | State::Stopping { .. } | State::Stopped => {}
        }
    }

    fn pass_on(&mut self, worker: WorkerId, command: Command, cx: &mut Cx<'_>) {
        match &self.state {
            State::Up { .. } | State::Stopping { .. } => {
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
            State::Up { open } | State::Stopping { open, .. } if open.len() > self.workers.len() => {
                Err(Broken("more workers are open than there are".into()))
            }
            State::Pending | State::Up { .. } | State::Stopping { .. } | State::Stopped => Ok(()),
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
            State::Stopping { deadline, .. } => format!("{} until {deadline}", names.join(", ")),
            State::Stopped => "nothing".into(),
        }
    }
}

/// A command for one worker, to be sent to its session.
pub fn for_worker(worker: WorkerId, command: Command) -> Event {
    Event::Command(Command::Worker(worker, Box::new(command)))
}
