//! Time as an argument: instants on one monotonic clock, and durations that may be ranges.
//!
//! Nothing in core reads a clock. The host samples `now` once a turn and hands it to whoever acts.

use core::fmt;
pub use core::time::Duration;

/// A point on the host's monotonic clock, in nanoseconds since the host began.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Instant(u64);

impl Instant {
    /// The moment the host began.
    pub const ZERO: Instant = Instant(0);
    /// Later than every moment: the deadline of something that may wait for ever.
    pub const NEVER: Instant = Instant(u64::MAX);
    /// The last moment that comes, centuries away: where a duration says "for ever", and something is to happen all the same.
    pub const LAST: Instant = Instant(u64::MAX - 1);

    /// The instant `ns` nanoseconds after the host began.
    pub const fn from_nanos(ns: u64) -> Instant {
        Instant(ns)
    }

    /// Nanoseconds since the host began.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// This instant plus `d`. Saturates at [`Instant::NEVER`], so that no policy can overflow.
    #[must_use]
    pub fn after(self, d: Duration) -> Instant {
        Instant(self.0.saturating_add(nanos(d)))
    }

    /// This instant plus `d`, but later than this one: for whatever must not be done again within the same instant.
    #[must_use]
    pub fn later(self, d: Duration) -> Instant {
        self.after(d).max(self.after(Duration::from_nanos(1)))
    }

    /// This instant minus `d`, not before [`Instant::ZERO`]. `NEVER` stays `NEVER`.
    #[must_use]
    pub fn before(self, d: Duration) -> Instant {
        if self == Instant::NEVER { self } else { Instant(self.0.saturating_sub(nanos(d))) }
    }

    /// The time from `earlier` to this instant; zero where `earlier` is later.
    pub fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A duration in nanoseconds, saturating at `u64::MAX` (584 years).
pub fn nanos(d: Duration) -> u64 {
    u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)
}

impl fmt::Display for Instant {
    /// Seconds with three places (`1.951 s`), rounded down, as the reports print them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Instant::NEVER {
            return f.write_str("never");
        }
        write!(f, "{}.{:03} s", self.0 / 1_000_000_000, self.0 / 1_000_000 % 1000)
    }
}

/// A duration, or a range of them: `10ms..50ms`. In the simulator a range is a choice of which 0 is the shortest,
/// for real it is a random draw.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DurationRange {
    /// The shortest, and the calm answer.
    pub min: Duration,
    /// The longest; equal to `min` where the duration is fixed.
    pub max: Duration,
    /// The unit that the range was written in: answers lie on this grid, coarsened to at most [`DurationRange::STEPS_MAX`] steps.
    pub grid: Duration,
}

impl DurationRange {
    /// A range offers at most this many steps.
    pub const STEPS_MAX: u32 = 1024;

    /// A duration that leaves no choice.
    pub const fn fixed(d: Duration) -> DurationRange {
        DurationRange { min: d, max: d, grid: Duration::from_nanos(1) }
    }

    /// From nothing to `most`, on a grid of as many steps as there may be.
    pub fn up_to(most: Duration) -> DurationRange {
        let grid = Duration::from_nanos((nanos(most) / u64::from(Self::STEPS_MAX)).max(1));
        DurationRange { min: Duration::ZERO, max: most, grid }
    }

    /// The greatest answer, 0 for a fixed duration: answers are `0..=steps()`.
    pub fn steps(&self) -> u32 {
        let span = nanos(self.max).saturating_sub(nanos(self.min));
        let steps = span.div_ceil(nanos(self.grid).max(1));
        u32::try_from(steps).unwrap_or(u32::MAX).min(Self::STEPS_MAX)
    }

    /// The duration that answer `k` of [`steps`](Self::steps) stands for: 0 is `min`, the last is `max`.
    pub fn at(&self, k: u32) -> Duration {
        let steps = u64::from(self.steps());
        if steps == 0 {
            return self.min;
        }
        let span = nanos(self.max) - nanos(self.min);
        let grid = nanos(self.grid).max(1);
        let k = u64::from(k).min(steps);
        let offset = if span.div_ceil(grid) <= steps {
            k * grid
        } else {
            (u128::from(span) * u128::from(k) / u128::from(steps)) as u64
        };
        Duration::from_nanos(nanos(self.min) + offset.min(span))
    }
}

impl From<Duration> for DurationRange {
    fn from(d: Duration) -> Self {
        DurationRange::fixed(d)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_saturate_instead_of_overflowing() {
        assert_eq!(Instant::from_nanos(5).after(Duration::MAX), Instant::NEVER);
        assert_eq!(Instant::NEVER.before(Duration::from_secs(1)), Instant::NEVER);
        assert_eq!(Instant::from_nanos(5).before(Duration::from_secs(1)), Instant::ZERO);
    }

    #[test]
    fn a_range_answers_on_its_grid_from_min_to_max() {
        let ms = Duration::from_millis;
        let r = DurationRange { min: ms(10), max: ms(50), grid: ms(1) };
        assert_eq!((r.steps(), r.at(0), r.at(7), r.at(40), r.at(99)), (40, ms(10), ms(17), ms(50), ms(50)));
        let wide = DurationRange { min: ms(0), max: ms(100_000), grid: ms(1) };
        assert_eq!((wide.steps(), wide.at(1024)), (1024, ms(100_000)));
        assert_eq!(DurationRange::fixed(ms(3)).steps(), 0);
    }
}
