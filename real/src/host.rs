//! The loop that drives core's synchronous host on a runtime: step while anything is enabled, then sleep until a completion,
//! a wake or the next deadline. The loop knows no runtime: what it sleeps on is the world's machine.

use crate::world::{Executor, RealWorld, System};
use shakedown_core::host::{Host, Step};
use shakedown_core::machine::Machine;

#[cfg(not(madsim))]
pub use crate::linux::runtime::{Until, block_on, drive_until, drive_within, with_lateness};

/// How a drive ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Driven {
    /// Every task has ended and every machine is closed.
    Done,
    /// Nothing can ever happen, and not all is done.
    Stuck,
}

/// Drives a host to its end. One that is never idle still lets the runtime act after every [`TURNS_MAX`] turns, or its completions would
/// never come. Dropped, it can be driven on by another call.
///
/// # Panics
/// Outside the runtime on which its world was made: on Linux see [`block_on`].
pub async fn drive<S: System, A: Machine>(host: &mut Host<RealWorld<S>, A>) -> Driven {
    let (bell, system) = {
        let world = host.world().borrow();
        (world.bell(), world.system().clone())
    };
    let mut turns = 0;
    loop {
        match host.step() {
            Step::Ran => {
                turns += 1;
                if turns % TURNS_MAX == 0 {
                    S::Executor::others_first().await;
                }
            }
            Step::Idle { until: Some(at) } => {
                // Biased: what has arrived is taken before the timer.
                tokio::select! {
                    biased;
                    () = bell.rung() => {}
                    () = system.reached(at) => {}
                }
            }
            Step::Idle { until: None } => bell.rung().await,
            // Something that no task or machine waits for is still on its way: a late spawn has to be ended, for one.
            Step::Done if host.world().borrow().owes() => bell.rung().await,
            Step::Done => return Driven::Done,
            Step::Stuck => return Driven::Stuck,
        }
    }
}

/// Turns without a pause.
pub const TURNS_MAX: u32 = 64;
