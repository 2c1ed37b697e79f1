//! The clocks of clock_gettime(2): MONOTONIC, BOOTTIME and REALTIME, and how a suspend or a jump sets them apart.
//! Supervisors mix them up: a deadline on REALTIME moves with every jump, and one on MONOTONIC outlasts a night in a closed laptop.

use super::Kernel;
use shakedown_core::time::{Duration, Instant};
use shakedown_core::vocab::Errno;

/// A clock that can be read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Clock {
    /// Never jumps, and stands still while the machine is suspended. Timers of this kernel are on it.
    Monotonic,
    /// As `Monotonic`, and goes on while the machine is suspended.
    Boottime,
    /// The time of day since 1970; it may be set.
    Realtime,
}

/// How far the other clocks are ahead of MONOTONIC.
#[derive(Clone, Copy, Default)]
pub(super) struct Clocks {
    slept: Duration,
    realtime: Duration,
}

impl Clocks {
    pub(super) fn reset(&mut self, realtime_at_boot: Duration) {
        *self = Clocks { slept: Duration::ZERO, realtime: realtime_at_boot };
    }

    /// BOOTTIME when MONOTONIC shows `now`.
    #[inline]
    pub(super) fn boottime(&self, now: Instant) -> Instant {
        now.after(self.slept)
    }
}

impl Kernel {
    /// What a clock shows: since boot, or since 1970 for [`Clock::Realtime`] (clock_gettime(2)).
    ///
    /// # Example
    /// ```
    /// use shakedown_core::time::Duration;
    /// use shakedown_sim::kernel::{Clock, Kernel, KernelConfig};
    /// let mut kernel = Kernel::new(KernelConfig::default());
    /// kernel.suspend(Duration::from_secs(60));
    /// assert_eq!(kernel.clock(Clock::Monotonic), Duration::ZERO);
    /// assert_eq!(kernel.clock(Clock::Boottime), Duration::from_secs(60));
    /// ```
    pub fn clock(&self, clock: Clock) -> Duration {
        let monotonic = self.now.since(Instant::ZERO);
        match clock {
            Clock::Monotonic => monotonic,
            Clock::Boottime => monotonic.saturating_add(self.clocks.slept),
            Clock::Realtime => monotonic.saturating_add(self.clocks.realtime),
        }
    }

    /// The machine is suspended for so long and resumed: nobody runs, MONOTONIC and so every timer stands still, and the other two
    /// clocks go on (clock_gettime(2), CLOCK_BOOTTIME).
    pub fn suspend(&mut self, length: Duration) {
        self.clocks.slept = self.clocks.slept.saturating_add(length);
        self.clocks.realtime = self.clocks.realtime.saturating_add(length);
    }

    /// Sets REALTIME, forwards or back (clock_settime(2)). No timer moves.
    ///
    /// # Errors
    /// EINVAL for a time before what MONOTONIC shows, as on Linux since 4.3.
    pub fn set_realtime(&mut self, since_1970: Duration) -> Result<(), Errno> {
        let monotonic = self.clock(Clock::Monotonic);
        self.clocks.realtime = since_1970.checked_sub(monotonic).ok_or(Errno::EINVAL)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{exited, play};
    use super::*;

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    /// SEMANTICS C34, clock_gettime(2).
    #[test]
    fn a_suspend_moves_boottime_and_realtime_and_a_jump_realtime_alone() {
        let mut check = play("hang");
        let epoch = check.kernel.clock(Clock::Realtime);
        let shown = |kernel: &Kernel| {
            let all = [Clock::Monotonic, Clock::Boottime, Clock::Realtime];
            all.map(|clock| kernel.clock(clock))
        };
        check.pass(2_000);
        assert_eq!(shown(&check.kernel), [secs(2), secs(2), epoch + secs(2)]);
        check.kernel.suspend(secs(100));
        assert_eq!(shown(&check.kernel), [secs(2), secs(102), epoch + secs(102)]);
        for to in [secs(5), secs(2), epoch * 2] {
            assert_eq!(check.kernel.set_realtime(to), Ok(()));
            assert_eq!(shown(&check.kernel), [secs(2), secs(102), to]);
        }
        assert_eq!(check.kernel.set_realtime(secs(1)), Err(Errno::EINVAL), "before MONOTONIC");
        assert_eq!(check.pass(1_000).kernel.clock(Clock::Realtime), epoch * 2 + secs(1));
    }

    /// SEMANTICS C34, nanosleep(2): sleeps are measured on MONOTONIC.
    #[test]
    fn a_sleep_is_not_shortened_by_a_suspend_or_a_jump() {
        let mut check = play("sleep 10s; exit 3");
        check.pass(4_000).kernel.suspend(secs(3_600));
        check.kernel.set_realtime(secs(2_000_000_000)).expect("it is later than MONOTONIC");
        assert_eq!(check.pass(5_999).status("w/main"), None);
        assert_eq!(check.pass(1).status("w/main"), exited(3));
    }
}
