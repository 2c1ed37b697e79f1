//! no-spawn-after-stop: whoever was asked to end starts nobody any more. Not the session, not a supervisor, not a restart that was on
//! its way: what is started behind the back of a stop is found by nobody, or keeps the stop from ever being over.
//!
//! Facts show no manual start: after the stop of one worker by a user a spawn may be right. A backoff is not: nobody asks for one.

use crate::ids::WorkerId;
use crate::oracle::wanted::returns_with_others;
use crate::oracle::{Case, Names, OracleName, slot};
use crate::vocab::{Body, Fact, Outcome, Requester};
use alloc::format;
use alloc::vec::Vec;

/// Why a worker must not be started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Bar {
    #[default]
    None,
    /// A user has stopped it: somebody may start it, its policy may not.
    ByUser,
    /// Its parent has stopped it, and has not begun anew since.
    ByParent,
    /// Its supervisor is asked to end.
    SupervisorAsked,
}

/// Who must not be started.
#[derive(Debug, Default)]
pub(super) struct NoSpawnAfterStop {
    session_asked: bool,
    workers: Vec<Bar>,
}

impl NoSpawnAfterStop {
    pub(super) fn reset(&mut self) {
        self.session_asked = false;
        self.workers.clear();
    }

    pub(super) fn session_requested(&mut self) {
        self.session_asked = true;
    }

    /// A supervisor that is asked to end starts none of its children.
    pub(super) fn worker_requested(&mut self, id: WorkerId, case: &Case<'_>) {
        self.bar_children(id, Bar::SupervisorAsked, case.scene.names);
    }

    pub(super) fn ended(&mut self, id: WorkerId, outcome: &Outcome) {
        let bar = match outcome.requested_by {
            Some(Requester::Parent) => Bar::ByParent,
            Some(Requester::User) => Bar::ByUser,
            // A supervisor stops one child for the sake of another, to start both; a start that took too long may be tried again.
            Some(Requester::Supervisor | Requester::Deadline | Requester::BackendLost | Requester::Policy) => return,
            // The session itself is asked to end.
            Some(Requester::SecondInterrupt) | None => return,
        };
        let barred = slot(&mut self.workers, id.index());
        if *barred != Bar::SupervisorAsked {
            *barred = bar;
        }
    }

    /// `spawn`, or the announcement of one: `backoff`, `restarted`.
    pub(super) fn begins(&mut self, id: WorkerId, fact: &Fact, case: &mut Case<'_>) {
        let bar = self.workers.get(id.index()).copied().unwrap_or_default();
        if (self.session_asked || bar != Bar::None)
            && let Some(why) = self.wrong(id, bar, fact, case)
        {
            let worker = case.scene.names.worker(id);
            case.report(
                OracleName::NoSpawnAfterStop,
                worker,
                format!("`{}` of {worker} comes after {why}", fact.word()),
            );
        }
        if matches!(fact, Fact::Spawn) {
            if bar != Bar::None {
                self.workers[id.index()] = Bar::None;
            }
            self.bar_children(id, Bar::None, case.scene.names);
        }
    }

