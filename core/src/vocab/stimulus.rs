//! Stimuli: what the outside world does to a session, and when. Plain data, so that the simulator and the real backend play
//! the same list.

use crate::actions::ActionUse;
use crate::ids::WorkerId;
use crate::proxy::Visit;
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
    /// A client comes, of a proxy only.
    Visit(Visit),
    /// The supervisor's own process is killed, and everything in it is gone: of the session only, and only in a simulation.
    CrashHost,
    /// Another supervisor takes over what the one that was killed has left. Its moment counts from the crash: the first that is there
    /// follows the first crash.
    Recover,
    /// One of its actions is used; of the session only.
    Use(ActionUse, Arc<str>),
}

impl Act {
    /// Its words in a scenario file, in the order of their codes.
    const WORDS: [&'static str; 16] = [
        "stop",
        "kill",
        "restart",
        "start",
        "interrupt",
        "hangup",
        "signal",
        "stdin",
        "close-stdin",
        "request",
        "connect",
        "crash-host",
        "recover",
        "run-action",
        "enable-action",
        "disable-action",
    ];

    const fn code(&self) -> u32 {
        match self {
            Act::Stop => 0,
            Act::Kill => 1,
            Act::Restart => 2,
            Act::Start => 3,
            Act::Interrupt => 4,
            Act::Hangup => 5,
            Act::Signal(_) => 6,
            Act::Stdin(_) => 7,
            Act::CloseStdin => 8,
            Act::Visit(Visit::Request) => 9,
            Act::Visit(Visit::Tunnel) => 10,
            Act::CrashHost => 11,
            Act::Recover => 12,
            Act::Use(ActionUse::Run, _) => 13,
            Act::Use(ActionUse::Enable, _) => 14,
            Act::Use(ActionUse::Disable, _) => 15,
        }
    }
}

impl Stimulus {
    /// What the choice of its moment is keyed by, the `earlier`-th of those that do the same to the same kind of subject: so that another
    /// stimulus leaves it alone.
    pub(crate) const fn nth(&self, earlier: u32) -> u32 {
        (self.act.code() << 1 | self.on.is_some() as u32) << 16 | earlier
    }

    /// What it does, in a word.
    pub fn word(&self) -> &'static str {
        Act::WORDS[self.act.code() as usize]
    }

    /// What a stimulus whose moment is keyed so does, in a word.
    pub fn word_of(nth: u32) -> &'static str {
        Act::WORDS.get((nth >> 17) as usize).copied().unwrap_or("stimulus")
    }
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
