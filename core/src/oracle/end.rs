//! The end of a run as its player tells it: why it ended, and what is left. Oracles that judge the end know nothing else of its host.

use crate::host::Waiter;

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EndReason {
    /// The session told `stopped`, and nothing else was to be done.
    SessionStopped,
    /// The root task returned.
    RootReturned,
    /// Nothing can ever happen again although nobody said that it is over: the verdict `stuck`. Only what is already owed is judged.
    Stuck,
    /// A limit of time or steps cut it off: the verdicts `hang` and `livelock`. Only what is overdue is judged, and what goes on
    /// although the session had told its end.
    Cut,
}

impl EndReason {
    /// Whether whoever was in charge said that it is over, so that nothing may be left.
    pub const fn is_over(self) -> bool {
        match self {
            EndReason::SessionStopped | EndReason::RootReturned => true,
            EndReason::Stuck | EndReason::Cut => false,
        }
    }
}

/// What is left when a run is over.
#[derive(Clone, Copy, Debug)]
pub struct EndState<'a> {
    /// Tasks that still live, by name; the root not counted.
    pub tasks: &'a [&'a str],
    /// Timers still armed.
    pub timers: u32,
    /// Machines that are not closed, by name.
    pub machines_open: &'a [&'a str],
    /// Tasks and machines that wait, where nothing can happen any more.
    pub waiters: &'a [Waiter],
    /// Machines that have an operation open, by name.
    pub unanswered: &'a [&'a str],
    /// How it ended.
    pub reason: EndReason,
}
