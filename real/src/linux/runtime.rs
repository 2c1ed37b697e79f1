//! tokio, as the glue's runtime: one thread of its own, and the clock on the wall.

use crate::host::{Driven, drive};
use crate::mailbox::Bell;
use crate::world::{Executor, RealWorld, System};
use shakedown_core::host::Host;
use shakedown_core::machine::Machine;
use std::cell::Cell;
use std::future::Future;
use std::io;
use std::time::{Duration, Instant};
use tokio::task::{AbortHandle, LocalSet};

/// The current thread's tokio runtime and its `LocalSet`.
pub struct Tokio;

impl Executor for Tokio {
    type Task = AbortHandle;

    fn spawn(task: impl Future<Output = ()> + 'static) -> AbortHandle {
        tokio::task::spawn_local(task).abort_handle()
    }

    fn abort(task: &AbortHandle) {
        task.abort();
    }

    async fn sleep(length: Duration) {
        tokio::time::sleep(length).await;
    }

    async fn others_first() {
        tokio::task::yield_now().await;
    }
}

/// As [`drive`], for at most this long on the wall clock; `None` where that was not enough. The host can be driven on.
///
/// # Panics
/// As [`drive`].
pub async fn drive_within<S: System, A: Machine>(host: &mut Host<RealWorld<S>, A>, limit: Duration) -> Option<Driven> {
    tokio::time::timeout(limit, drive(host)).await.ok()
}

/// How a drive with bounds ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    /// By itself.
    Driven(Driven),
    /// Its time was up.
    Late,
    /// The bell was rung.
    GivenUp,
}

/// As [`drive_within`], or until somebody rings. The host can be driven on.
///
/// # Panics
/// As [`drive`].
pub async fn drive_until<S: System, A: Machine>(
    host: &mut Host<RealWorld<S>, A>,
    limit: Duration,
    give_up: &Bell,
) -> Until {
    tokio::select! {
        biased;
        driven = drive_within(host, limit) => driven.map_or(Until::Late, Until::Driven),
        () = give_up.rung() => Until::GivenUp,
    }
}

/// Waits for a future, and tells by how much this machine was late meanwhile, at most, in waking whoever slept: a limit of time may be missed
/// by so much through no fault of any program. It looks every 5 ms.
pub async fn with_lateness<F: Future>(future: F) -> (F::Output, Duration) {
    const PAUSE: Duration = Duration::from_millis(5);
    let (late, due) = (Cell::new(Duration::ZERO), Cell::new(Instant::now() + PAUSE));
    let look = || late.set(late.get().max(due.get().elapsed()));
    let watch = async {
        loop {
            tokio::time::sleep_until(due.get().into()).await;
            look();
            due.set(Instant::now() + PAUSE);
        }
    };
    let output = tokio::select! {
        biased;
        output = future => output,
        () = watch => unreachable!("it watches for ever"),
    };
    // It may have been due when the future was ready.
    look();
    (output, late.get())
}

/// Waits for a future, for at most this long on the wall clock; `None` where that was not enough, and it is dropped. Within [`block_on`].
pub async fn within<T>(patience: Duration, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(patience, future).await.ok()
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
