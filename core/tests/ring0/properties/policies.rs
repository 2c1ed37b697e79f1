//! Policies by their algebra: backoffs, budgets with their breaker, and the plans of stops, with durations from nothing to for ever.

use crate::properties::config;
use crate::properties::plans::{Reach, backoffs, durations, restarts, stops};
use proptest::prelude::*;
use proptest::sample::select;
use shakedown_core::restart::{Next, Restarts};
use shakedown_core::time::{Duration, Instant};
use shakedown_core::vocab::{Requester, RestartPolicy, StopPolicy, WorkerState};
use shakedown_core::worker::StopPlan;

fn instants() -> impl Strategy<Value = Instant> {
    prop_oneof![
        3 => (0..200_000_000_000_u64).prop_map(Instant::from_nanos),
        1 => select(vec![Instant::ZERO, Instant::from_nanos(1), Instant::from_nanos(u64::MAX - 1), Instant::NEVER]),
    ]
}

/// Moments at which something can happen.
fn moments() -> impl Strategy<Value = Instant> {
    instants().prop_filter("nothing happens at the end of time", |at| *at != Instant::NEVER)
}

fn plans() -> impl Strategy<Value = (StopPolicy, Instant, Instant, StopPlan)> {
    (stops(Reach::Endless), moments(), instants()).prop_map(|(policy, now, caller)| {
        let plan = StopPlan::new(&policy, Requester::User, now, caller);
        (policy, now, caller, plan)
    })
}

/// When everything of a plan is due.
fn times(plan: &StopPlan) -> [Instant; 3] {
    [plan.kill_at, plan.empty_by, plan.deadline]
}

fn no_later(a: &StopPlan, b: &StopPlan) -> bool {
    times(a).into_iter().zip(times(b)).all(|(a, b)| a <= b)
}

/// One end of an incarnation: so long after the one before, having run for so long, as what, and what chance answers.
#[derive(Clone, Copy, Debug)]
struct End {
    after: Duration,
    ran: Duration,
    as_what: WorkerState,
    chance: u8,
}

fn ends() -> impl Strategy<Value = Vec<End>> {
    let states = select(vec![WorkerState::Failed, WorkerState::Killed, WorkerState::Finished]);
    let end = (durations(Reach::Finite), durations(Reach::Endless), states, any::<u8>());
    let end = end.prop_map(|(after, ran, as_what, chance)| End { after, ran, as_what, chance });
    proptest::collection::vec(end, 1..40)
}

/// What follows each end: when it was decided, and how.
fn decided(policy: &RestartPolicy, ends: &[End]) -> Vec<(Instant, End, Next)> {
    let (mut restarts, mut now) = (Restarts::default(), Instant::ZERO);
    let decide = |end: &End| {
        now = now.after(end.after);
        let draw = |most: Duration| most.mul_f64(f64::from(end.chance) / 255.0).min(most);
        (
            now,
            *end,
            restarts.next(
                policy,
                end.as_what,
                now,
                end.ran,
                |most| if most == Duration::MAX { most } else { draw(most) },
            ),
        )
    };
    ends.iter().map(decide).collect()
}

proptest! {
    #![proptest_config(config(1000))]

    #[test]
    fn a_wait_grows_with_the_streak_up_to_its_cap(backoff in backoffs(Reach::Endless), streak in any::<u32>()) {
        let (wait, next) = (backoff.wait(streak), backoff.wait(streak.saturating_add(1)));
        prop_assert!(wait <= next && next <= backoff.max);
        prop_assert!(backoff.wait(0) == backoff.initial.min(backoff.max).min(Duration::from_nanos(u64::MAX)) && backoff.wait(0) <= wait);
        let jitter = backoff.jitter(wait);
        prop_assert!(backoff.jitter_milli != 0 || jitter.is_zero());
        prop_assert!(backoff.jitter_milli > 1000 || jitter <= wait);
    }

    #[test]
    fn a_budget_is_never_exceeded_and_never_withheld(policy in restarts(Reach::Endless), ends in ends()) {
        let decided = decided(&policy, &ends);
        let mut granted: Vec<Instant> = Vec::new();
        for (now, end, next) in decided {
            let in_window = granted.iter().filter(|at| at.after(policy.window) > now).count();
            let is_free = in_window < policy.budget as usize;
            let expected = match (policy.follows(end.as_what), is_free) {
                (false, _) => next == Next::Over,
                (true, false) => next == Next::Tripped,
                (true, true) => matches!(next, Next::Again { at } if at >= now && at != Instant::NEVER),
            };
            prop_assert!(expected, "{next:?} at {now} with {in_window} in the window");
            if let Next::Again { .. } = next {
                granted.push(now);
            }
        }
    }

    #[test]
    fn a_stable_run_begins_with_the_first_wait_again(policy in restarts(Reach::Finite), ends in ends()) {
        let policy = RestartPolicy { budget: u32::MAX, ..policy };
        let mut streak = 0;
        for (now, end, next) in decided(&policy, &ends) {
            let Next::Again { at } = next else { continue };
            streak = if end.ran >= policy.backoff.reset_after { 0 } else { streak };
            let wait = policy.backoff.wait(streak);
            streak += 1;
            prop_assert!(now.later(wait) <= at && at <= now.later(wait).after(policy.backoff.jitter(wait)));
        }
    }

    #[test]
    fn a_stop_keeps_its_order_its_caller_and_the_clock((policy, now, caller, plan) in plans()) {
        prop_assert!(plan.kill_at <= plan.deadline && plan.empty_by <= plan.deadline, "{plan:?}");
        prop_assert!(plan.deadline <= caller.max(now), "{plan:?}");
        prop_assert!(times(&plan).into_iter().all(|at| at >= now), "{plan:?}");
        let forced = plan.forced(&policy, now);
        prop_assert!(no_later(&forced, &plan) && forced.kill_at == now, "{forced:?} of {plan:?}");
        prop_assert!(forced.deadline >= now && forced.empty_by <= forced.deadline, "{forced:?} of {plan:?}");
    }

    #[test]
    fn whoever_allows_more_time_gets_no_less((policy, now, caller, plan) in plans(), more in durations(Reach::Endless)) {
        let longer = StopPlan::new(&policy, Requester::User, now, caller.after(more));
        prop_assert!(no_later(&plan, &longer), "{plan:?} and {longer:?}");
    }

    #[test]
    fn to_join_is_to_take_the_earlier_of_everything((_, _, _, a) in plans(), (_, _, _, b) in plans(), (_, _, _, c) in plans()) {
        let both = a.joined(&b);
        prop_assert!(no_later(&both, &a) && no_later(&both, &b) && both.by == a.by);
        prop_assert_eq!(times(&both), times(&b.joined(&a)));
        prop_assert_eq!(times(&both.joined(&c)), times(&a.joined(&b.joined(&c))));
        prop_assert_eq!(a.joined(&a), a);
    }
}
