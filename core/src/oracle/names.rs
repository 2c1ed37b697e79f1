//! What oracles may ask of the plan: a name for each worker, and what was wanted of it. Async supervisors have none, and are judged
//! without.

use crate::ids::WorkerId;
use crate::vocab::{Body, SessionSpec, WorkerSpec};

/// What the plan says of its workers, as far as oracles need it.
pub trait Names {
    /// The worker's name.
    fn worker(&self, id: WorkerId) -> &str;

    /// The plan itself, where there is one: async supervisors have none.
    fn plan(&self) -> Option<&SessionSpec> {
        None
    }

    /// The worker's spec.
    fn spec(&self, worker: WorkerId) -> Option<&WorkerSpec> {
        self.plan()?.workers.get(worker.index())
    }

    /// Whether this exit code counts as success for the worker.
    fn is_success(&self, worker: WorkerId, code: u8) -> bool {
        self.spec(worker).map_or(code == 0, |spec| spec.restart.success.contains(&code))
    }

    /// Whether the worker is a supervisor, whose unit is its children.
    fn is_group(&self, worker: WorkerId) -> bool {
        self.spec(worker).is_some_and(|spec| matches!(spec.body, Body::Supervisor(_)))
    }
}
