//! Lifecycle decisions as sans-IO state machines: events in, effects and facts out, one deadline.
//!
//! A machine's state is data. It knows no async, lock or channel, and nothing happens in its `Drop`.

use crate::actions::ActionUse;
use crate::choose::Choose;
use crate::digest::Digest;
use crate::ids::{ActorId, OpId, UnitId, WorkerId};
use crate::proxy::{Traffic, Visit};
use crate::reactor::{Effect, Fate, Reactor};
use crate::restart::Next;
use crate::signal::Signal;
use crate::site::{Kind, Label, Site, mix};
use crate::tie::{Deadlines, Tying};
use crate::time::{Duration, DurationRange, Instant};
use crate::vocab::{
    Body, Condition, Errno, ExitNotice, ExitStatus, Fact, Identity, Launch, ProcessEvent, ProcessSpec, Request,
    Requester, SpawnFailure, StopPolicy, Stream, Streams, Subject, Survey, WorkerSpec, WorkerState,
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
    /// A read has brought this; an empty chunk is the end of the stream.
    Output {
        /// Which read.
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
        self.launch(unit, name, body, Launch::default())
    }

    /// As [`start`](Self::start), with what this incarnation is told and given.
    pub fn launch(&mut self, unit: UnitId, name: &Arc<str>, body: &Body, launch: Launch) -> OpId {
        let op = self.reactor.open_op(crate::reactor::Owner::Actor(self.me), unit);
        match body {
            // It names itself.
            Body::Process(_) | Body::Proxy(_) | Body::Supervisor(_) => {}
            Body::PuppetTask(_) | Body::Function(_) => self.reactor.name_unit(unit, name),
        }
        self.reactor.push(Effect::Start { op, unit, body: body.clone(), launch: Box::new(launch) });
        op
    }

    /// Runs a command beside the unit, reads its output into nothing, and sees to it that nothing of it is left; answered by
    /// [`Event::Ran`].
    pub fn run(&mut self, command: &Arc<ProcessSpec>) -> OpId {
        let unit = self.new_unit();
        let op = self.reactor.open_op(crate::reactor::Owner::Actor(self.me), unit);
        self.reactor.push(Effect::Run { op, command: command.clone() });
        op
    }

    /// Asks for the early end of a command that [`run`](Self::run) has started. The answer still comes: when nothing of it is left.
    pub fn cancel(&mut self, op: OpId) {
        self.reactor.push(Effect::Cancel { op });
    }

    /// What all incarnations of this machine's unit are called by, in this run of the host; never zero.
    pub fn resume_id(&self) -> u64 {
        mix(self.label.0 ^ self.reactor.nonce.get()).max(1)
    }

    /// Asks the unit's world. See [`Request`] for what is answered.
    #[inline(always)]
    pub fn submit(&mut self, unit: UnitId, request: Request) -> OpId {
        let op = self.reactor.open_op(crate::reactor::Owner::Actor(self.me), unit);
        self.reactor.push(Effect::Submit { op, unit, request });
        op
    }

    /// Reads these outputs to their ends, unless it is withdrawn; answered by [`Event::Output`] for each chunk of each, in their order,
    /// and with an empty chunk for the end of each.
    pub fn read(&mut self, unit: UnitId, streams: impl Into<Streams>) -> OpId {
        self.submit(unit, Request::Readable(streams.into()))
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

    /// The host's own process is killed, at the end of this turn.
    pub(crate) fn crash_host(&mut self) {
        self.reactor.push(Effect::Meet(Fate::Crash));
    }

    /// Another takes over, at the end of this turn.
    pub(crate) fn recover_host(&mut self) {
        self.reactor.push(Effect::Meet(Fate::Recover));
    }

    /// Somebody outside uses an action of the session, at the end of this turn.
    pub(crate) fn use_action(&mut self, action: &Arc<str>, how: ActionUse) {
        self.reactor.push(Effect::Use { action: action.clone(), how });
    }

    /// Whom the worker of this name takes over instead of starting somebody; it is asked once.
    pub(crate) fn heir(&self, worker: &str) -> Option<Identity> {
        self.reactor.heirs.borrow_mut().remove(worker)
    }

    /// A stop has come during a recovery.
    pub(crate) fn wanes(&self) {
        self.reactor.is_waning.set(true);
    }

    /// Reports an event that this state has no answer for; an oracle rejects it.
    pub fn unexpected(&mut self, state: &'static str, event: &Event) {
        self.reactor.push(Effect::Unexpected { who: self.me, what: alloc::format!("{state} met {event:?}") });
    }

    /// A duration from the range: the shortest in a calm run.
    pub fn draw(&mut self, range: DurationRange) -> Duration {
        if range.steps() == 0 {
            return range.min;
        }
        let nth = *self.draws;
        *self.draws += 1;
        self.draw_nth(nth, range)
    }

    /// As [`draw`](Self::draw), for a machine that numbers its draws itself.
    pub(crate) fn draw_nth(&mut self, nth: u32, range: DurationRange) -> Duration {
        if range.steps() == 0 {
            return range.min;
        }
        let site = Site { kind: Kind::Span, label: self.label, nth };
        Tying::new(self.chooser, Deadlines::new(&self.reactor.timers)).span(site, range, self.now)
    }
}
