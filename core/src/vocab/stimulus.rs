//! Stimuli: what the outside world does to a session, and when. Plain data, so that the simulator and the real backend play
//! the same list.

use crate::ids::WorkerId;
use crate::signal::Signal;
use crate::time::DurationRange;
use alloc::sync::Arc;

/// One thing that the outside world does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stimulus {
    /// How long after the session's start, or after `when`.
    pub at: DurationRange,
    /// What it waits for; the session's start where there is none. The first occurrence counts, later ones do not.
    pub when: Option<Trigger>,
    /// What is done.
    pub act: Act,
    /// To which worker; `None` means the session.
    pub on: Option<WorkerId>,
}

/// What is done to a session or a worker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// It is asked to stop.
    Stop,
    /// It is killed at once.
    Kill,
    /// It is stopped and started again; of a worker only.
    Restart,
    /// It is started, where it is over or was not started with the session; of a worker only.
    Start,
    /// Ctrl-C: a stop, and the second one is treated as the session's policy says.
    Interrupt,
    /// The terminal goes away: a stop.
    Hangup,
    /// It is sent this signal.
    Signal(Signal),
    /// These bytes are written to its stdin.
    Stdin(Arc<[u8]>),
    /// Its stdin is closed: it reads to the end.
    CloseStdin,
}

/// What a stimulus waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trigger {
    /// Whose event.
    pub subject: TriggerSubject,
    /// Which, by its word: `Fact::word`, or `started`, `signalled`, `exited` of a process.
    pub event: Arc<str>,
}

/// Whose event a stimulus waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TriggerSubject {
    /// The session's.
    Session,
    /// A worker's.
    Worker(WorkerId),
    /// A process's, by its full name: `server/helper`.
    Process(Arc<str>),
}
