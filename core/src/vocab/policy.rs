//! The stop policy: who is signalled, how long it may take, and how far force reaches.

use crate::signal::Signal;
use crate::time::Duration;
use crate::vocab::ProcessSpec;
use alloc::sync::Arc;

/// How far a stop reaches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Scope {
    /// The leader alone: nobody else is contained. What it leaves behind is nobody's, and an orphan: so a policy is rehearsed for a platform
    /// that contains nothing.
    Process,
    /// The leader's process group (setpgid(2)).
    Group,
    /// The leader's session (setsid(2)).
    PosixSession,
    /// The leader and all its descendants, wherever they went.
    Tree,
    /// A control group.
    Cgroup,
    /// A job object of another platform, rehearsed in the simulator: it has every descendant, wherever that went, and ends all of them at
    /// once. It knows no gentle signal: that goes to the leader alone.
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

/// A command that is run before a worker is signalled: to take it out of a load balancer, say. Its end, however it ends, lets the stop go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PreStop {
    /// What is run.
    pub command: Arc<ProcessSpec>,
    /// How long it may run; it is killed then, and the stop goes on.
    pub within: Duration,
}

/// How a worker is stopped. One absolute deadline covers all of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StopPolicy {
    /// What is run before the gentle signal.
    pub hook: Option<Arc<PreStop>>,
    /// The gentle signal. CONT follows it at once, so that a stopped process hears it too.
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
    /// How long the hook may take; zero where there is none.
    pub fn hook_within(&self) -> Duration {
        self.hook.as_ref().map_or(Duration::ZERO, |hook| hook.within)
    }

    /// The time that a killed scope has to become empty.
    pub const EMPTY_WITHIN: Duration = Duration::from_secs(1);
}

impl StopPolicy {
    /// Whether CONT has to follow the gentle signal. A stopped process keeps whatever it is sent until it is continued (signal(7)): it would
    /// not hear the signal, and be killed when the grace ends. CONT comes after, because before it would let the process run on without
    /// knowing; systemd does the same (systemd.kill(5)). Whoever is not stopped does not notice. It is no fact of its own.
    pub(crate) fn is_heard_by_the_stopped(&self) -> bool {
        !matches!(self.signal, Signal::KILL | Signal::CONT | Signal::STOP | Signal::TSTP)
    }
}

impl Default for StopPolicy {
    /// TERM to the group, 10 s of grace, 500 ms of drain.
    fn default() -> Self {
        StopPolicy {
            hook: None,
            signal: Signal::TERM,
            signal_to: SignalTo::Scope,
            grace: Grace::After(Duration::from_secs(10)),
            scope: Scope::Group,
            drain: Duration::from_millis(500),
        }
    }
}
