//! The plan of a run: what its workers are called. Oracles tell of workers by name, and a world knows only their numbers.

use shakedown_core::ids::WorkerId;
use shakedown_core::oracle::Names;
use shakedown_core::vocab::{SessionSpec, WorkerSpec};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names of workers, for oracles.
#[derive(Default)]
pub(crate) struct Plan {
    session: Option<Arc<SessionSpec>>,
    /// Those who have joined the session since.
    adopted: BTreeMap<WorkerId, Arc<WorkerSpec>>,
}

impl Plan {
    /// Another run, with another plan.
    pub(crate) fn reset(&mut self, session: Option<Arc<SessionSpec>>) {
        self.session = session;
        if !self.adopted.is_empty() {
            self.adopted.clear();
        }
    }

    pub(crate) fn adopt(&mut self, worker: WorkerId, spec: &Arc<WorkerSpec>) {
        self.adopted.insert(worker, spec.clone());
    }
}

impl Names for Plan {
    #[inline]
    fn worker(&self, id: WorkerId) -> &str {
        match (&self.session, self.spec(id)) {
            (_, Some(spec)) => &spec.name,
            (Some(_), None) => "a worker outside the plan",
            (None, None) => "worker",
        }
    }

    fn plan(&self) -> Option<&SessionSpec> {
        self.session.as_deref()
    }

    #[inline]
    fn spec(&self, id: WorkerId) -> Option<&WorkerSpec> {
        let planned = self.session.as_ref().and_then(|plan| plan.workers.get(id.index()));
        planned.or_else(|| self.adopted.get(&id).map(|spec| &**spec))
    }
}
