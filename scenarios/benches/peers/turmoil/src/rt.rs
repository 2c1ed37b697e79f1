//! turmoil: one client host that holds all the tasks. Every tick of virtual time is simulated, so the tick decides the price:
//! 1 ms, which is its default and the grain of the workloads, or what `TURMOIL_TICK_MS` says.
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

pub mod sync {
    pub use tokio::sync::{mpsc, oneshot, watch};
}

/// turmoil's context is ambient.
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

pub fn run_seeds<F>(first: u64, count: u64, make: impl Fn(u64, Cx) -> F + Copy + 'static)
where
    F: Future<Output = ()> + 'static,
{
    let tick_ms = std::env::var("TURMOIL_TICK_MS").ok().and_then(|ms| ms.parse().ok()).unwrap_or(1);
    for seed in first..first + count {
        let mut simulation = turmoil::Builder::new()
            .rng_seed(seed)
            .tick_duration(Duration::from_millis(tick_ms))
            .simulation_duration(Duration::from_secs(400 * 86_400))
            .build();
        simulation.client("host", async move {
            START.set(Some(Instant::now()));
            make(seed, Cx).await;
            Ok(())
        });
        simulation.run().expect("the client ends");
    }
}

thread_local! {
    static START: Cell<Option<Instant>> = const { Cell::new(None) };
}
