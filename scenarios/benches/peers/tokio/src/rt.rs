//! tokio's current-thread runtime with its clock paused: what most async tests use today.
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

pub mod sync {
    pub use tokio::sync::{mpsc, oneshot, watch};
}

/// tokio's context is ambient.
#[derive(Clone, Copy)]
pub struct Cx;

/// No limit on steps without time.
pub const BREATHER: Option<u64> = None;

pub fn now_ms(_: &Cx) -> u64 {
    let start = START.get().expect("inside a simulation");
    (Instant::now().duration_since(start).as_nanos() as u64 + 500_000) / 1_000_000
}

pub fn sleep_ms(_: &Cx, ms: u64) -> tokio::time::Sleep {
    tokio::time::sleep(Duration::from_millis(ms))
}

/// What a task's future has to be able to do: to be sent to another thread.
pub use std::marker::Send as Travels;

pub fn spawn<F>(cx: &Cx, _name: &'static str, body: impl FnOnce(Cx) -> F) -> Join
where
    F: Future<Output = ()> + Send + 'static,
{
    Join(tokio::spawn(body(*cx)))
}

pub struct Join(tokio::task::JoinHandle<()>);

impl Join {
    pub fn abort(&self) {
        self.0.abort();
    }
}

impl Future for Join {
    type Output = bool;
    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<bool> {
        Pin::new(&mut self.0).poll(task).map(|end| end.is_ok())
    }
}

/// A stock build cannot seed the scheduler: `Builder::rng_seed` needs `tokio_unstable`.
pub fn run_seeds<F>(first: u64, count: u64, make: impl Fn(u64, Cx) -> F)
where
    F: Future<Output = ()> + 'static,
{
    for seed in first..first + count {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().expect("a runtime");
        runtime.block_on(async {
            START.set(Some(Instant::now()));
            make(seed, Cx).await;
        });
    }
}

thread_local! {
    static START: Cell<Option<Instant>> = const { Cell::new(None) };
}
