//! restart-budget: a worker is brought back at most as often as its budget allows within any window, never before its backoff is
//! over, and its circuit breaker has tripped exactly where the budget was used up. A restart without end is a failure that nobody sees.
//!
//! A restart counts at the end that it follows. Facts prove one to be automatic by the `backoff` that announces it, or by a policy
//! that knows no wait; others may be a user's, and cost nothing. What may have been decided and did not come to pass is counted apart.

use crate::ids::WorkerId;
use crate::oracle::wanted::returns_with_others;
use crate::oracle::{Case, OracleName, slot};
use crate::time::{Duration, Instant};
use crate::vocab::{Outcome, Reason, Requester, RestartPolicy, RestartWhen};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// How the last incarnation ended, as far as it decides what may follow.
#[derive(Clone, Copy, Debug, Default)]
enum Last {
    /// Asked for, or nothing has ended yet: what follows is not the policy's.
    #[default]
    Asked,
    /// By itself, and by its policy it comes back when this wait is over.
    Followed { at: Instant, wait: Duration },
    /// By itself, and by its policy it stays away.
    Unfollowed,
    /// Its circuit breaker has tripped.
    Tripped,
}

/// What a worker has used up.
#[derive(Clone, Debug, Default)]
struct Account {
    last: Last,
    /// When it is to be started again, as was told.
    until: Option<Instant>,
    /// Automatic restarts in a row.
    streak: u32,
    /// Ends within the window that were followed by an automatic restart.
    made: VecDeque<Instant>,
    /// Ends within the window that were to be followed by one.
    due: VecDeque<Instant>,
}

/// The accounts of workers that are brought back at all.
#[derive(Debug, Default)]
pub(super) struct RestartBudget {
    workers: Vec<Account>,
}

impl RestartBudget {
    pub(super) fn reset(&mut self) {
        self.workers.clear();
    }

    pub(super) fn ended(&mut self, id: WorkerId, at: Instant, outcome: &Outcome, case: &mut Case<'_>) {
        let Some(policy) = case.scene.names.spec(id).map(|spec| &spec.restart) else { return };
        if policy.when == RestartWhen::Never && !outcome.circuit_breaker {
            // It may have been on its way back with others.
            if let Some(account) = self.workers.get_mut(id.index()) {
                *account = Account::default();
            }
            return;
        }
        // A worker that did not become ready in time has failed to start, and nobody has asked for that.
        let was_late = outcome.requested_by == Some(Requester::Deadline) && outcome.reason == Reason::StartFailed;
        let is_asked = outcome.requested_by.is_some() && !was_late || outcome.unmet.is_some();
        let account = slot(&mut self.workers, id.index());
        account.until = None;
        let wrong = if outcome.circuit_breaker {
            account.last = Last::Tripped;
            account.wrongly_tripped(policy, at, is_asked)
        } else if is_asked {
            account.last = Last::Asked;
            None
        } else if policy.follows(outcome.state) {
            account.followed(policy, at, at.since(outcome.spawned_at), was_late)
        } else {
            account.last = Last::Unfollowed;
            None
        };
        if let Some(wrong) = wrong {
            report(id, &wrong, case);
        }
    }

    pub(super) fn backs_off(&mut self, id: WorkerId, until: Instant, case: &mut Case<'_>) {
        let Some(policy) = case.scene.names.spec(id).map(|spec| &spec.restart) else { return };
        let is_never = policy.when == RestartWhen::Never;
        let account = slot(&mut self.workers, id.index());
        account.until = Some(until);
        let wrong = match account.last {
            Last::Followed { at, wait } if until < at.after(wait) => {
                format!("ended at {at} and is to be started again at {until}, before its backoff of {wait:?} is over")
            }
            Last::Tripped => "is to be started again, and its circuit breaker has tripped".into(),
            Last::Unfollowed | Last::Asked if is_never || matches!(account.last, Last::Unfollowed) => {
                if returns_with_others(id, case.scene.names) {
                    return;
                }
                "is to be started again, which its policy does not provide for".into()
            }
            Last::Followed { .. } | Last::Unfollowed | Last::Asked => return,
        };
        report(id, &wrong, case);
    }

