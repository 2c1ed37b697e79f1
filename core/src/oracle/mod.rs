//! Built-in oracles: promises about lifecycles, one a file, judged without the user writing an assertion. Each is judged
//! where it falls due and looks only at what the step touched, so that all of them stay on in every simulation.
//!
//! An [`Audit`] sees the facts that machines publish, the deeds that the kernel reports, and the end. A user's async supervisor
//! publishes no facts: then deeds and the end suffice for what is checked. One `Audit` serves thousands of simulations.

mod all_waits_resolve;
mod end;
mod event_order;
#[cfg(test)]
mod fake;
mod findings;
mod monotone_stop;
mod name;
mod names;
mod no_fd_leak;
mod no_foreign_signal;
mod no_lost_output;
mod no_orphan;
mod no_spawn_after_stop;
mod no_unexpected;
mod no_zombie;
mod one_terminal_event;
mod quiescent_end;
mod recovery_converges;
mod restart_budget;
mod roster;
mod sink_never_blocks;
#[cfg(test)]
mod stage;
mod status_never_torn;
mod stop_deadline;
mod stop_order;
mod truthful_outcome;
mod wanted;

pub use end::{EndReason, EndState};
pub use findings::Violation;
pub use name::OracleName;
pub use names::Names;

use crate::ids::{UnitId, WorkerId};
use crate::time::{Duration, Instant};
use crate::vocab::{Deed, Fact, FactRecord, Subject, Truth};
use alloc::string::String;
use alloc::vec::Vec;
use findings::Findings;
use roster::Roster;

/// The world at the moment of a fact, a deed or the end.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The clock.
    pub now: Instant,
    /// The kernel.
    pub truth: &'a dyn Truth,
    /// The plan.
    pub names: &'a dyn Names,
}

/// What a step is judged with: the scene, what was told before, and where findings go.
struct Case<'a> {
    scene: &'a Scene<'a>,
    roster: &'a Roster,
    findings: &'a mut Findings,
    lag_max: Duration,
}

impl<'a> Case<'a> {
    fn report(&mut self, oracle: OracleName, subject: &str, message: String) {
        self.findings.report(oracle, subject, self.scene.now, message);
    }

    fn subject(&self, subject: Subject) -> &'a str {
        match subject {
            Subject::Session => "session",
            Subject::Worker(id) => self.scene.names.worker(id),
        }
    }
}

/// All oracles, what they remember, and what they found.
#[derive(Default)]
pub struct Audit {
    oracles: Oracles,
    /// By worker.
    books: Vec<Book>,
    roster: Roster,
    findings: Findings,
    lag_max: Duration,
}

/// What the oracles remember of one worker. It stands together because most facts concern several of them.
#[derive(Clone, Default)]
struct Book {
    line: event_order::Line,
    lives: one_terminal_event::Lives,
    given: stop_deadline::Given,
    told: truthful_outcome::Told,
    delivered: no_lost_output::Delivered,
}

#[derive(Default)]
struct Oracles {
    no_fd_leak: no_fd_leak::NoFdLeak,
    no_foreign_signal: no_foreign_signal::NoForeignSignal,
    no_orphan: no_orphan::NoOrphan,
    no_zombie: no_zombie::NoZombie,
    one_terminal_event: one_terminal_event::OneTerminalEvent,
    event_order: event_order::EventOrder,
    stop_deadline: stop_deadline::StopDeadline,
    quiescent_end: quiescent_end::QuiescentEnd,
    no_unexpected: no_unexpected::NoUnexpected,
    all_waits_resolve: all_waits_resolve::AllWaitsResolve,
    wanted: wanted::Wanted,
    status_never_torn: status_never_torn::StatusNeverTorn,
    recovery_converges: recovery_converges::RecoveryConverges,
    kept: no_lost_output::Kept,
}

impl Oracles {
    fn session_fact(&mut self, record: &FactRecord, books: &[Book], case: &mut Case<'_>) {
        match &record.fact {
            Fact::Started { .. } => self.one_terminal_event.session_started(),
            Fact::StopRequested { deadline, .. } => self.stop_deadline.session_requested(*deadline, case),
            Fact::SessionStopped => {
                self.one_terminal_event.session_stopped(books, case);
                self.stop_deadline.session_stopped(record.at, case);
                self.no_orphan.session_stopped(case);
                self.no_zombie.session_stopped(case);
                self.quiescent_end.session_stopped(case);
                self.all_waits_resolve.session_stopped();
            }
            Fact::Spawn
            | Fact::Ready
            | Fact::Unready
            | Fact::Signalled { .. }
            | Fact::Exited { .. }
            | Fact::OutputClosed
            | Fact::DrainAbandoned
            | Fact::Output { .. }
            | Fact::Request(_)
            | Fact::Action(_)
            | Fact::Backoff { .. }
            | Fact::Restarted
            | Fact::Ended(_) => {}
        }
    }

