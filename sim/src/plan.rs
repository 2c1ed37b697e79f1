//! The plan of a run: what its workers are called. Oracles tell of workers by name, and a world knows only their numbers.

use shakedown_core::ids::WorkerId;
use shakedown_core::oracle::Names;
use shakedown_core::vocab::SessionSpec;
use std::sync::Arc;

/// Names of workers, for oracles.
#[derive(Default)]
pub(crate) struct Plan(pub(crate) Option<Arc<SessionSpec>>);

impl Names for Plan {
    fn worker(&self, id: WorkerId) -> &str {
        match &self.0 {
            Some(plan) => plan.workers.get(id.index()).map_or("a worker outside the plan", |w| &w.name),
            None => "worker",
        }
    }

    fn plan(&self) -> Option<&SessionSpec> {
        self.0.as_deref()
    }
}
