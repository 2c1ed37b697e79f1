//! shuttle's async API under its random scheduler. A new `Runner` a seed by default, as a sweep over seeds needs;
//! `SHUTTLE_ONE_RUNNER=1` measures its own idiom, one `Runner` with many iterations.
use crate::clock;
use shuttle::scheduler::RandomScheduler;
use shuttle::{Config, MaxSteps, Runner};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};

pub use clock::Sleep;

pub mod sync {
    pub use tokio::sync::{mpsc, oneshot, watch};
}

/// shuttle's context is ambient.
#[derive(Clone, Copy)]
pub struct Cx;

/// No limit on steps: `MaxSteps::None`.
pub const BREATHER: Option<u64> = None;

pub fn now_ms(_: &Cx) -> u64 {
    clock::now_ms()
}

pub fn sleep_ms(_: &Cx, ms: u64) -> Sleep {
    clock::sleep_ms(ms)
}

/// What a task's future has to be able to do: to be sent to another thread.
pub use std::marker::Send as Travels;

pub fn spawn<F>(cx: &Cx, _name: &'static str, body: impl FnOnce(Cx) -> F) -> Join
where
    F: Future<Output = ()> + Send + 'static,
{
    let tracked = clock::track(body(*cx));
    Join { mark: tracked.mark(), handle: shuttle::future::spawn(tracked) }
}

pub struct Join {
    handle: shuttle::future::JoinHandle<()>,
    mark: clock::Mark,
}

impl Join {
    pub fn abort(&self) {
        self.mark.set_runnable(); // else time could pass before the task is seen to end
        self.handle.abort();
    }
}

impl Future for Join {
    type Output = bool;
    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<bool> {
        Pin::new(&mut self.handle).poll(task).map(|end| end.is_ok())
    }
}

pub fn run_seeds<F>(first: u64, count: u64, make: impl Fn(u64, Cx) -> F + Copy + Send + Sync + 'static)
where
    F: Future<Output = ()> + 'static,
{
    if std::env::var_os("SHUTTLE_ONE_RUNNER").is_some() {
        let next = AtomicU64::new(first);
        let scheduler = RandomScheduler::new_from_seed(first, count as usize);
        Runner::new(scheduler, config()).run(move || simulate(make(next.fetch_add(1, Relaxed), Cx)));
    } else {
        for seed in first..first + count {
            let scheduler = RandomScheduler::new_from_seed(seed, 1);
            Runner::new(scheduler, config()).run(move || simulate(make(seed, Cx)));
        }
    }
}

fn simulate<F: Future<Output = ()> + 'static>(root: F) {
    clock::reset();
    let clock = shuttle::future::spawn(clock::advance());
    shuttle::future::block_on(clock::track(root));
    clock::finish();
    let _ = shuttle::future::block_on(clock);
}

fn config() -> Config {
    let mut config = Config::new();
    config.max_steps = MaxSteps::None;
    config.silence_warnings = true;
    config
}