    fn wrong(&self, id: WorkerId, bar: Bar, fact: &Fact, case: &Case<'_>) -> Option<&'static str> {
        if self.session_asked {
            return Some("the session was asked to stop");
        }
        match bar {
            Bar::None => None,
            Bar::SupervisorAsked => Some("its supervisor was asked to stop"),
            Bar::ByParent => Some("its parent had stopped it, and was not started again itself"),
            Bar::ByUser => {
                // One that a user restarts while others are brought back together comes back with them.
                let by_policy = matches!(fact, Fact::Backoff { .. }) && !returns_with_others(id, case.scene.names);
                by_policy.then_some("a user had stopped it, and nobody starts with a backoff")
            }
        }
    }

    fn bar_children(&mut self, id: WorkerId, bar: Bar, names: &dyn Names) {
        let Some(spec) = names.spec(id) else { return };
        match &spec.body {
            Body::Supervisor(supervisor) => {
                for child in &supervisor.children {
                    *slot(&mut self.workers, child.index()) = bar;
                }
            }
            Body::Process(_) | Body::PuppetTask(_) | Body::Function(_) | Body::Proxy(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::stage::{Stage, group, plan, stopped, worker};
    use crate::signal::Signal;
    use crate::vocab::{ExitStatus, Strategy};

    const NAME: OracleName = OracleName::NoSpawnAfterStop;

    /// Started, stopped by `by` and over.
    fn is_stopped(stage: &mut Stage, worker: &str, by: Requester) {
        let main = stage.starts(worker);
        stage.stop_requested_by(worker, by, 1_000);
        stage.signals(main, Signal::TERM, worker);
        stage.exits(worker, main, ExitStatus::Signalled { signal: Signal::TERM, core: false });
        let mut outcome = stopped();
        outcome.requested_by = Some(by);
        stage.ends(worker, outcome);
    }

    #[test]
    fn nothing_is_spawned_once_the_session_is_asked_to_stop() {
        let mut stage = Stage::new(&["a", "b"]);
        stage.whole_life("a");
        stage.session_stop_requested(1_000);
        stage.assert_clean();
        stage.whole_life("b");
        stage.assert_found(&[(NAME, "b")]);
    }

    #[test]
    fn a_restart_that_was_on_its_way_is_called_off_by_the_stop() {
        let mut stage = Stage::new(&["a"]);
        stage.whole_life("a");
        stage.backs_off("a", 100);
        stage.session_stop_requested(1_000);
        stage.called_off("a");
        stage.assert_clean();
        stage.rewind();
        stage.whole_life("a");
        stage.backs_off("a", 100);
        stage.session_stop_requested(1_000);
        stage.restarts("a");
        stage.assert_found(&[(NAME, "a")]);
    }

    #[test]
    fn who_stopped_it_decides_what_may_follow() {
        // by whom, whether it may be restarted, and with a backoff
        let rows = [
            (Requester::Parent, false, false),
            (Requester::User, true, false),
            (Requester::Supervisor, true, true),
            (Requester::Deadline, true, true),
        ];
        for (by, may_restart, may_back_off) in rows {
            for backs_off in [false, true] {
                let mut stage = Stage::new(&["a"]);
                is_stopped(&mut stage, "a", by);
                if backs_off {
                    stage.backs_off("a", 100);
                }
                stage.restarts("a");
                stage.whole_life("a");
                let is_clean = if backs_off { may_back_off } else { may_restart };
                assert_eq!(stage.found().is_empty(), is_clean, "{by:?}, backoff {backs_off}");
            }
        }
    }

    #[test]
    fn what_a_supervisor_has_stopped_comes_back_when_it_is_started_again_itself() {
        for is_started_again in [true, false] {
            let mut stage = Stage::of_plan(plan([group("tree", Strategy::OneForOne, &[1]), worker("a")]));
            stage.spawn_fact("tree");
            is_stopped(&mut stage, "a", Requester::Parent);
            stage.ends("tree", stopped());
            if is_started_again {
                stage.restarts("tree");
                stage.spawn_fact("tree");
            }
            stage.restarts("a");
            assert_eq!(stage.found().contains(&(NAME, "a".into())), !is_started_again);
        }
    }

    #[test]
    fn a_supervisor_that_is_asked_to_stop_starts_nobody() {
        let mut stage = Stage::of_plan(plan([group("tree", Strategy::OneForAll, &[1]), worker("a"), worker("b")]));
        stage.spawn_fact("tree");
        stage.whole_life("a");
        stage.backs_off("a", 100);
        stage.stop_requested("tree", 1_000);
        stage.wait_ms(100);
        stage.whole_life("b");
        stage.assert_clean();
        stage.restarts("a");
        stage.assert_found(&[(NAME, "a")]);
    }

    #[test]
    fn a_user_who_restarts_one_of_those_that_come_back_together_waits_with_them() {
        for (strategy, is_clean) in
            [(Strategy::OneForAll, true), (Strategy::RestForOne, true), (Strategy::OneForOne, false)]
        {
            let mut stage = Stage::of_plan(plan([group("tree", strategy, &[1]), worker("a")]));
            stage.spawn_fact("tree");
            is_stopped(&mut stage, "a", Requester::User);
            stage.backs_off("a", 100);
            assert_eq!(stage.found().is_empty(), is_clean, "{strategy:?}");
        }
    }
}
