//! Facts: what an outsider may know. A closed list; the journal, the fact stream, event patterns and oracles all read it.

use crate::actions::ActionNews;
use crate::ids::{UnitId, WorkerId};
use crate::proxy::Exchange;
use crate::signal::Signal;
use crate::time::Instant;
use crate::vocab::{ExitStatus, Outcome, Stream, Target, WorkerState};
use alloc::sync::Arc;

/// Who asked for an end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Requester {
    /// A person or a program, through the session or the worker.
    User,
    /// A supervisor, by its strategy.
    Supervisor,
    /// The session, or a supervisor that is itself stopping.
    Parent,
    /// A deadline that passed.
    Deadline,
    /// A second interrupt.
    SecondInterrupt,
    /// The backend broke.
    BackendLost,
    /// The stop policy itself: the leader ended and the rest of its scope is stopped.
    Policy,
}

impl Requester {
    /// As reports and journals write it.
    pub const fn word(self) -> &'static str {
        match self {
            Requester::User => "user",
            Requester::Supervisor => "supervisor",
            Requester::Parent => "parent",
            Requester::Deadline => "deadline",
            Requester::SecondInterrupt => "second interrupt",
            Requester::BackendLost => "backend lost",
            Requester::Policy => "policy",
        }
    }
}

/// Whom a fact is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Subject {
    /// The session.
    Session,
    /// One of its workers.
    Worker(WorkerId),
}

/// One fact, as it stands in a history.
#[derive(Clone, PartialEq, Debug)]
pub struct FactRecord {
    /// Counted from 0 within a run.
    pub seq: u64,
    /// When it became true for the host.
    pub at: Instant,
    /// About whom.
    pub subject: Subject,
    /// Which incarnation of the worker, from 1; 0 for the session.
    pub incarnation: u32,
    /// The unit of that incarnation, once asked for.
    pub unit: Option<UnitId>,
    /// What.
    pub fact: Fact,
}

/// What may be known of a session and its workers. The list does not depend on the backend.
#[derive(Clone, PartialEq, Debug)]
pub enum Fact {
    /// A start is attempted.
    Spawn,
    /// Worker: its program executes. Session: it has begun.
    Started {
        /// The leader's pid, where there is one.
        pid: Option<i32>,
    },
    /// Its readiness probe has answered; without a probe, started.
    Ready,
    /// It was ready, and is taken out of use because it is to end. Only of workers with a probe: who depends on them looks at it.
    Unready,
    /// It is to end. Nothing extends the deadline.
    StopRequested {
        /// Who asked.
        by: Requester,
        /// When all must be over; `NEVER` only where the policy allows it.
        deadline: Instant,
    },
    /// A signal was sent to it.
    Signalled {
        /// Which.
        signal: Signal,
        /// To its leader or to the whole scope.
        target: Target,
        /// For whom.
        by: Requester,
    },
    /// Its leader ended.
    Exited {
        /// The kernel's word.
        status: ExitStatus,
    },
    /// Both outputs were read to their end.
    OutputClosed,
    /// The drain's time was up while somebody still held an output.
    DrainAbandoned,
    /// One line of output, without its newline.
    Output {
        /// Which descriptor.
        stream: Stream,
        /// The bytes; not necessarily UTF-8.
        line: Arc<[u8]>,
        /// Whether a newline ended it.
        complete: bool,
    },
    /// A request that a proxy has begun to answer, has answered, has refused, or whose connection was cut.
    Request(Arc<Exchange>),
    /// Session: one of its actions was run, refused or switched.
    Action(Arc<ActionNews>),
    /// It will be started again.
    Backoff {
        /// When.
        until: Instant,
    },
    /// It is started again.
    Restarted,
    /// The one terminal fact of an incarnation: `finished`, `stopped`, `killed` or `failed`.
    Ended(Arc<Outcome>),
    /// The session is over: the last fact, exactly once.
    SessionStopped,
}

impl Fact {
    /// The event's name in patterns and journals.
    pub fn word(&self) -> &'static str {
        match self {
            Fact::Spawn => "spawn",
            Fact::Started { .. } => "started",
            Fact::Ready => "ready",
            Fact::Unready => "unready",
            Fact::StopRequested { .. } => "stop-requested",
            Fact::Signalled { .. } => "signalled",
            Fact::Exited { .. } => "exited",
            Fact::OutputClosed => "output-closed",
            Fact::DrainAbandoned => "drain-abandoned",
            Fact::Output { .. } => "output",
            Fact::Request(exchange) => exchange.stage.word(),
            Fact::Action(news) => news.what.word(),
            Fact::Backoff { .. } => "backoff",
            Fact::Restarted => "restarted",
            Fact::Ended(outcome) => outcome.state.word(),
            Fact::SessionStopped => "stopped",
        }
    }

    /// The terminal state that this fact declares for a worker, if it is one.
    pub fn terminal(&self) -> Option<WorkerState> {
        match self {
            Fact::Ended(outcome) => Some(outcome.state),
            _ => None,
        }
    }
}

/// Something seen of one process of a unit: from the kernel in the simulator, from the puppets' own reports for real.
#[derive(Clone, PartialEq, Debug)]
pub struct ProcessEvent {
    /// When.
    pub at: Instant,
    /// Worker-scoped name: `server/main`, `server/helper`.
    pub name: Arc<str>,
    /// Its pid.
    pub pid: i32,
    /// What.
    pub what: ProcessWhat,
}

/// What was seen of a process.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ProcessWhat {
    /// It runs.
    Started,
    /// It installed a disposition for this signal.
    Installed(Signal),
    /// It acted on this signal.
    Signalled(Signal),
    /// It ended.
    Exited(ExitStatus),
}

impl ProcessWhat {
    /// In one word, as a stimulus names what it waits for.
    pub fn word(self) -> &'static str {
        match self {
            ProcessWhat::Started => "started",
            ProcessWhat::Installed(_) => "installed",
            ProcessWhat::Signalled(_) => "signalled",
            ProcessWhat::Exited(_) => "exited",
        }
    }
}
