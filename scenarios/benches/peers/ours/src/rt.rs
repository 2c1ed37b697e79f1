//! Shakedown's simulator as a user has it: seeded choices, every rank asked for, the digest rolling, the oracles on.
//! One simulator plays all seeds, and a run that is not in order ends the measurement.
use shakedown_core::task::JoinHandle;
use shakedown_core::time::Duration;
use shakedown_sim::choose::Seeded;
use shakedown_sim::{Limits, Simulator, WorldConfig};
use std::future::Future;

pub use shakedown_core::task::{Sleep, TaskCx as Cx};

pub mod sync {
    //! Core's channels under the names and with the answers that tokio gave to its own.
    pub use shakedown_core::sync::oneshot;

    pub mod watch {
        pub use shakedown_core::sync::watch::Receiver;

        pub struct Sender<T>(shakedown_core::sync::watch::Sender<T>);

        impl<T> Sender<T> {
            pub fn send(&self, value: T) -> Result<(), T> {
                self.0.send(value);
                Ok(())
            }
        }

        pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
            let (sender, receiver) = shakedown_core::sync::watch::channel(value);
            (Sender(sender), receiver)
        }
    }

    pub mod mpsc {
        pub use shakedown_core::sync::mpsc::Receiver as UnboundedReceiver;

        #[derive(Clone)]
        pub struct UnboundedSender<T>(shakedown_core::sync::mpsc::Sender<T>);

        impl<T> UnboundedSender<T> {
            pub fn send(&self, message: T) -> Result<(), T> {
                self.0.try_send(message)
            }
        }

        pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
            let (sender, receiver) = shakedown_core::sync::mpsc::unbounded();
            (UnboundedSender(sender), receiver)
        }
    }
}

/// No limit on steps without time.
pub const BREATHER: Option<u64> = None;

pub fn now_ms(cx: &Cx) -> u64 {
    cx.now().as_nanos() / 1_000_000
}

pub fn sleep_ms(cx: &Cx, ms: u64) -> Sleep {
    cx.sleep(Duration::from_millis(ms))
}

/// What a task's future has to be able to do: here tasks stay where they are.
pub trait Travels {}

impl<T> Travels for T {}

pub type Join = JoinHandle<()>;

pub fn spawn<F>(cx: &Cx, name: &'static str, body: impl FnOnce(Cx) -> F) -> Join
where
    F: Future<Output = ()> + 'static,
{
    cx.spawn(name, body)
}

pub fn run_seeds<F>(first: u64, count: u64, make: impl Fn(u64, Cx) -> F)
where
    F: Future<Output = ()> + 'static,
{
    let limits = Limits { time: Duration::from_secs(400 * 86_400), steps: u64::MAX };
    let mut simulator: Simulator<Seeded> = Simulator::new(WorldConfig::default(), limits, Seeded::new(0));
    for seed in first..first + count {
        let run = simulator.run(Seeded::new(seed), None, |host| {
            host.spawn("root", |cx| make(seed, cx));
        });
        assert!(run.is_ok(), "seed {seed}: {run:?}");
    }
}
