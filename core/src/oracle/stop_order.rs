//! stop-order: nobody is asked to stop while somebody who depends on it, or whom its `stop-after` names, is not over; and nobody is
//! spawned before what its `after` names has come true. A dependency that goes first takes the end of its dependents out of their hands.
//!
//! Force knows no order: a kill, a second interrupt or a deadline. Neither does a user who stops one worker. Of children that are
//! stopped for the sake of a sibling, only those who depend on each other are held to it.

use crate::ids::WorkerId;
use crate::oracle::{Case, Names, OracleName, slot};
use crate::vocab::{Body, Condition, Fact, Outcome, Requester, StopOrder as Order, Strategy, WorkerState};
use alloc::format;
use alloc::vec::Vec;

/// How far a worker has come: a bit for each condition, kept over restarts.
#[derive(Clone, Copy, Debug, Default)]
struct Come {
    conditions: u8,
    /// It was spawned and is not over.
    lives: bool,
    /// A user wants it down, whoever else does.
    unwanted: bool,
    /// So many who depend on it were spawned and are not over.
    users: u32,
}

impl Come {
    fn to(&mut self, condition: Condition) {
        self.conditions |= 1 << condition as u8;
    }

    fn has(self, condition: Condition) -> bool {
        self.conditions & 1 << condition as u8 != 0
    }
}

/// Whether there is any order to be kept: a plan without costs one look at it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Regime {
    #[default]
    Unknown,
    Free,
    Ordered,
}

/// Where everybody stands, in plans that know an order.
#[derive(Debug, Default)]
pub(super) struct StopOrder {
    regime: Regime,
    workers: Vec<Come>,
}

impl StopOrder {
    pub(super) fn reset(&mut self) {
        self.regime = Regime::Unknown;
        self.workers.clear();
    }

    /// A fact that bears on an order.
    #[inline]
    pub(super) fn worker_fact(&mut self, id: WorkerId, fact: &Fact, case: &mut Case<'_>) {
        if self.regime == Regime::Unknown {
            self.regime = regime(case.scene.names);
        }
        if self.regime == Regime::Ordered {
            self.ordered(id, fact, case);
        }
    }

    fn ordered(&mut self, id: WorkerId, fact: &Fact, case: &mut Case<'_>) {
        let come = slot(&mut self.workers, id.index());
        match fact {
            Fact::Spawn => self.spawned(id, case),
            Fact::Started { .. } => {
                come.to(Condition::Started);
                // Without a probe ready is started, whether or not it is told.
                if case.scene.names.spec(id).is_some_and(|spec| spec.ready.is_none()) && !case.scene.names.is_group(id)
                {
                    come.to(Condition::Ready);
                }
            }
            Fact::Ready => come.to(Condition::Ready),
            Fact::Exited { .. } => come.to(Condition::Exited),
            Fact::StopRequested { by, .. } => {
                come.unwanted |= *by == Requester::User;
                self.requested(id, *by, case);
            }
            Fact::Ended(outcome) => self.ended(id, outcome, case.scene.names),
            Fact::Unready | Fact::Signalled { .. } | Fact::OutputClosed | Fact::DrainAbandoned => {}
            Fact::Output { .. } | Fact::Backoff { .. } | Fact::Restarted | Fact::SessionStopped => {}
            Fact::Request(_) | Fact::Action(_) => {}
        }
    }

    fn spawned(&mut self, id: WorkerId, case: &mut Case<'_>) {
        let Some(spec) = case.scene.names.spec(id) else { return };
        self.workers[id.index()].unwanted = false;
        let was_alive = core::mem::replace(&mut self.workers[id.index()].lives, true);
        for dependency in &spec.after {
            let on = slot(&mut self.workers, dependency.on.index());
            on.users += u32::from(!was_alive);
            if !on.has(dependency.until) {
                let (worker, on) = (case.scene.names.worker(id), case.scene.names.worker(dependency.on));
                let message =
                    format!("{worker} is spawned before {on} was {}, which it waits for", word(dependency.until));
                case.report(OracleName::StopOrder, worker, message);
            }
        }
        if let Body::Supervisor(supervisor) = &spec.body {
            // It starts them anew, each when it may.
            for child in &supervisor.children {
                slot(&mut self.workers, child.index()).conditions = 0;
            }
        }
    }

    fn ended(&mut self, id: WorkerId, outcome: &Outcome, names: &dyn Names) {
        let come = &mut self.workers[id.index()];
        come.to(Condition::Exited);
        if outcome.state == WorkerState::Finished {
            come.to(Condition::Succeeded);
        }
        if outcome.requested_by == Some(Requester::Supervisor) && !core::mem::take(&mut come.unwanted) {
            // It was stopped to be started anew, and those who wait for it wait for that.
            come.conditions = 0;
        }
        if core::mem::take(&mut come.lives)
            && let Some(spec) = names.spec(id)
        {
            for dependency in &spec.after {
                slot(&mut self.workers, dependency.on.index()).users -= 1;
            }
        }
    }