    pub(super) fn restarted(&mut self, id: WorkerId, at: Instant, case: &mut Case<'_>) {
        let Some(account) = self.workers.get_mut(id.index()) else { return };
        let Some(policy) = case.scene.names.spec(id).map(|spec| &spec.restart) else { return };
        let until = account.until.take();
        if let Some(until) = until.filter(|until| at < *until) {
            report(id, &format!("is started again before {until}, when its backoff is over"), case);
        }
        let Last::Followed { at: end, wait } = core::mem::take(&mut account.last) else { return };
        if until.is_none() && !wait.is_zero() {
            return;
        }
        account.streak = account.streak.saturating_add(1);
        forget(&mut account.made, policy.window, end);
        account.made.push_back(end);
        let (made, budget) = (account.made.len(), policy.budget);
        if made > budget as usize {
            report(id, &format!("is restarted {made} times within {:?}, its budget is {budget}", policy.window), case);
        }
    }
}

impl Account {
    /// An end that is to be followed by a restart: what is wrong with that.
    fn followed(&mut self, policy: &RestartPolicy, at: Instant, ran: Duration, was_late: bool) -> Option<String> {
        if ran >= policy.backoff.reset_after {
            self.streak = 0;
        }
        for ends in [&mut self.made, &mut self.due] {
            forget(ends, policy.window, at);
        }
        self.due.push_back(at);
        self.last = Last::Followed { at, wait: policy.backoff.wait(self.streak) };
        let made = self.made.len();
        // One that was forced because the session's time was up looks like one that was too slow to start.
        let is_used_up = made >= policy.budget as usize && !was_late;
        is_used_up.then(|| {
            let (budget, window) = (policy.budget, policy.window);
            format!("was restarted {made} times within {window:?}, its budget is {budget}, and its circuit breaker has not tripped")
        })
    }

    fn wrongly_tripped(&mut self, policy: &RestartPolicy, at: Instant, is_asked: bool) -> Option<String> {
        forget(&mut self.due, policy.window, at);
        let due = self.due.len();
        if is_asked || policy.when == RestartWhen::Never {
            return Some("has a circuit breaker that tripped, and nothing was to follow its end".into());
        }
        (due < policy.budget as usize).then(|| {
            format!("has a circuit breaker that tripped after {due} restarts, its budget is {}", policy.budget)
        })
    }
}

/// Ends that the window has left behind.
fn forget(ends: &mut VecDeque<Instant>, window: Duration, now: Instant) {
    while ends.front().is_some_and(|end| end.after(window) <= now) {
        ends.pop_front();
    }
}

