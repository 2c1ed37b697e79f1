//! The stop policy: who is signalled, how long it may take, and how far force reaches.

use crate::signal::Signal;
use crate::time::Duration;

/// How far a stop reaches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Scope {
    /// The leader alone.
    Process,
    /// The leader's process group (setpgid(2)).
    Group,
    /// The leader's session (setsid(2)).
    PosixSession,
    /// The leader and all its descendants, wherever they went.
    Tree,
    /// A control group.
    Cgroup,
    /// A job object of another platform, rehearsed in the simulator.
    Job,
}

/// Who gets the gentle signal. KILL always goes to the whole scope.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SignalTo {
    /// Everybody in the scope.
    Scope,
    /// The leader only (systemd's mixed mode).
    Leader,
}

/// How long the gentle way may take.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Grace {
    /// Then KILL. Zero kills at once.
    After(Duration),
    /// No KILL of the worker's own; the session's budget still applies.
    Never,
}

/// What a second stop request of a session does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SecondStop {
    /// Kills at once.
    Kill,
    /// Joins the first.
    Join,
}

/// How a worker is stopped. One absolute deadline covers all of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct StopPolicy {
    /// The gentle signal.
    pub signal: Signal,
    /// To whom.
    pub signal_to: SignalTo,
    /// From the signal to KILL.
    pub grace: Grace,
    /// How far it reaches.
    pub scope: Scope,
    /// How long output may be drained after the scope is empty.
    pub drain: Duration,
}

impl StopPolicy {
    /// The time that a killed scope has to become empty.
    pub const EMPTY_WITHIN: Duration = Duration::from_secs(1);
}

impl Default for StopPolicy {
    /// TERM to the group, 10 s of grace, 500 ms of drain.
    fn default() -> Self {
        StopPolicy {
            signal: Signal::TERM,
            signal_to: SignalTo::Scope,
            grace: Grace::After(Duration::from_secs(10)),
            scope: Scope::Group,
            drain: Duration::from_millis(500),
        }
    }
}
