//! Restart policy: when an incarnation is followed by another, how long after, and how often at most.

use crate::time::Duration;
use crate::vocab::WorkerState;
use alloc::vec::Vec;

/// After which ends a worker is started again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RestartWhen {
    /// After each that nobody asked for.
    Always,
    /// Where it ended as Failed or Killed.
    OnFailure,
    /// Never.
    Never,
}

/// How a worker is started again. A stop, at any moment, ends it: intent wins over policy.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RestartPolicy {
    /// After which ends.
    pub when: RestartWhen,
    /// Exit codes that count as success: the worker is Finished then, not Failed.
    pub success: Vec<u8>,
    /// How long it waits.
    pub backoff: Backoff,
    /// So many restarts of this worker within `window`; the next one trips the circuit breaker. Manual starts do not count.
    pub budget: u32,
    /// The sliding window of the budget.
    pub window: Duration,
}

/// The wait before a restart: `initial × factorⁿ`, capped, and then up to `jitter` longer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Backoff {
    /// Before the first restart.
    pub initial: Duration,
    /// By how much it grows with each restart, in thousandths: 2000 doubles it. Less than 1000 counts as 1000.
    pub factor_milli: u32,
    /// It grows no further than this.
    pub max: Duration,
    /// The most that is added by chance, in thousandths of the wait: 100 is a tenth.
    pub jitter_milli: u32,
    /// A worker that ran for so long begins with `initial` again.
    pub reset_after: Duration,
}

impl Default for RestartPolicy {
    /// Never; success is 0; at most 5 in 60 s.
    fn default() -> Self {
        RestartPolicy {
            when: RestartWhen::Never,
            success: Vec::from([0]),
            backoff: Backoff::default(),
            budget: 5,
            window: Duration::from_secs(60),
        }
    }
}

impl Default for Backoff {
    /// 100 ms, doubled up to 30 s, with a jitter of a tenth, reset after 60 s.
    fn default() -> Self {
        Backoff {
            initial: Duration::from_millis(100),
            factor_milli: 2000,
            max: Duration::from_secs(30),
            jitter_milli: 100,
            reset_after: Duration::from_secs(60),
        }
    }
}

impl RestartPolicy {
    /// Whether this end is followed by another start, if nobody asked for it and the budget allows it.
    pub const fn follows(&self, ended_as: WorkerState) -> bool {
        match self.when {
            RestartWhen::Always => true,
            RestartWhen::OnFailure => matches!(ended_as, WorkerState::Failed | WorkerState::Killed),
            RestartWhen::Never => false,
        }
    }
}

impl Backoff {
    /// The wait before the `streak`-th restart in a row, counted from 0, without jitter. Saturates; never beyond `max`.
    pub fn wait(&self, streak: u32) -> Duration {
        let cap = crate::time::nanos(self.max);
        let factor = u128::from(self.factor_milli.max(1000));
        let mut wait = u128::from(crate::time::nanos(self.initial));
        for _ in 0..streak {
            // Beyond the cap it grows no more, and with a factor of one it never does.
            if wait >= u128::from(cap) || factor == 1000 || wait == 0 {
                break;
            }
            wait = (wait * factor / 1000).max(wait + 1);
        }
        Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX).min(cap))
    }

    /// The most that chance adds to `wait`.
    pub fn jitter(&self, wait: Duration) -> Duration {
        let most = u128::from(crate::time::nanos(wait)) * u128::from(self.jitter_milli) / 1000;
        Duration::from_nanos(u64::try_from(most).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn the_wait_grows_by_its_factor_up_to_its_cap() {
        let backoff = Backoff { initial: ms(100), factor_milli: 2000, max: ms(1000), ..Backoff::default() };
        let waits: Vec<Duration> = [0, 1, 2, 3, 4, 60, u32::MAX].map(|n| backoff.wait(n)).into();
        assert_eq!(waits, [ms(100), ms(200), ms(400), ms(800), ms(1000), ms(1000), ms(1000)]);
        assert_eq!(Backoff { factor_milli: 1500, ..backoff }.wait(2), ms(225));
        assert_eq!(Backoff { factor_milli: 0, ..backoff }.wait(9), ms(100));
        assert_eq!(Backoff { initial: Duration::ZERO, ..backoff }.wait(u32::MAX), Duration::ZERO);
    }

    #[test]
    fn extreme_durations_saturate() {
        let wild = Backoff { initial: Duration::MAX, max: Duration::MAX, jitter_milli: u32::MAX, ..Backoff::default() };
        assert_eq!(wild.wait(u32::MAX), Duration::from_nanos(u64::MAX));
        assert_eq!(wild.jitter(Duration::MAX), Duration::from_nanos(u64::MAX));
    }

    #[test]
    fn the_policy_says_which_ends_are_followed_by_a_start() {
        use WorkerState::{Failed, Finished, Killed, Stopped};
        let rows = [
            (RestartWhen::Always, [true, true, true, true]),
            (RestartWhen::OnFailure, [true, true, false, false]),
            (RestartWhen::Never, [false; 4]),
        ];
        for (when, follows) in rows {
            let policy = RestartPolicy { when, ..RestartPolicy::default() };
            assert_eq!([Failed, Killed, Finished, Stopped].map(|state| policy.follows(state)), follows, "{when:?}");
        }
    }
}
