//! A future that is bounded by a duration, and which way that has gone: a race that only ever went one way was not tested.

use super::{Sleep, TaskCx};
use crate::time::Duration;
use alloc::vec::Vec;
use core::future::{Future, poll_fn};
use core::panic::Location;
use core::pin::pin;
use core::task::Poll;

/// A timeout passed before the future was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Elapsed;

impl core::fmt::Display for Elapsed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the timeout passed")
    }
}

impl core::error::Error for Elapsed {}

/// How often a deadline went which way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ways {
    /// What it bounds was over before.
    pub kept: u64,
    /// It passed.
    pub missed: u64,
    /// What it bounds was over in the very instant in which its time was up.
    pub tied: u64,
}

impl Ways {
    /// The ways that it has never gone, in words; none where it never began.
    pub fn never(&self) -> Vec<&'static str> {
        let ways = [(self.kept, "kept"), (self.missed, "missed"), (self.tied, "tied")];
        ways.into_iter().filter(|(n, _)| self.ran() && *n == 0).map(|(_, way)| way).collect()
    }

    /// Whether it ever ran.
    pub const fn ran(&self) -> bool {
        self.kept + self.missed + self.tied > 0
    }

    /// Adds those of other runs.
    pub fn add(&mut self, other: Ways) {
        self.kept += other.kept;
        self.missed += other.missed;
        self.tied += other.tied;
    }
}

/// The timeouts of a run, by where they were asked for.
pub(crate) type Timeouts = Vec<(&'static Location<'static>, Ways)>;

impl TaskCx {
    /// Bounds a future. A finished result wins over a timer that is due in the same instant.
    ///
    /// # Errors
    /// [`Elapsed`] if the duration passes first; the future is dropped then.
    #[track_caller]
    pub fn timeout<F: Future>(
        &self,
        duration: Duration,
        future: F,
    ) -> impl Future<Output = Result<F::Output, Elapsed>> {
        self.bound_at(Some(Location::caller()), duration, future)
    }

    /// The same for the library's own flows, whose deadlines are told in another way or are nobody's business.
    pub(crate) async fn bound<F: Future>(&self, duration: Duration, future: F) -> Result<F::Output, Elapsed> {
        self.bound_at(None, duration, future).await
    }

    async fn bound_at<F: Future>(
        &self,
        place: Option<&'static Location<'static>>,
        duration: Duration,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        let mut future = pin!(future);
        let mut sleep: Sleep = self.sleep(duration);
        let mut is_armed = false;
        poll_fn(move |cx| {
            // A timer that stands before the future begins is one that what the future draws can end together with.
            if place.is_some() && !core::mem::replace(&mut is_armed, true) {
                let _looked_at_again = pin!(&mut sleep).as_mut().poll(cx);
            }
            if let Poll::Ready(value) = future.as_mut().poll(cx) {
                let is_tie = self.now() >= sleep.until();
                self.note(place, |ways| if is_tie { &mut ways.tied } else { &mut ways.kept });
                return Poll::Ready(Ok(value));
            }
            pin!(&mut sleep).as_mut().poll(cx).map(|()| {
                self.note(place, |ways| &mut ways.missed);
                Err(Elapsed)
            })
        })
        .await
    }

    fn note(&self, place: Option<&'static Location<'static>>, way: impl FnOnce(&mut Ways) -> &mut u64) {
        let Some(place) = place else { return };
        let mut all = self.reactor.timeouts.borrow_mut();
        // There are few, and one place that has two addresses is counted as two and told as one.
        let known = all.iter().position(|(known, _)| core::ptr::eq(*known, place));
        let at = known.unwrap_or_else(|| {
            all.push((place, Ways::default()));
            all.len() - 1
        });
        *way(&mut all[at].1) += 1;
    }
}