    fn requested(&mut self, id: WorkerId, by: Requester, case: &mut Case<'_>) {
        let is_judged = match by {
            Requester::Parent | Requester::Supervisor => true,
            Requester::User | Requester::Deadline | Requester::SecondInterrupt => false,
            Requester::BackendLost | Requester::Policy => false,
        };
        let Some(plan) = case.scene.names.plan().filter(|_| is_judged) else { return };
        if self.workers[id.index()].users > 0 && plan.order == Order::ReverseDependency {
            self.used_still(id, by, case);
        }
        let stop_after = plan.workers.get(id.index()).map_or(&[][..], |spec| &spec.stop_after);
        // Of those who are stopped for a sibling's sake, who may be named is not among them.
        if by == Requester::Parent
            && let Some(first) = stop_after.iter().find(|first| self.lives(**first))
        {
            too_early(id, *first, "whom its `stop-after` names", case);
        }
    }

    /// Somebody who depends on it lives: whoever is to be stopped by the same hand.
    #[cold]
    fn used_still(&self, id: WorkerId, by: Requester, case: &mut Case<'_>) {
        let Some(plan) = case.scene.names.plan() else { return };
        for (n, spec) in plan.workers.iter().enumerate() {
            let user = WorkerId(n as u32);
            let depends = self.lives(user) && spec.after.iter().any(|dependency| dependency.on == id);
            if depends && (by == Requester::Parent || stop_together(id, user, case.scene.names)) {
                return too_early(id, user, "which depends on it", case);
            }
        }
    }

    fn lives(&self, id: WorkerId) -> bool {
        self.workers.get(id.index()).is_some_and(|come| come.lives)
    }
}

#[cold]
fn too_early(id: WorkerId, before: WorkerId, which: &str, case: &mut Case<'_>) {
    let (worker, before) = (case.scene.names.worker(id), case.scene.names.worker(before));
    case.report(
        OracleName::StopOrder,
        worker,
        format!("{worker} is asked to stop before the end of {before}, {which}"),
    );
}

/// Whether a supervisor that stops the one for a sibling's sake stops the other too.
fn stop_together(one: WorkerId, other: WorkerId, names: &dyn Names) -> bool {
    let Some(plan) = names.plan() else { return false };
    plan.workers.iter().any(|worker| match &worker.body {
        Body::Supervisor(spec) => {
            let place = |of: WorkerId| spec.children.iter().position(|child| *child == of);
            match (spec.strategy, place(one), place(other)) {
                (Strategy::OneForAll, Some(_), Some(_)) => true,
                (Strategy::RestForOne, Some(one), Some(other)) => one < other,
                (Strategy::OneForOne, ..) | (Strategy::OneForAll | Strategy::RestForOne, ..) => false,
            }
        }
        Body::Process(_) | Body::PuppetTask(_) | Body::Function(_) | Body::Proxy(_) => false,
    })
}

fn regime(names: &dyn Names) -> Regime {
    let is_ordered = names
        .plan()
        .is_some_and(|plan| plan.workers.iter().any(|spec| !(spec.after.is_empty() && spec.stop_after.is_empty())));
    if is_ordered { Regime::Ordered } else { Regime::Free }
}

