//! Lifecycle decisions as sans-IO state machines: events in, effects and facts out, one deadline.
//!
//! A machine's state is data. It knows no async, lock or channel, and nothing happens in its `Drop`.

mod cx;

pub use cx::Cx;

use crate::digest::Digest;
use crate::ids::{ActorId, OpId, WorkerId};
use crate::proxy::{Traffic, Visit};
use crate::restart::Next;
use crate::signal::Signal;
use crate::time::Instant;
use crate::vocab::{
    Condition, Errno, ExitNotice, ExitStatus, Fact, ProcessEvent, Requester, SpawnFailure, StopPolicy, Stream, Streams,
    Subject, Survey, WorkerSpec, WorkerState,
};
use alloc::boxed::Box;
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

    /// Whether several things are due at the same deadline, and a Tick does one of them: then it need not have moved on.
    fn ticks_one_by_one(&self) -> bool {
        false
    }

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

    /// Whether this fact can mean anything to it. It hears of those in the turn that they are published in, and of no others.
    fn wants(&self, _subject: Subject, _fact: &Fact) -> bool {
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
    /// A read has brought this.
    Output {
        /// Which read.
        op: OpId,
        /// Of which stream.
        stream: Stream,
        /// The bytes, one at least.
        chunk: Vec<u8>,
    },
    /// A read has come to the end of these streams: nobody can write to them any more, and all that was written was read.
    OutputOver {
        /// Which read.
        op: OpId,
        /// Of which streams.
        streams: Streams,
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
        /// Who is left.
        survey: Box<Survey>,
    },
    /// There is something to tell of a proxy's requests.
    Traffic {
        /// Which wait.
        op: OpId,
        /// What.
        traffic: Box<Traffic>,
    },
    /// A command from above or from outside.
    Command(Command),
    /// A process of the unit has said that the unit is ready.
    Notified {
        /// Which wait.
        op: OpId,
    },
    /// A connection was tried.
    Connected {
        /// Which.
        op: OpId,
        /// Whether somebody accepted.
        accepted: bool,
    },
    /// Something was asked for by HTTP.
    Answered {
        /// Which wait.
        op: OpId,
        /// The answer's status; `None` where there was no answer of HTTP in time.
        status: Option<u16>,
    },
    /// A command of [`Cx::run`] is over, and nothing of it is left.
    Ran {
        /// Which.
        op: OpId,
        /// How it ended; `None` where it did not start.
        status: Option<ExitStatus>,
    },
    /// A worker tells its parent how far it has come.
    News {
        /// Which worker.
        worker: WorkerId,
        /// `Started`, `Ready` or `Exited`.
        come: Condition,
    },
    /// A worker tells its parent that an incarnation of it is over.
    Ended {
        /// Which worker.
        worker: WorkerId,
        /// As what.
        state: WorkerState,
        /// What would follow by its own policy; it waits for [`Command::Again`].
        next: Next,
    },
    /// A fact was published in this turn (only to machines that listen).
    Heard {
        /// About whom.
        subject: Subject,
        /// The event's word.
        word: &'static str,
    },
    /// A process was observed (only to machines that listen).
    Observed(ProcessEvent),
}

/// What a machine can be told to do.
#[derive(Clone, PartialEq, Debug)]
pub enum Command {
    /// Start; what is over begins anew, and what runs already goes on.
    Start,
    /// Start, and have failed to where it is not ready by this instant.
    StartBy(Instant),
    /// Stop, and start again; several at once are one, and a stop that comes meanwhile wins.
    Restart(Requester),
    /// From a parent to a child that is over: begin anew at this instant.
    Again {
        /// When.
        at: Instant,
    },
    /// From a parent to a child that was not started: what it waits for will never come true.
    GiveUp {
        /// Whom it waited for.
        on: WorkerId,
    },
    /// From a parent that was asked to end, to a child whose turn has not come: go on, but start nobody again. What waits to be
    /// started again is over.
    Hold {
        /// For whom.
        by: Requester,
    },
    /// End, by the policy; nothing may last beyond `deadline`.
    Stop {
        /// For whom.
        by: Requester,
        /// At the latest.
        deadline: Instant,
    },
    /// The same by another policy than its own, for this once. A stop that is under way is at most hastened by it. A supervisor takes
    /// only the deadline.
    StopWith {
        /// How.
        policy: Arc<StopPolicy>,
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
    /// A client comes to a proxy.
    Visit(Visit),
    /// A worker joins the session while that runs; it is started by a command of its own.
    Adopt {
        /// Its number, which the plan does not know.
        worker: WorkerId,
        /// Its machine.
        actor: ActorId,
        /// What it was made of.
        spec: Arc<WorkerSpec>,
    },
    /// A worker that has joined, and is over, leaves the session.
    Forget(WorkerId),
    /// For one worker of a session.
    Worker(WorkerId, Box<Command>),
}