    fn worker_fact(&mut self, id: WorkerId, book: &mut Book, record: &FactRecord, case: &mut Case<'_>) {
        let Book { line: _, lives, given, told, delivered } = book;
        match &record.fact {
            Fact::Spawn => {
                self.one_terminal_event.spawned(id, lives, record.incarnation, case);
                told.spawned();
                *delivered = no_lost_output::Delivered::default();
            }
            Fact::Started { pid } => told.started(id, *pid, record.unit, case),
            Fact::StopRequested { by, deadline } => {
                self.stop_deadline.worker_requested(id, given, *deadline, case);
                told.stop_requested(*by);
            }
            Fact::Signalled { signal, .. } => told.signalled(*signal),
            Fact::Exited { status } => told.exited(id, *status, record.unit, case),
            Fact::Output { line, complete, .. } => delivered.output(line.len(), *complete),
            Fact::DrainAbandoned => delivered.abandoned = true,
            Fact::Ended(outcome) => {
                self.one_terminal_event.ended(id, lives, record, outcome, case);
                self.stop_deadline.worker_ended(id, given, record.at, case);
                told.ended(id, outcome, record.unit, case);
                delivered.ended(id, outcome, record.unit, case);
                self.no_orphan.worker_ended(record, outcome, case);
                quiescent_end::worker_ended(id, record.unit, case);
            }
            Fact::Ready | Fact::Unready | Fact::OutputClosed | Fact::Backoff { .. } | Fact::Restarted => {}
            Fact::Request(_) | Fact::Action(_) | Fact::SessionStopped => {}
        }
    }
}

impl Audit {
    /// Every oracle on, nothing seen yet.
    pub fn new() -> Audit {
        Audit::default()
    }

    /// Forgets the run. Allowances, whether they were ever used, the lag and all allocations stay.
    pub fn reset(&mut self) {
        self.oracles.no_fd_leak.reset();
        self.oracles.one_terminal_event.reset();
        self.oracles.event_order.reset();
        self.oracles.stop_deadline.reset();
        self.oracles.quiescent_end.reset();
        self.oracles.all_waits_resolve.reset();
        self.oracles.wanted.reset();
        self.oracles.status_never_torn.reset();
        self.oracles.recovery_converges.reset();
        self.oracles.kept.reset();
        self.books.clear();
        self.roster.reset();
        self.findings.reset();
    }

    /// So many workers are to come, with a process each: room is made for them and for no more.
    pub fn expect(&mut self, workers: usize) {
        self.books.resize(workers.min(WORKERS_MAX), Book::default());
        self.roster.expect(workers.min(WORKERS_MAX));
    }

    /// Switches an oracle off for a worker (and its processes), for one process `worker/name` or one task; without a subject, for all.
    pub fn allow(&mut self, oracle: OracleName, subject: Option<&str>) {
        self.findings.allow(oracle, subject);
    }

    /// How late timers may fire in this world: a deadline that is kept by a timer is judged so much later. Zero at first.
    pub fn set_lag_max(&mut self, lag_max: Duration) {
        self.lag_max = lag_max;
    }

    /// Whoever keeps a journal may be at work so long after the session has ended.
    pub fn expect_flush(&mut self, within: Duration) {
        self.oracles.quiescent_end.expect_flush(within);
        self.oracles.kept.reset();
    }

