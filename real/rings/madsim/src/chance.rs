//! Draws of the current seed, and futures that are dropped at one await or another.

use madsim::rand::{Rng, thread_rng};
use std::future::{Future, poll_fn};
use std::ops::Range;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

pub fn one_in(n: u32) -> bool {
    thread_rng().gen_ratio(1, n)
}

pub fn below(n: u32) -> u32 {
    thread_rng().gen_range(0..n)
}

pub fn micros(range: Range<u64>) -> Duration {
    Duration::from_micros(thread_rng().gen_range(range))
}

/// Waits for so many awaits of a future, one at least, and then drops it where it stands: `None`, where it was not over by then.
pub async fn up_to<T>(awaits: u32, future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut seen) = (pin!(future), 0);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => {
            seen += 1;
            if seen < awaits { Poll::Pending } else { Poll::Ready(None) }
        }
    })
    .await
}
