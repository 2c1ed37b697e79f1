//! The hands on one worker: the verbs of its runner, without its number.

use super::{Listing, Refused, Runner};
use crate::ids::WorkerId;
use crate::time::Duration;
use crate::vocab::{Outcome, StopPolicy};
use alloc::sync::Arc;

/// One worker of a session. Cheap to clone; dropping it does nothing.
#[derive(Clone)]
pub struct Handle {
    runner: Runner,
    id: WorkerId,
}

macro_rules! verbs {
    ($($verb:ident($($argument:ident: $type:ty),*);)*) => {
        $(
            #[doc = concat!("[`Runner::", stringify!($verb), "`] of this worker.")]
            ///
            /// # Errors
            #[doc = concat!("Those of [`Runner::", stringify!($verb), "`].")]
            pub fn $verb(&self, $($argument: $type),*) -> Result<(), Refused> {
                self.runner.$verb(self.id, $($argument),*)
            }
        )*
    };
}

impl Handle {
    pub(super) fn new(runner: Runner, id: WorkerId) -> Handle {
        Handle { runner, id }
    }

    /// Its number in the session.
    pub fn id(&self) -> WorkerId {
        self.id
    }

    /// [`Runner::get`] of this worker.
    pub fn get(&self) -> Option<Listing> {
        self.runner.get(self.id)
    }

    /// [`Runner::is_running`] of this worker.
    pub fn is_running(&self) -> bool {
        self.runner.is_running(self.id)
    }

    /// [`Runner::wait`] for this worker.
    ///
    /// # Errors
    /// Those of [`Runner::wait`].
    pub async fn wait(&self) -> Result<Arc<Outcome>, Refused> {
        self.runner.wait(self.id).await
    }

    verbs! {
        start_again();
        stop();
        stop_within(within: Duration);
        stop_with(policy: StopPolicy);
        kill();
        restart();
        signal(number: i32);
        send_input(bytes: &[u8]);
        close_input();
        set_env(name: &str, value: &str);
        remove();
    }
}
