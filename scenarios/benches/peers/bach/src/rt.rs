//! bach: a seeded runtime, first in first out; its exploration of interleavings is another feature and is off.
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

pub mod sync {
    pub use tokio::sync::{mpsc, oneshot, watch};
}

/// bach's context is ambient.
#[derive(Clone, Copy)]
pub struct Cx;

/// bach panics after 100 000 steps within one instant and its `Runtime` offers no way to lift that: sleep now and then.
pub const BREATHER: Option<u64> = Some(10_000);

pub fn now_ms(_: &Cx) -> u64 {
    (bach::time::Instant::now().elapsed_since_start().as_nanos() as u64 + 500_000) / 1_000_000
}

pub fn sleep_ms(_: &Cx, ms: u64) -> bach::time::Sleep {
    bach::time::sleep(Duration::from_millis(ms))
}

pub fn spawn<F>(cx: &Cx, _name: &'static str, body: impl FnOnce(Cx) -> F) -> Join
where
    F: Future<Output = ()> + 'static,
{
    Join(bach::spawn(body(*cx)))
}

pub struct Join(bach::task::JoinHandle<()>);

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

pub fn run_seeds<F>(first: u64, count: u64, make: impl Fn(u64, Cx) -> F + Copy + 'static)
where
    F: Future<Output = ()> + 'static,
{
    for seed in first..first + count {
        let mut runtime = bach::environment::default::Runtime::new().with_seed(seed);
        runtime.block_on(async move { make(seed, Cx).await });
    }
}
