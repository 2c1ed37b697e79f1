//! madsim, as the glue's runtime.

use madsim::task::{AbortHandle, spawn_local};
use shakedown_real::world::Executor;
use std::future::Future;
use std::time::Duration;

/// madsim's current runtime.
pub struct Madsim;

impl Executor for Madsim {
    type Task = AbortHandle;

    fn spawn(task: impl Future<Output = ()> + 'static) -> AbortHandle {
        spawn_local(task).abort_handle()
    }

    fn abort(task: &AbortHandle) {
        task.abort();
    }

    async fn sleep(length: Duration) {
        madsim::time::sleep(length).await;
    }

    async fn others_first() {
        shakedown_sim::lent::others_first().await;
    }
}
