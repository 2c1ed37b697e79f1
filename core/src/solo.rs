//! Machines without a host or a world: one event at a time, and what they ask for in the caller's hands. For tests of a machine by itself,
//! by properties or by exhaustive search: a state is cloned before each event, and every answer is the caller's to give.
//!
//! ```
//! use shakedown_core::machine::{Command, Event};
//! use shakedown_core::ids::{ActorId, WorkerId};
//! use shakedown_core::solo::{Asked, Solo};
//! use shakedown_core::vocab::{Body, WorkerSpec, WorkerState};
//! use shakedown_core::worker::Worker;
//!
//! let worker = Worker::new(WorkerId(0), ActorId(9), WorkerSpec::new("api", Body::Function(0)));
//! let mut solo = Solo::new(vec![worker]);
//! let asked = solo.send(ActorId(0), Event::Command(Command::Start));
//! assert!(asked.iter().any(|(_, asked)| matches!(asked, Asked::Start { .. })));
//! assert_eq!(solo.machine(ActorId(0)).state(), WorkerState::Starting);
//! ```

use crate::choose::Calm;
use crate::ids::{ActorId, OpId, UnitId};
use crate::machine::{Broken, Cx, Event, Machine};
use crate::reactor::{Effect, Reactor};
use crate::site::Label;
use crate::time::Instant;
use crate::vocab::{Body, Fact, ProcessSpec, Request, Subject};
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// What a machine has asked for or told.
#[derive(Clone, PartialEq, Debug)]
pub enum Asked {
    /// A unit is to be started: owes [`Event::Spawned`].
    Start {
        /// To be named in the answer.
        op: OpId,
        /// As which unit.
        unit: UnitId,
        /// What runs in it.
        body: Body,
    },
    /// The world is asked. See [`Request`] for what is owed.
    Submit {
        /// To be named in the answer.
        op: OpId,
        /// About which unit.
        unit: UnitId,
        /// What.
        request: Request,
    },
    /// A command is to be run beside a unit: owes [`Event::Ran`].
    Run {
        /// To be named in the answer.
        op: OpId,
        /// Which.
        command: Arc<ProcessSpec>,
    },
    /// That command is to end early. Its answer is still owed.
    Cancel {
        /// Which.
        op: OpId,
    },
    /// Nobody waits for this answer any more.
    Withdraw {
        /// Which.
        op: OpId,
    },
    /// A fact was published.
    Fact {
        /// About whom.
        subject: Subject,
        /// Which incarnation.
        incarnation: u32,
        /// What.
        fact: Fact,
    },
    /// A machine that is not here was told something.
    Told {
        /// Who.
        to: ActorId,
        /// What.
        event: Event,
    },
    /// A machine had no answer for an event.
    Unexpected {
        /// Who.
        who: ActorId,
        /// Its state, and the event.
        what: String,
    },
}

/// Some machines, numbered from 0, that speak with each other as on a host: within the turn, in order.
#[derive(Clone)]
pub struct Solo<A> {
    machines: Vec<A>,
    now: Instant,
    /// Only numbers operations and units; shared by clones, so that no two of them ever mean the same.
    reactor: Rc<Reactor>,
}

impl<A: Machine> Solo<A> {
    /// These machines, at the beginning of time.
    pub fn new(machines: Vec<A>) -> Solo<A> {
        Solo { machines, now: Instant::ZERO, reactor: Reactor::new() }
    }

    /// A machine's state.
    ///
    /// # Panics
    /// Where there is no such machine.
    pub fn machine(&self, id: ActorId) -> &A {
        &self.machines[id.index()]
    }

    /// All of them.
    pub fn machines(&self) -> &[A] {
        &self.machines
    }

    /// The clock.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Moves the clock; backwards it never goes.
    pub fn advance(&mut self, to: Instant) {
        self.now = self.now.max(to);
    }

    /// Hands a machine an event, and answers with what all of them asked for before the turn was over, in order, and who did.
    ///
    /// # Panics
    /// Where there is no such machine.
    pub fn send(&mut self, to: ActorId, event: Event) -> Vec<(ActorId, Asked)> {
        let mut asked = Vec::new();
        let mut effects = VecDeque::new();
        self.deliver(to, event, &mut effects);
        while let Some((who, effect)) = effects.pop_front() {
            if let Effect::Tell { to, event } = effect {
                if to.index() < self.machines.len() {
                    self.deliver(to, event, &mut effects);
                } else {
                    asked.push((who, Asked::Told { to, event }));
                }
            } else {
                asked.push((who, Asked::of(effect)));
            }
        }
        asked
    }

    /// Hands the tick to a machine whose deadline has come: `None` where it has not.
    ///
    /// # Panics
    /// Where there is no such machine.
    pub fn tick(&mut self, to: ActorId) -> Option<Vec<(ActorId, Asked)>> {
        let due = self.machine(to).deadline().is_some_and(|deadline| deadline <= self.now);
        due.then(|| self.send(to, Event::Tick))
    }

    /// Which machine's deadline comes next, and when.
    pub fn next_deadline(&self) -> Option<(Instant, ActorId)> {
        let deadlines = self
            .machines
            .iter()
            .enumerate()
            .filter_map(|(at, machine)| Some((machine.deadline()?, ActorId(at as u32))));
        deadlines.filter(|(at, _)| *at != Instant::NEVER).min()
    }

    /// What is broken, if anything is.
    ///
    /// # Errors
    /// The first machine's that is.
    pub fn invariant(&self) -> Result<(), Broken> {
        self.machines.iter().try_for_each(Machine::invariant)
    }

    fn deliver(&mut self, to: ActorId, event: Event, effects: &mut VecDeque<(ActorId, Effect)>) {
        let label = Label::ROOT.child_hashed(u64::from(to.0), 0);
        let (mut draws, mut calm) = (0, Calm);
        let (now, reactor) = (self.now, &*self.reactor);
        let mut cx = Cx { now, me: to, label, draws: &mut draws, reactor, chooser: &mut calm };
        self.machines[to.index()].on(event, &mut cx);
        effects.extend(reactor.effects.take().into_iter().map(|effect| (to, effect)));
    }
}

impl Asked {
    fn of(effect: Effect) -> Asked {
        match effect {
            Effect::Start { op, unit, body, launch: _ } => Asked::Start { op, unit, body },
            Effect::Submit { op, unit, request } => Asked::Submit { op, unit, request },
            Effect::Run { op, command } => Asked::Run { op, command },
            Effect::Cancel { op } => Asked::Cancel { op },
            Effect::Withdraw { op } => Asked::Withdraw { op },
            Effect::Fact { subject, incarnation, unit: _, fact } => Asked::Fact { subject, incarnation, fact },
            Effect::Tell { to, event } => Asked::Told { to, event },
            Effect::Adopt { .. } | Effect::File { .. } | Effect::CloseFile { .. } => {
                unreachable!("only a task asks for it")
            }
            Effect::Use { .. } => unreachable!("only the outside uses actions"),
            Effect::Meet(_) => unreachable!("only the outside and tasks end a host"),
            Effect::Unexpected { who, what } => Asked::Unexpected { who, what },
        }
    }
}
