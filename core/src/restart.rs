//! The memory behind a restart policy: how many restarts in a row, and when those within the window were. A supervisor's own restarts
//! are counted by the same rules.

use crate::digest::Digest;
use crate::time::{Duration, Instant, nanos};
use crate::vocab::{RestartPolicy, RestartWhen, WorkerState};
use alloc::collections::VecDeque;

/// What follows the end of an incarnation, by the worker's own policy. Its parent decides.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Next {
    /// Nothing: it is over.
    Over,
    /// It is to be started again at this instant.
    Again {
        /// When.
        at: Instant,
    },
    /// It would be started again, but its budget is used up: the circuit breaker has tripped.
    Tripped,
}

/// Counts the restarts of one worker. Manual starts are not told to it.
#[derive(Clone, Debug, Default)]
pub struct Restarts {
    streak: u32,
    /// Those within the window, the oldest first; never more than the budget.
    recent: VecDeque<Instant>,
}

impl Restarts {
    /// Decides what follows an end that nobody asked for, after the incarnation `ran` for so long. `draw` chooses from zero to so much.
    pub fn next(
        &mut self,
        policy: &RestartPolicy,
        ended_as: WorkerState,
        now: Instant,
        ran: Duration,
        draw: impl FnOnce(Duration) -> Duration,
    ) -> Next {
        if !policy.follows(ended_as) {
            return Next::Over;
        }
        if ran >= policy.backoff.reset_after {
            self.streak = 0;
        }
        while self.recent.front().is_some_and(|at| at.after(policy.window) <= now) {
            self.recent.pop_front();
        }
        if self.recent.len() >= policy.budget as usize {
            return Next::Tripped;
        }
        self.recent.push_back(now);
        let wait = policy.backoff.wait(self.streak);
        self.streak = self.streak.saturating_add(1);
        let jitter = draw(policy.backoff.jitter(wait));
        // Not within the same instant, or who fails at once would be started without end; and some day it is.
        Next::Again { at: now.later(wait).after(jitter).min(Instant::LAST) }
    }

    /// Restarts within the window as of the last decision.
    pub fn recent(&self) -> usize {
        self.recent.len()
    }

    /// Puts in what decides the next restart: how long the next wait is, and which of the restarts still count.
    pub(crate) fn digest(&self, policy: &RestartPolicy, now: Instant, into: &mut Digest) {
        into.number(nanos(policy.backoff.wait(self.streak)));
        for at in self.recent.iter().filter(|at| at.after(policy.window) > now) {
            into.instant(*at, now);
        }
    }
}

/// Puts in how long an incarnation has run, as far as it decides the wait before the next one.
pub(crate) fn digest_age(policy: &RestartPolicy, since: Instant, now: Instant, into: &mut Digest) {
    if policy.when != RestartWhen::Never {
        into.number(nanos(now.since(since).min(policy.backoff.reset_after)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocab::Backoff;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn at(n: u64) -> Instant {
        Instant::ZERO.after(ms(n))
    }

    fn policy(budget: u32) -> RestartPolicy {
        let backoff = Backoff { initial: ms(100), max: ms(1000), reset_after: ms(500), ..Backoff::default() };
        RestartPolicy { when: RestartWhen::OnFailure, backoff, budget, window: ms(10_000), ..RestartPolicy::default() }
    }

    fn fails(restarts: &mut Restarts, policy: &RestartPolicy, now: u64, ran: u64) -> Next {
        restarts.next(policy, WorkerState::Failed, at(now), ms(ran), |_| Duration::ZERO)
    }

    #[test]
    fn the_wait_grows_with_each_failure_and_a_stable_run_resets_it() {
        let (policy, mut restarts) = (policy(100), Restarts::default());
        assert_eq!(fails(&mut restarts, &policy, 0, 1), Next::Again { at: at(100) });
        assert_eq!(fails(&mut restarts, &policy, 200, 100), Next::Again { at: at(400) });
        assert_eq!(fails(&mut restarts, &policy, 500, 100), Next::Again { at: at(900) });
        assert_eq!(fails(&mut restarts, &policy, 1400, 500), Next::Again { at: at(1500) });
    }

    #[test]
    fn the_budget_slides_with_its_window() {
        let (policy, mut restarts) = (policy(2), Restarts::default());
        assert_ne!(fails(&mut restarts, &policy, 0, 1), Next::Tripped);
        assert_ne!(fails(&mut restarts, &policy, 5_000, 1), Next::Tripped);
        assert_eq!(fails(&mut restarts, &policy, 9_999, 1), Next::Tripped);
        assert_ne!(fails(&mut restarts, &policy, 10_000, 1), Next::Tripped);
        assert_eq!(restarts.recent(), 2);
    }

    #[test]
    fn a_budget_of_nothing_trips_at_once_and_an_end_that_is_not_followed_costs_nothing() {
        let mut restarts = Restarts::default();
        assert_eq!(fails(&mut restarts, &policy(0), 0, 1), Next::Tripped);
        let clean =
            restarts.next(&policy(0), WorkerState::Finished, at(0), ms(1), |_| unreachable!("nothing is drawn"));
        assert_eq!((clean, restarts.recent()), (Next::Over, 0));
    }

    #[test]
    fn jitter_is_drawn_from_its_share_of_the_wait() {
        let (policy, mut restarts) = (policy(5), Restarts::default());
        let next = restarts.next(&policy, WorkerState::Failed, at(0), ms(1), |most| {
            assert_eq!(most, ms(10));
            ms(7)
        });
        assert_eq!(next, Next::Again { at: at(107) });
    }
}
