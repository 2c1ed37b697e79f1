//! Lifecycle decisions as sans-IO state machines: events in, effects and facts out, one deadline.
//!
//! A machine's state is data. It knows no async, lock or channel, and nothing happens in its `Drop`.

use crate::choose::{Ask, Choose};
use crate::digest::Digest;
use crate::ids::{ActorId, OpId, UnitId, WorkerId};
use crate::reactor::{Effect, Reactor};
use crate::signal::Signal;
use crate::site::{Kind, Label, Site};
use crate::time::{Duration, DurationRange, Instant};
use crate::vocab::{
    Body, Errno, ExitNotice, ExitStatus, Fact, Outcome, ProcessEvent, Request, Requester, SpawnFailure, Stream,
    Subject, Survivor,
};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A state machine on a host.
pub trait Machine: 'static {
    /// Takes one event. Impossible ones go to [`Cx::unexpected`].
    fn on(&mut self, event: Event, cx: &mut Cx<'_>);

    /// When it wants a [`Event::Tick`]. At or before now means: a Tick is enabled. After a Tick it must have moved
    /// on: to later than now, or where the Tick came late, at least to later than it was.
    fn deadline(&self) -> Option<Instant>;

    /// Whether its state makes sense; checked after every event in the simulator.
    ///
    /// # Errors
    /// What is broken.
    fn invariant(&self) -> Result<(), Broken>;

    /// Whether it has nothing more to do.
    fn is_closed(&self) -> bool;

    /// Whether it wants to hear facts and process events of its host.
    fn listens(&self) -> bool {
        false
    }

    /// Whether this fact can mean anything to it. What cannot is not put into its mailbox: a step for each fact of a session would be
    /// half of all its steps.
    fn wants(&self, _subject: Subject, _word: &str) -> bool {
        true
    }

    /// What it waits for, for the report of a run that is stuck.
    fn waits_for(&self) -> String;

    /// Puts in all of its state that its future depends on, so that a search knows it again: instants by their distance from `now`, and
    /// nothing that only numbers things, as operations. False where it does not tell; a search then takes no two states for the same.
    fn digest(&self, now: Instant, into: &mut Digest) -> bool {
        let _ = (now, into);
        false
    }
}

/// A broken invariant, in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken(pub String);

/// What a machine is told.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// Its deadline has come.
    Tick,
    /// A spawn was answered.
    Spawned {
        /// Which.
        op: OpId,
        /// The pid (none for a task), or why not.
        result: Result<Option<i32>, SpawnFailure>,
    },
    /// A signal could not be sent.
    SignalFailed {
        /// Which.
        op: OpId,
        /// Why.
        errno: Errno,
    },
    /// The leader ended.
    Exited {
        /// Which wait.
        op: OpId,
        /// How.
        notice: ExitNotice,
    },
    /// Nobody in the scope is alive.
    Empty {
        /// Which wait.
        op: OpId,
    },
    /// A read was answered; an empty chunk is the end.
    Output {
        /// Which.
        op: OpId,
        /// Of which stream.
        stream: Stream,
        /// The bytes.
        chunk: Vec<u8>,
    },
    /// A write was answered.
    Written {
        /// Which.
        op: OpId,
        /// How many bytes were taken.
        bytes: u64,
    },
    /// A survey was answered.
    Surveyed {
        /// Which.
        op: OpId,
        /// Alive in the scope.
        members: Vec<Survivor>,
        /// Holding an output.
        holders: Vec<Survivor>,
        /// How the leader ended, if it has.
        exit: Option<ExitStatus>,
    },
    /// A command from above or from outside.
    Command(Command),
    /// A worker tells its parent that it is over.
    Ended {
        /// Which worker.
        worker: WorkerId,
        /// How.
        outcome: Arc<Outcome>,
    },
    /// A fact was published (only to machines that listen).
    Heard {
        /// About whom.
        subject: Subject,
        /// The event's word.
        word: &'static str,
        /// When it became true, which may be a while ago.
        at: Instant,
    },
    /// A process was observed (only to machines that listen).
    Observed(ProcessEvent),
}

/// What a machine can be told to do.
#[derive(Clone, PartialEq, Debug)]
pub enum Command {
    /// Start.
    Start,
    /// End, by the policy; nothing may last beyond `deadline`.
    Stop {
        /// For whom.
        by: Requester,
        /// At the latest.
        deadline: Instant,
    },
    /// End at once, by force.
    Kill {
        /// For whom.
        by: Requester,
        /// At the latest.
        deadline: Instant,
    },
    /// Send this signal.
    Signal(Signal),
    /// Write this to stdin.
    Input(Arc<[u8]>),
    /// Close stdin.
    CloseInput,
    /// For one worker of a session.
    Worker(WorkerId, alloc::boxed::Box<Command>),
}

/// A machine's hands: what it may do while it takes an event.
pub struct Cx<'a> {
    /// The clock, frozen for this turn.
    pub now: Instant,
    /// The machine itself.
    pub me: ActorId,
    pub(crate) label: Label,
    pub(crate) draws: &'a mut u32,
    pub(crate) reactor: &'a Reactor,
    pub(crate) chooser: &'a mut dyn Choose,
}

impl Cx<'_> {
    /// A number for a unit that is about to be started.
    pub fn new_unit(&mut self) -> UnitId {
        self.reactor.new_unit(None)
    }

    /// Starts `body` as `unit`; answered by [`Event::Spawned`].
    pub fn start(&mut self, unit: UnitId, name: &Arc<str>, body: &Body) -> OpId {
        let op = self.reactor.open_op(crate::reactor::Owner::Actor(self.me), unit);
        self.reactor.push(Effect::Start { op, unit, name: name.clone(), body: body.clone() });
        op
    }

    /// Asks the unit's world. See [`Request`] for what is answered.
    #[inline]
    pub fn submit(&mut self, unit: UnitId, request: Request) -> OpId {
        let op = self.reactor.open_op(crate::reactor::Owner::Actor(self.me), unit);
        self.reactor.push(Effect::Submit { op, unit, request });
        op
    }

    /// Waits for output; answered by [`Event::Output`].
    pub fn read(&mut self, unit: UnitId, stream: Stream) -> OpId {
        self.submit(unit, Request::Readable(stream))
    }

    /// Withdraws a wait, or gives up an act, whose answer the host then owns.
    pub fn withdraw(&mut self, op: OpId) {
        self.reactor.disown(op);
    }

    /// Publishes a fact about a worker.
    #[inline]
    pub fn fact(&mut self, subject: Subject, incarnation: u32, unit: Option<UnitId>, fact: Fact) {
        self.reactor.push(Effect::Fact { subject, incarnation, unit, fact });
    }

    /// Tells another machine of this host, within this turn.
    #[inline]
    pub fn tell(&mut self, to: ActorId, event: Event) {
        self.reactor.push(Effect::Tell { to, event });
    }

    /// Reports an event that this state has no answer for; an oracle rejects it.
    pub fn unexpected(&mut self, state: &'static str, event: &Event) {
        self.reactor.push(Effect::Unexpected { who: self.me, what: alloc::format!("{state} met {event:?}") });
    }

    /// A duration from the range: the shortest in a calm run.
    pub fn draw(&mut self, range: DurationRange) -> Duration {
        let steps = range.steps();
        if steps == 0 {
            return range.min;
        }
        let nth = *self.draws;
        *self.draws += 1;
        range.at(self.chooser.draw(Site { kind: Kind::Span, label: self.label, nth }, Ask::Span { steps }))
    }
}