const fn word(condition: Condition) -> &'static str {
    match condition {
        Condition::Started => "started",
        Condition::Ready => "ready",
        Condition::Exited => "over",
        Condition::Succeeded => "over with success",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::stage::{Stage, finished, group, outcome, plan, worker};
    use crate::vocab::{Dependency, ExitStatus, Probe, ReadyPolicy, Reason, SessionSpec, WorkerSpec};
    use alloc::sync::Arc;

    const NAME: OracleName = OracleName::StopOrder;

    fn after(name: &str, on: u32, until: Condition) -> WorkerSpec {
        WorkerSpec { after: alloc::vec![Dependency { on: WorkerId(on), until }], ..worker(name) }
    }

    fn db_and_server() -> SessionSpec {
        plan([worker("db"), after("server", 0, Condition::Started)])
    }

    #[test]
    fn a_dependency_is_asked_to_stop_when_its_dependents_are_over() {
        // who asks for the stop of the db, whether that is held to the order
        let rows = [
            (Requester::Parent, true),
            (Requester::User, false),
            (Requester::Deadline, false),
            (Requester::SecondInterrupt, false),
        ];
        for (by, is_judged) in rows {
            for server_is_over in [false, true] {
                let mut stage = Stage::of_plan(db_and_server());
                stage.starts("db");
                let server = stage.starts("server");
                if server_is_over {
                    stage.exits("server", server, ExitStatus::Exited(0));
                    stage.ends("server", finished());
                }
                stage.stop_requested_by("db", by, 1_000);
                let is_found = stage.found() == [(NAME, "db".into())];
                assert_eq!(is_found, is_judged && !server_is_over, "{by:?}, server is over: {server_is_over}");
            }
        }
    }

    #[test]
    fn a_parallel_stop_keeps_only_the_edges_that_were_asked_for() {
        let first = WorkerSpec { stop_after: alloc::vec![WorkerId(1)], ..worker("first") };
        for (name, is_found) in [("db", false), ("first", true)] {
            let mut session = plan([worker("db"), after("server", 0, Condition::Started), first.clone()]);
            session.order = Order::Parallel;
            let mut stage = Stage::of_plan(session);
            stage.starts("db");
            stage.starts("server");
            stage.starts("first");
            stage.stop_requested(name, 1_000);
            assert_eq!(stage.found() == [(NAME, name.into())], is_found, "{name}");
        }
    }

    #[test]
    fn nobody_is_spawned_before_what_it_waits_for_has_come_true() {
        let probed = |name| WorkerSpec { ready: Some(Arc::new(ReadyPolicy::new(Probe::Notify))), ..worker(name) };
        let rows: [(Condition, bool, &str, bool); 9] = [
            // until, whether the db has a probe, how far it has come, whether that is enough
            (Condition::Started, true, "spawned", false),
            (Condition::Started, true, "started", true),
            (Condition::Ready, true, "started", false),
            (Condition::Ready, true, "ready", true),
            (Condition::Ready, false, "started", true),
            (Condition::Exited, false, "started", false),
            (Condition::Exited, false, "failed", true),
            (Condition::Succeeded, false, "failed", false),
            (Condition::Succeeded, false, "finished", true),
        ];
        for (until, has_probe, come, is_enough) in rows {
            let db = if has_probe { probed("db") } else { worker("db") };
            let mut stage = Stage::of_plan(plan([db, after("server", 0, until)]));
            match come {
                "spawned" => stage.spawn_fact("db"),
                "started" => stage.starts_function("db"),
                "ready" => {
                    stage.starts_function("db");
                    stage.ready("db");
                }
                _ => {
                    let main = stage.starts("db");
                    let code = u8::from(come == "failed");
                    stage.exits("db", main, ExitStatus::Exited(code));
                    let failed = outcome(WorkerState::Failed, ExitStatus::Exited(1), Reason::Natural);
                    stage.ends("db", if code == 0 { finished() } else { failed });
                }
            }
            stage.spawn_fact("server");
            assert_eq!(stage.found().is_empty(), is_enough, "{until:?}: {come}");
        }
    }

    #[test]
    fn what_is_stopped_for_a_sibling_is_waited_for_anew() {
        let mut stage = Stage::of_plan(plan([
            worker("db"),
            after("server", 0, Condition::Started),
            group("tree", Strategy::OneForAll, &[0, 1]),
        ]));
        stage.spawn_fact("tree");
        let db = stage.starts("db");
        stage.stop_requested_by("db", Requester::Supervisor, 1_000);
        stage.exits("db", db, ExitStatus::Exited(0));
        let asked = outcome(WorkerState::Stopped, ExitStatus::Exited(0), Reason::Natural);
        stage.ends("db", Outcome { requested_by: Some(Requester::Supervisor), ..asked });
        stage.assert_clean();
        stage.spawn_fact("server");
        stage.assert_found(&[(NAME, "server")]);
    }

    #[test]
    fn siblings_that_are_stopped_together_go_in_their_order() {
        // strategy, the places of db and server among its children, whether the db must wait
        let rows = [
            (Strategy::OneForAll, [0, 1], true),
            (Strategy::OneForAll, [1, 0], true),
            (Strategy::RestForOne, [0, 1], true),
            (Strategy::RestForOne, [1, 0], false),
        ];
        for (strategy, children, must_wait) in rows {
            let [db, server] = [worker("db"), after("server", 0, Condition::Started)];
            let mut stage = Stage::of_plan(plan([db, server, group("tree", strategy, &children)]));
            stage.spawn_fact("tree");
            stage.starts("db");
            stage.starts("server");
            stage.stop_requested_by("db", Requester::Supervisor, 1_000);
            assert_eq!(stage.found() == [(NAME, "db".into())], must_wait, "{strategy:?} of {children:?}");
        }
    }
}
