//! How a unit ended: one terminal record an incarnation.

use crate::ids::WorkerId;
use crate::signal::Signal;
use crate::time::Instant;
use crate::vocab::{Requester, SpawnFailure};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// The kernel's word on how a process ended (wait(2)). Intent never overwrites it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ExitStatus {
    /// `exit(n)`: the low eight bits.
    Exited(u8),
    /// Ended by a signal.
    Signalled {
        /// Which.
        signal: Signal,
        /// Whether a core was dumped.
        core: bool,
    },
    /// Nobody can tell: the backend was lost, or someone else reaped it.
    Unknown,
}

impl fmt::Display for ExitStatus {
    /// As scenario files write it: `exited(3)`, `signalled(TERM)`, `unknown`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExitStatus::Exited(n) => write!(f, "exited({n})"),
            ExitStatus::Signalled { signal, .. } => write!(f, "signalled({signal})"),
            ExitStatus::Unknown => f.write_str("unknown"),
        }
    }
}

/// Why it ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reason {
    /// `exit(n)`, also after our TERM.
    Natural,
    /// By a signal that was not our KILL.
    Signal,
    /// Our KILL was sent before the leader ended.
    ForcedKill,
    /// It never executed: spawn or exec failed.
    StartFailed,
    /// Its status was lost, or the backend broke.
    RuntimeError,
}

impl Reason {
    /// As journals and reports write it.
    pub const fn word(self) -> &'static str {
        match self {
            Reason::Natural => "natural",
            Reason::Signal => "signal",
            Reason::ForcedKill => "forced_kill",
            Reason::StartFailed => "start_failed",
            Reason::RuntimeError => "runtime_error",
        }
    }
}

/// The twelve public states of a worker. Machines hold finer ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum WorkerState {
    /// Not yet started.
    Pending,
    /// Spawn asked, not yet answered.
    Starting,
    /// Executed, not yet ready.
    Running,
    /// Its readiness probe has answered.
    Ready,
    /// Asked to end.
    Stopping,
    /// Being made to end.
    Killing,
    /// Ended; the rest of its output is read.
    Draining,
    /// Waiting to be started again.
    Backoff,
    /// Ended by itself, successfully.
    Finished,
    /// Ended because it was asked to.
    Stopped,
    /// Had to be forced, or left survivors that were.
    Killed,
    /// Anything else.
    Failed,
}

/// The twelve states folded into four, for those who ask no more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Coarse {
    /// Pending or Backoff: there is no unit, and there may be one.
    Pending,
    /// Starting up to Draining: there is a unit.
    Running,
    /// Finished or Stopped.
    Stopped,
    /// Killed or Failed.
    Failed,
}

impl WorkerState {
    /// All of them.
    pub const ALL: [WorkerState; 12] = [
        WorkerState::Pending,
        WorkerState::Starting,
        WorkerState::Running,
        WorkerState::Ready,
        WorkerState::Stopping,
        WorkerState::Killing,
        WorkerState::Draining,
        WorkerState::Backoff,
        WorkerState::Finished,
        WorkerState::Stopped,
        WorkerState::Killed,
        WorkerState::Failed,
    ];

    /// Folded into four.
    pub const fn coarse(self) -> Coarse {
        match self {
            WorkerState::Pending | WorkerState::Backoff => Coarse::Pending,
            WorkerState::Starting | WorkerState::Running | WorkerState::Ready => Coarse::Running,
            WorkerState::Stopping | WorkerState::Killing | WorkerState::Draining => Coarse::Running,
            WorkerState::Finished | WorkerState::Stopped => Coarse::Stopped,
            WorkerState::Killed | WorkerState::Failed => Coarse::Failed,
        }
    }

    /// Finished, Stopped, Killed or Failed.
    pub const fn is_terminal(self) -> bool {
        matches!(self, WorkerState::Finished | WorkerState::Stopped | WorkerState::Killed | WorkerState::Failed)
    }

    /// The word that facts and scenario files use: `stopped`.
    pub const fn word(self) -> &'static str {
        match self {
            WorkerState::Pending => "pending",
            WorkerState::Starting => "starting",
            WorkerState::Running => "running",
            WorkerState::Ready => "ready",
            WorkerState::Stopping => "stopping",
            WorkerState::Killing => "killing",
            WorkerState::Draining => "draining",
            WorkerState::Backoff => "backoff",
            WorkerState::Finished => "finished",
            WorkerState::Stopped => "stopped",
            WorkerState::Killed => "killed",
            WorkerState::Failed => "failed",
        }
    }
}

/// Bytes of output and what became of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct OutputTally {
    /// Bytes handed on as `output` facts, both streams.
    pub delivered: u64,
    /// Whether the drain was abandoned while a descendant still held the pipe.
    pub abandoned: bool,
}

/// A process that outlived its unit.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Survivor {
    /// Its pid when it was seen.
    pub pid: i32,
    /// Its name as the puppet or the kernel gives it.
    pub name: Arc<str>,
}

/// How one incarnation of a unit ended. Kept until the worker is removed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Outcome {
    /// Finished, Stopped, Killed or Failed.
    pub state: WorkerState,
    /// The kernel's word.
    pub status: ExitStatus,
    /// Why.
    pub reason: Reason,
    /// Who asked it to end, where somebody did.
    pub requested_by: Option<Requester>,
    /// Processes of the scope that were still alive when the deadline came.
    pub survivors: Vec<Survivor>,
    /// Who still held the output when the drain was abandoned.
    pub holders: Vec<Survivor>,
    /// What became of its output.
    pub output: OutputTally,
    /// Counted from 1.
    pub incarnation: u32,
    /// When its start was attempted.
    pub spawned_at: Instant,
    /// When it was over.
    pub ended_at: Instant,
    /// The error of a start that failed.
    pub start_error: Option<SpawnFailure>,
    /// The worker that it would have had to wait for, and that ended without having come so far.
    pub unmet: Option<WorkerId>,
    /// Whether it would have been started again, had its budget of restarts not been used up. It is Failed then, however it ended.
    pub circuit_breaker: bool,
}

impl Outcome {
    /// That of an incarnation that never ran: it has no status, output or survivors.
    pub fn unborn(incarnation: u32, state: WorkerState, reason: Reason, since: Instant, now: Instant) -> Outcome {
        Outcome {
            state,
            status: ExitStatus::Unknown,
            reason,
            requested_by: None,
            survivors: Vec::new(),
            holders: Vec::new(),
            output: OutputTally::default(),
            incarnation,
            spawned_at: since,
            ended_at: now,
            start_error: None,
            unmet: None,
            circuit_breaker: false,
        }
    }
}
