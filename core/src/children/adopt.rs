//! Children that come and go while their parent runs. They stand after those of the plan, and in no order with anybody.

use super::{Child, Children, Come, Stage, Wanted};
use crate::ids::{ActorId, WorkerId};
use crate::vocab::WorkerSpec;
use alloc::sync::Arc;

impl Children {
    /// A newcomer, not started.
    pub(crate) fn adopt(&mut self, worker: WorkerId, actor: ActorId, spec: Arc<WorkerSpec>) {
        let (stage, wanted, come) = (Stage::Over, Wanted::Down, Come::default());
        self.list.push(Child { worker, actor, stage, wanted, come, lived: false });
        self.adopted.insert(worker, spec);
    }

    /// A newcomer leaves, if it is over. Those of the plan stay.
    pub(crate) fn forget(&mut self, worker: WorkerId) {
        if !self.is_open(worker) && self.adopted.remove(&worker).is_some() {
            self.list.retain(|child| child.worker != worker);
        }
    }
}
