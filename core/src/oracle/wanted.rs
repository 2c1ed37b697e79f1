//! The oracles that compare what happens with what was wanted: restarts, the order of things, and stops. They look at facts and at
//! the plan alone, and a session in which nobody depends on anybody and nobody is started again costs them next to nothing.

use crate::ids::WorkerId;
use crate::oracle::monotone_stop::MonotoneStop;
use crate::oracle::no_spawn_after_stop::NoSpawnAfterStop;
use crate::oracle::restart_budget::RestartBudget;
use crate::oracle::stop_order::StopOrder;
use crate::oracle::{Case, Names};
use crate::vocab::{Body, Fact, FactRecord, Strategy};

/// These oracles together.
#[derive(Default)]
pub(super) struct Wanted {
    no_spawn_after_stop: NoSpawnAfterStop,
    restart_budget: RestartBudget,
    stop_order: StopOrder,
    monotone_stop: MonotoneStop,
}

impl Wanted {
    pub(super) fn reset(&mut self) {
        self.no_spawn_after_stop.reset();
        self.restart_budget.reset();
        self.stop_order.reset();
        self.monotone_stop.reset();
    }

    pub(super) fn session_fact(&mut self, record: &FactRecord, case: &mut Case<'_>) {
        match &record.fact {
            Fact::StopRequested { .. } => {
                self.no_spawn_after_stop.session_requested();
                self.monotone_stop.session_requested();
            }
            Fact::Started { .. } => self.monotone_stop.session_started(case),
            Fact::Spawn | Fact::Ready | Fact::Unready | Fact::Signalled { .. } => {}
            Fact::Exited { .. } | Fact::OutputClosed | Fact::DrainAbandoned | Fact::Output { .. } => {}
            Fact::Backoff { .. } | Fact::Restarted | Fact::Ended(_) | Fact::SessionStopped | Fact::Request(_) => {}
            Fact::Action(_) => {}
        }
    }

    #[inline]
    pub(super) fn worker_fact(&mut self, id: WorkerId, record: &FactRecord, case: &mut Case<'_>) {
        let fact = &record.fact;
        match fact {
            // Most facts of most sessions are these.
            Fact::Output { .. } | Fact::OutputClosed | Fact::DrainAbandoned | Fact::SessionStopped => return,
            Fact::Request(_) | Fact::Action(_) => return,
            Fact::Spawn => self.no_spawn_after_stop.begins(id, fact, case),
            Fact::StopRequested { .. } => {
                self.no_spawn_after_stop.worker_requested(id, case);
                self.monotone_stop.worker_requested(id);
            }
            Fact::Ended(outcome) => {
                self.monotone_stop.ended(id);
                self.no_spawn_after_stop.ended(id, outcome);
                self.restart_budget.ended(id, record.at, outcome, case);
            }
            Fact::Backoff { until } => {
                self.no_spawn_after_stop.begins(id, fact, case);
                self.restart_budget.backs_off(id, *until, case);
            }
            Fact::Restarted => {
                self.no_spawn_after_stop.begins(id, fact, case);
                self.restart_budget.restarted(id, record.at, case);
            }
            Fact::Started { .. } => self.monotone_stop.started(id),
            Fact::Ready => self.monotone_stop.ready(id, case),
            Fact::Signalled { signal, target, by } => self.monotone_stop.signalled(id, *signal, *target, *by, case),
            Fact::Unready | Fact::Exited { .. } => {}
        }
        self.stop_order.worker_fact(id, fact, case);
    }
}

/// Whether its supervisor brings children back together, so that its own policy does not decide alone. For reports: it looks at all.
#[cold]
pub(super) fn returns_with_others(id: WorkerId, names: &dyn Names) -> bool {
    let Some(plan) = names.plan() else { return false };
    plan.workers.iter().any(|worker| match &worker.body {
        Body::Supervisor(spec) => spec.strategy != Strategy::OneForOne && spec.children.contains(&id),
        Body::Process(_) | Body::PuppetTask(_) | Body::Function(_) | Body::Proxy(_) => false,
    })
}