#[cold]
fn report(id: WorkerId, wrong: &str, case: &mut Case<'_>) {
    let worker = case.scene.names.worker(id);
    case.report(OracleName::RestartBudget, worker, format!("{worker} {wrong}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::stage::{Stage, finished, group, outcome, plan, worker};
    use crate::vocab::{Backoff, ExitStatus, Strategy, WorkerSpec, WorkerState};

    const NAME: OracleName = OracleName::RestartBudget;

    /// Two restarts in a second, the first after 10 ms, the second after 20 ms.
    fn kept(when: RestartWhen) -> WorkerSpec {
        let ms = Duration::from_millis;
        let backoff = Backoff { initial: ms(10), reset_after: ms(500), ..Backoff::default() };
        let restart = RestartPolicy { when, budget: 2, window: ms(1_000), backoff, ..RestartPolicy::default() };
        WorkerSpec { restart, ..worker("a") }
    }

    fn failed() -> Outcome {
        outcome(WorkerState::Failed, ExitStatus::Exited(1), Reason::Natural)
    }

    fn lives(stage: &mut Stage, mut outcome: Outcome) {
        outcome.spawned_at = stage.now();
        let main = stage.starts("a");
        stage.exits("a", main, outcome.status);
        stage.ends("a", outcome);
    }

    /// Lives that fail one after the other, each told to come back after so many milliseconds; whether the last one trips.
    fn fails(waits_ms: &[u64], trips: bool) -> Stage {
        let mut stage = Stage::of_plan(plan([kept(RestartWhen::OnFailure)]));
        for wait in waits_ms {
            lives(&mut stage, failed());
            stage.backs_off("a", stage.now_ms() + wait);
            stage.wait_ms(*wait);
            stage.restarts("a");
        }
        lives(&mut stage, Outcome { circuit_breaker: trips, ..failed() });
        stage
    }

    #[test]
    fn the_circuit_breaker_trips_exactly_where_the_budget_is_used_up() {
        // waits before the restarts, whether the last end trips, whether that is right
        let rows: [(&[u64], bool, bool); 6] = [
            (&[10, 20], true, true),
            (&[10], true, false),
            (&[10], false, true),
            (&[10, 20], false, false),
            // The first has left the window when the last one ends.
            (&[10, 990], false, true),
            (&[10, 990], true, false),
        ];
        for (waits, trips, is_right) in rows {
            assert_eq!(fails(waits, trips).found().is_empty(), is_right, "{waits:?}, trips {trips}");
        }
    }

    #[test]
    fn restarts_beyond_the_budget_are_counted_in_a_window_that_slides() {
        let stage = fails(&[10, 20, 40], true);
        stage.assert_found(&[(NAME, "a")]);
        // Two in each second that a clock may cut, and three in one that it does not.
        fails(&[960, 20, 40], true).assert_found(&[(NAME, "a")]);
    }

    #[test]
    fn no_restart_comes_before_its_backoff_is_over() {
        for (waits, is_right) in [([10, 20], true), ([9, 20], false), ([10, 19], false), ([10, 30], true)] {
            assert_eq!(fails(&waits, true).found().is_empty(), is_right, "{waits:?}");
        }
        let mut stage = Stage::of_plan(plan([kept(RestartWhen::Always)]));
        lives(&mut stage, finished());
        stage.backs_off("a", 10);
        stage.wait_ms(9);
        stage.restarts("a");
        stage.assert_found(&[(NAME, "a")]);
    }

    #[test]
    fn a_run_that_was_stable_begins_with_the_first_wait_again() {
        for (ran, is_right) in [(499, false), (500, true)] {
            let mut stage = fails(&[10], false);
            stage.backs_off("a", stage.now_ms() + 20);
            stage.wait_ms(20);
            stage.restarts("a");
            let spawned_at = stage.now();
            let main = stage.starts("a");
            stage.wait_ms(ran + 600);
            stage.exits("a", main, ExitStatus::Exited(1));
            let spawned_at = spawned_at.after(Duration::from_millis(600));
            stage.ends("a", Outcome { spawned_at, ..failed() });
            stage.backs_off("a", stage.now_ms() + 10);
            assert_eq!(stage.found().is_empty(), is_right, "after {ran} ms");
        }
    }

    #[test]
    fn what_a_user_starts_again_costs_nothing() {
        let mut stage = fails(&[10, 20], true);
        for _ in 0..3 {
            stage.restarts("a");
            lives(&mut stage, Outcome { circuit_breaker: true, ..failed() });
        }
        stage.assert_clean();
        stage.rewind();
        for _ in 0..4 {
            lives(&mut stage, failed());
            stage.restarts("a");
        }
        stage.assert_clean();
    }

    #[test]
    fn nothing_is_brought_back_beyond_its_policy_unless_with_others() {
        for (strategy, is_right) in [(Strategy::OneForOne, false), (Strategy::OneForAll, true)] {
            for when in [RestartWhen::Never, RestartWhen::OnFailure] {
                let mut stage = Stage::of_plan(plan([kept(when), group("tree", strategy, &[0])]));
                stage.spawn_fact("tree");
                lives(&mut stage, finished());
                stage.backs_off("a", 100);
                assert_eq!(stage.found().is_empty(), is_right, "{strategy:?}, {when:?}");
            }
        }
    }

    #[test]
    fn a_stop_during_the_backoff_lets_the_next_start_come_at_any_time() {
        for when in [RestartWhen::Never, RestartWhen::Always] {
            let mut stage = Stage::of_plan(plan([kept(when), group("tree", Strategy::OneForAll, &[0])]));
            stage.spawn_fact("tree");
            lives(&mut stage, Outcome { requested_by: Some(Requester::Supervisor), ..finished() });
            stage.backs_off("a", 100);
            stage.called_off("a");
            stage.restarts("a");
            assert!(!stage.found().contains(&(NAME, "a".into())), "{when:?}");
        }
    }

    #[test]
    fn what_has_tripped_is_not_brought_back_not_even_with_others() {
        let mut stage = Stage::of_plan(plan([kept(RestartWhen::Always), group("tree", Strategy::OneForAll, &[0])]));
        stage.spawn_fact("tree");
        for _ in 0..2 {
            lives(&mut stage, failed());
            stage.backs_off("a", stage.now_ms() + 100);
            stage.wait_ms(100);
            stage.restarts("a");
        }
        lives(&mut stage, Outcome { circuit_breaker: true, ..failed() });
        stage.assert_clean();
        stage.backs_off("a", stage.now_ms() + 100);
        stage.assert_found(&[(NAME, "a")]);
    }
}
