//! The arithmetic of a stop: one absolute deadline, shared by signal, grace, kill and drain. Nothing extends it.

use crate::time::Instant;
use crate::vocab::{Grace, Requester, StopPolicy};

/// When a stop that was asked for does what.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct StopPlan {
    /// For whom.
    pub by: Requester,
    /// KILL goes to the scope.
    pub kill_at: Instant,
    /// The scope should be empty; what lives then is a survivor.
    pub empty_by: Instant,
    /// All is over.
    pub deadline: Instant,
}

impl StopPlan {
    /// deadline = min(caller's, request + hook + grace + 1 s for emptiness + drain); KILL at min(request + hook + grace,
    /// deadline − 1 s − drain). With `Grace::Never` only the caller's deadline counts. However long a grace and a drain are, they end.
    pub fn new(policy: &StopPolicy, by: Requester, now: Instant, caller: Instant) -> StopPlan {
        StopPlan::from_signal(policy, by, now.after(policy.hook_within()), caller).not_before(now)
    }

    /// The same for a stop whose gentle signal is sent at this instant.
    pub fn from_signal(policy: &StopPolicy, by: Requester, signal_at: Instant, caller: Instant) -> StopPlan {
        let tail = StopPolicy::EMPTY_WITHIN.saturating_add(policy.drain);
        let grace_end = match policy.grace {
            Grace::After(grace) => signal_at.after(grace),
            Grace::Never => Instant::NEVER,
        };
        let end = if policy.grace == Grace::Never { Instant::NEVER } else { grace_end.after(tail).min(Instant::LAST) };
        let deadline = caller.min(end);
        StopPlan {
            by,
            kill_at: grace_end.min(caller.before(tail)).min(deadline),
            empty_by: grace_end.after(StopPolicy::EMPTY_WITHIN).min(caller.before(policy.drain)).min(deadline),
            deadline,
        }
    }

    /// What lies in the past is due now.
    fn not_before(self, now: Instant) -> StopPlan {
        StopPlan {
            by: self.by,
            kill_at: self.kill_at.max(now),
            empty_by: self.empty_by.max(now),
            deadline: self.deadline.max(now),
        }
    }

    /// The same stop by force: KILL now, and the end no later than it was.
    #[must_use]
    pub fn forced(&self, policy: &StopPolicy, now: Instant) -> StopPlan {
        let tail = StopPolicy::EMPTY_WITHIN.saturating_add(policy.drain);
        let deadline = self.deadline.min(now.after(tail).min(Instant::LAST));
        StopPlan {
            by: self.by,
            kill_at: now,
            empty_by: self.empty_by.min(now.after(StopPolicy::EMPTY_WITHIN)).min(deadline),
            deadline,
        }
    }

    /// Two requests for the same stop: the earlier of everything.
    #[must_use]
    pub fn joined(&self, other: &StopPlan) -> StopPlan {
        StopPlan {
            by: self.by,
            kill_at: self.kill_at.min(other.kill_at),
            empty_by: self.empty_by.min(other.empty_by),
            deadline: self.deadline.min(other.deadline),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    fn policy(grace_ms: u64) -> StopPolicy {
        StopPolicy { grace: Grace::After(Duration::from_millis(grace_ms)), ..StopPolicy::default() }
    }

    fn ms(n: u64) -> Instant {
        Instant::from_nanos(n * 1_000_000)
    }

    #[test]
    fn the_deadline_is_grace_emptiness_and_drain_or_the_callers() {
        let plan = StopPlan::new(&policy(3000), Requester::User, ms(1000), Instant::NEVER);
        assert_eq!((plan.kill_at, plan.empty_by, plan.deadline), (ms(4000), ms(5000), ms(5500)));
        let tight = StopPlan::new(&policy(3000), Requester::User, ms(1000), ms(4000));
        assert_eq!((tight.kill_at, tight.empty_by, tight.deadline), (ms(2500), ms(3500), ms(4000)));
    }

    #[test]
    fn grace_zero_kills_at_once_and_a_past_deadline_does_not_go_back_in_time() {
        assert_eq!(StopPlan::new(&policy(0), Requester::User, ms(7), Instant::NEVER).kill_at, ms(7));
        let late = StopPlan::new(&policy(3000), Requester::User, ms(5000), ms(10));
        assert_eq!((late.kill_at, late.deadline), (ms(5000), ms(5000)));
    }

    #[test]
    fn grace_never_leaves_only_the_callers_deadline() {
        let never = StopPolicy { grace: Grace::Never, ..StopPolicy::default() };
        let alone = StopPlan::new(&never, Requester::User, ms(0), Instant::NEVER);
        assert_eq!((alone.kill_at, alone.deadline), (Instant::NEVER, Instant::NEVER));
        assert_eq!(StopPlan::new(&never, Requester::User, ms(0), ms(30_000)).kill_at, ms(28_500));
    }

    #[test]
    fn a_hook_comes_before_the_grace_and_shares_the_deadline() {
        let command = crate::vocab::ProcessSpec::puppet("hook", alloc::sync::Arc::new([])).into();
        let hook = alloc::sync::Arc::new(crate::vocab::PreStop { command, within: Duration::from_millis(2000) });
        let hooked = StopPolicy { hook: Some(hook), ..policy(3000) };
        let plan = StopPlan::new(&hooked, Requester::User, ms(0), Instant::NEVER);
        assert_eq!((plan.kill_at, plan.deadline), (ms(5000), ms(6500)));
        let tight = StopPlan::new(&hooked, Requester::User, ms(0), ms(3000));
        assert_eq!((tight.kill_at, tight.deadline), (ms(1500), ms(3000)));
    }

    #[test]
    fn joining_never_extends() {
        let a = StopPlan::new(&policy(3000), Requester::User, ms(0), Instant::NEVER);
        let b = StopPlan::new(&policy(1000), Requester::Parent, ms(5000), Instant::NEVER);
        let both = a.joined(&b);
        assert!(both.kill_at <= a.kill_at && both.deadline <= a.deadline && both.by == Requester::User);
    }
}