    fn split<'a>(&'a mut self, scene: &'a Scene<'a>) -> (&'a mut Oracles, &'a mut Vec<Book>, Case<'a>) {
        let case = Case { scene, roster: &self.roster, findings: &mut self.findings, lag_max: self.lag_max };
        (&mut self.oracles, &mut self.books, case)
    }

    /// A fact was published. Facts come in their order, each in the turn in which it became true.
    pub fn fact(&mut self, record: &FactRecord, scene: &Scene<'_>) {
        if let Fact::Spawn = record.fact {
            self.roster.spawned(record.unit);
        } else if let Fact::Ended(outcome) = &record.fact {
            self.roster.ended(record.unit, outcome, scene);
        }
        let (oracles, books, mut case) = self.split(scene);
        oracles.kept.fact();
        match record.subject {
            Subject::Session => {
                oracles.event_order.session_fact(record, &mut case);
                oracles.session_fact(record, books, &mut case);
                oracles.wanted.session_fact(record, &mut case);
            }
            Subject::Worker(id) if id.index() >= WORKERS_MAX => {
                let message = alloc::format!("a fact about worker {}: oracles follow at most {WORKERS_MAX}", id.0);
                case.report(OracleName::EventOrder, "session", message);
            }
            Subject::Worker(id) => {
                let book = slot(books, id.index());
                oracles.event_order.worker_fact(&mut book.line, record, &mut case);
                oracles.worker_fact(id, book, record, &mut case);
                oracles.wanted.worker_fact(id, record, &mut case);
            }
        }
    }

    /// Something happened in the kernel. Deeds come in their order.
    #[inline]
    pub fn deed(&mut self, deed: &Deed, scene: &Scene<'_>) {
        self.roster.deed(deed, scene.now);
        if let Deed::Signalled { to, signal, by } = deed {
            let (oracles, _, mut case) = self.split(scene);
            oracles.no_foreign_signal.signalled(*to, *signal, *by, &mut case);
        } else if let Deed::Reaped { who, by } = deed {
            let (oracles, _, case) = self.split(scene);
            oracles.no_fd_leak.reaped(*who, *by, &case);
        } else if self.oracles.recovery_converges.is_on() || self.oracles.no_fd_leak.is_on() {
            self.born_after(deed, scene);
        }
    }

    /// The task that owned this unit has ended and did not detach it. Call it before the host kills and reaps what is left.
    pub fn owner_ended(&mut self, task: &str, unit: UnitId, scene: &Scene<'_>) {
        let (oracles, _, mut case) = self.split(scene);
        oracles.no_orphan.owner_ended(task, unit, &mut case);
        oracles.no_zombie.owner_ended(task, unit, &mut case);
    }

    /// Nobody answers for this unit any more: it may outlive everything.
    pub fn detached(&mut self, unit: UnitId) {
        self.roster.detach(unit);
    }

    /// A machine met an event that its state has no answer for.
    pub fn unexpected(&mut self, who: &str, what: &str, scene: &Scene<'_>) {
        let (oracles, _, mut case) = self.split(scene);
        oracles.no_unexpected.unexpected(who, what, &mut case);
    }

    /// The run is over. Call it once, before the host kills or reaps what is left.
    pub fn end(&mut self, end: &EndState<'_>, scene: &Scene<'_>) {
        let (oracles, books, mut case) = self.split(scene);
        oracles.stop_deadline.end(end.reason, books, &mut case);
        if end.reason.is_over() {
            oracles.no_orphan.end(&mut case);
            oracles.no_zombie.end(&mut case);
            oracles.one_terminal_event.end(books, &mut case);
        }
        oracles.quiescent_end.end(end, &mut case);
        oracles.all_waits_resolve.end(end, &mut case);
    }

    /// What was found in this run, in the order in which it was found; each fingerprint once.
    pub fn violations(&self) -> &[Violation] {
        self.findings.violations()
    }

    /// How many more reports there were than [`violations`](Self::violations) keeps.
    pub fn violations_beyond(&self) -> u64 {
        self.findings.beyond()
    }

    /// Allowances that no run since [`new`](Self::new) has needed.
    pub fn allowed_unused(&self) -> Vec<(OracleName, Option<String>)> {
        self.findings.unused()
    }
}

/// The place of `index` in a table that grows as needed. Places that nobody asked for hold the default, which means: never heard of.
#[inline]
fn slot<T: Clone + Default>(table: &mut Vec<T>, index: usize) -> &mut T {
    if index >= table.len() {
        grow(table, index);
    }
    &mut table[index]
}

/// Once a run for a small session, not once a worker.
#[cold]
#[inline(never)]
fn grow<T: Clone + Default>(table: &mut Vec<T>, index: usize) {
    table.reserve(index + 1 - table.len());
    table.resize(table.capacity(), T::default());
}

/// Workers beyond this number are not followed: a user's task may emit facts about any number.
const WORKERS_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::stage::Stage;
    use super::*;

    #[test]
    fn an_audit_that_was_reset_judges_the_next_run_as_a_new_one() {
        let mut stage = Stage::new(&["a"]);
        for _ in 0..3 {
            stage.rewind();
            stage.whole_life("a");
            stage.session_stopped();
            stage.end(EndReason::SessionStopped);
            stage.assert_clean();
        }
    }

    #[test]
    fn an_async_supervisor_is_judged_by_deeds_and_the_end_alone() {
        let mut stage = Stage::new(&[]);
        let unit = UnitId(0);
        let main = stage.born("job/main", unit);
        stage.end(EndReason::RootReturned);
        stage.assert_found(&[(OracleName::NoOrphan, "job/main")]);
        stage.rewind();
        let main = {
            let _ = main;
            stage.born("job/main", unit)
        };
        stage.dies(main, crate::vocab::ExitStatus::Exited(0));
        stage.reaped(main);
        stage.end(EndReason::RootReturned);
        stage.assert_clean();
    }

    #[test]
    fn a_fact_about_a_worker_beyond_all_tables_is_refused_and_not_followed() {
        let mut stage = Stage::new(&["a"]);
        stage.raw_fact(Subject::Worker(WorkerId(u32::MAX)), 1, None, Fact::Spawn);
        stage.assert_found(&[(OracleName::EventOrder, "session")]);
    }
}
