//! What a worker shows of itself beside its state: for reports, it decides nothing.

use super::{Run, State, Worker};
use crate::ids::Pid;
use crate::vocab::{ExitStatus, Reason, WorkerSpec};

impl Worker {
    /// What it was made of.
    pub fn spec(&self) -> &WorkerSpec {
        &self.spec
    }

    /// The pid of its leader, from the answer to its spawn until its end is known. None for functions.
    pub fn pid(&self) -> Option<Pid> {
        self.run().filter(|run| run.exit.is_none()).and_then(|run| run.pid)
    }

    /// Whether its leader runs, as far as is known: somebody is there who can be signalled.
    pub fn is_live(&self) -> bool {
        self.run().is_some_and(|run| run.exit.is_none())
    }

    /// How its leader ended: in this incarnation, or in the last one where none runs. None where it lives, or nothing was ever executed.
    pub fn exit(&self) -> Option<ExitStatus> {
        match self.outcome() {
            Some(last) => {
                (last.status != ExitStatus::Unknown || last.reason == Reason::RuntimeError).then_some(last.status)
            }
            None => self.run().and_then(|run| run.exit).map(|notice| notice.status),
        }
    }

    /// Restarts that its budget counts, as of the last one.
    pub fn restarts(&self) -> usize {
        self.restarts.as_ref().map_or(0, |restarts| restarts.recent())
    }

    pub(super) fn run(&self) -> Option<&Run> {
        match &self.state {
            State::Up(run) | State::Hooking { run, .. } | State::Stopping { run, .. } => Some(run),
            State::Killing { run, .. } | State::Draining { run, .. } | State::Surveying { run, .. } => Some(run),
            State::Pending | State::Starting { .. } | State::Retrying { .. } | State::Abandoning { .. } => None,
            State::Backoff { .. } | State::Ended(_) => None,
        }
    }
}
