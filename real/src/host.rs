//! The loop that drives core's synchronous host on a runtime: step while anything is enabled, then sleep until a completion,
//! a wake or the next deadline. The loop knows no runtime; what it sleeps on is passed in.

use crate::world::RealWorld;
use shakedown_core::host::{Host, Step};
use shakedown_core::machine::Machine;
use shakedown_core::time::Instant;
use shakedown_core::world::World;
use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::task::LocalSet;

/// How a drive ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Driven {
    /// Every task has ended and every machine is closed.
    Done,
    /// Nothing can ever happen, and not all is done.
    Stuck,
}

/// Something that takes turns, as core's host does.
pub trait Turns {
    /// Takes one turn.
    fn step(&mut self) -> Step;
}

impl<W: World, A: Machine> Turns for Host<W, A> {
    fn step(&mut self) -> Step {
        Host::step(self)
    }
}

/// What a drive sleeps on between turns.
pub trait Pace {
    /// Until something was announced since the last call returned; at once where that has happened already.
    fn announced(&self) -> impl Future<Output = ()>;
    /// Until the host's clock shows at least this.
    fn reached(&self, at: Instant) -> impl Future<Output = ()>;
    /// Lets everybody else on this thread have a turn.
    fn others_first(&self) -> impl Future<Output = ()>;
    /// Whether something that no task or machine waits for is still on its way: a late spawn has to be ended, for one.
    fn is_owed(&self) -> bool;
}

/// Drives to the end. A host that is never idle still lets the runtime act after every [`TURNS_MAX`] turns, or its completions
/// would never come.
pub async fn drive_with(host: &mut impl Turns, pace: &impl Pace) -> Driven {
    let mut turns = 0;
    loop {
        match host.step() {
            Step::Ran => {
                turns += 1;
                if turns % TURNS_MAX == 0 {
                    pace.others_first().await;
                }
            }
            Step::Idle { until: Some(at) } => {
                // Biased: what has arrived is taken before the timer.
                tokio::select! {
                    biased;
                    () = pace.announced() => {}
                    () = pace.reached(at) => {}
                }
            }
            Step::Idle { until: None } => pace.announced().await,
            Step::Done if pace.is_owed() => pace.announced().await,
            Step::Done => return Driven::Done,
            Step::Stuck => return Driven::Stuck,
        }
    }
}

/// Drives a host on Linux to its end.
///
/// # Panics
/// Outside the runtime on which its world was made: see [`block_on`].
pub async fn drive<A: Machine>(host: &mut Host<RealWorld, A>) -> Driven {
    let pace = {
        let world = host.world().borrow();
        WallPace { bell: world.bell(), began: world.began(), world: host.world().clone() }
    };
    drive_with(host, &pace).await
}

/// As [`drive`], for at most this long on the wall clock; `None` where that was not enough. The host can be driven on.
///
/// # Panics
/// As [`drive`].
pub async fn drive_within<A: Machine>(host: &mut Host<RealWorld, A>, limit: std::time::Duration) -> Option<Driven> {
    tokio::time::timeout(limit, drive(host)).await.ok()
}

/// Runs a future on a current-thread runtime of its own, where a [`RealWorld`] can be made and driven.
///
/// # Errors
/// Where the runtime cannot be built (no descriptors left).
///
/// ```
/// use shakedown_real::{Config, RealWorld, host};
/// let name = host::block_on(async { RealWorld::new(Config::default()).map(|world| world.run_name().len()) });
/// assert!(name.unwrap().unwrap() > 0);
/// ```
pub fn block_on<F: Future>(future: F) -> io::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(LocalSet::new().block_on(&runtime, future))
}

/// The wall clock, and the bell of one world.
struct WallPace {
    bell: Arc<Notify>,
    began: std::time::Instant,
    world: Rc<RefCell<RealWorld>>,
}

impl Pace for WallPace {
    async fn announced(&self) {
        self.bell.notified().await;
    }

    async fn reached(&self, at: Instant) {
        match self.began.checked_add(std::time::Duration::from_nanos(at.as_nanos())) {
            Some(at) => tokio::time::sleep_until(at.into()).await,
            None => std::future::pending().await,
        }
    }

    async fn others_first(&self) {
        tokio::task::yield_now().await;
    }

    fn is_owed(&self) -> bool {
        self.world.borrow().owes()
    }
}

/// Turns without a pause.
pub const TURNS_MAX: u32 = 64;
