//! madsim: random order from a seed. Its channels are tokio's own, which is what `madsim-tokio` re-exports.
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

#[cfg(not(madsim))]
compile_error!("build with RUSTFLAGS=\"--cfg madsim\" and a target folder of its own");

pub mod sync {
    pub use tokio::sync::{mpsc, oneshot, watch};
}

/// madsim's context is ambient.
#[derive(Clone, Copy)]
pub struct Cx;

/// No limit on steps without time.
pub const BREATHER: Option<u64> = None;

/// Rounded, because madsim lets 50 to 100 ns of virtual time pass with every poll.
pub fn now_ms(_: &Cx) -> u64 {
    (madsim::time::TimeHandle::current().elapsed().as_nanos() as u64 + 500_000) / 1_000_000
}

pub fn sleep_ms(_: &Cx, ms: u64) -> madsim::time::Sleep {
    madsim::time::sleep(Duration::from_millis(ms))
}

/// What a task's future has to be able to do: to be sent to another thread.
pub use std::marker::Send as Travels;

pub fn spawn<F>(cx: &Cx, _name: &'static str, body: impl FnOnce(Cx) -> F) -> Join
where
    F: Future<Output = ()> + Send + 'static,
{
    Join(madsim::task::spawn(body(*cx)))
}

pub struct Join(madsim::task::JoinHandle<()>);

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

pub fn run_seeds<F>(first: u64, count: u64, make: impl Fn(u64, Cx) -> F)
where
    F: Future<Output = ()> + 'static,
{
    for seed in first..first + count {
        let runtime = madsim::runtime::Runtime::with_seed_and_config(seed, madsim::Config::default());
        runtime.block_on(make(seed, Cx));
    }
}
