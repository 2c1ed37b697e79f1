//! quiescent-end: no task, timer, machine or pipe writer is left when it is over. What is left acts on a world that believes
//! itself at rest.

use crate::ids::{UnitId, WorkerId};
use crate::oracle::{Case, EndState, OracleName};
use crate::time::{Duration, Instant};
use crate::vocab::Sockets;
use alloc::format;
use alloc::string::String;

/// Remembers when the session told its end: from then on nothing of it may happen.
#[derive(Debug, Default)]
pub(super) struct QuiescentEnd {
    stopped: Option<Stopped>,
    /// So long a journal may be written after that.
    flush: Duration,
}

/// The session's `stopped`.
#[derive(Clone, Copy, Debug)]
struct Stopped {
    at: Instant,
    /// No process was alive then, so that none can be what goes on.
    is_alone: bool,
}

impl QuiescentEnd {
    pub(super) fn reset(&mut self) {
        *self = QuiescentEnd::default();
    }

    pub(super) fn expect_flush(&mut self, within: Duration) {
        self.flush = within;
    }

    pub(super) fn session_stopped(&mut self, case: &mut Case<'_>) {
        let is_alone = case.scene.truth.living_in_all() == 0;
        self.stopped.get_or_insert(Stopped { at: case.scene.now, is_alone });
    }

    /// A run that had to be cut off, or got stuck, is judged where the session had said that it is over.
    pub(super) fn end(&mut self, end: &EndState<'_>, case: &mut Case<'_>) {
        if !end.reason.is_over() && self.stopped.is_none() {
            return;
        }
        for task in end.tasks {
            case.report(OracleName::QuiescentEnd, task, format!("the task {task} still lives at the end of the run"));
        }
        for machine in end.machines_open {
            case.report(OracleName::QuiescentEnd, machine, format!("{machine} is not closed at the end of the run"));
        }
        if end.timers > 0 {
            let message = format!("{} still armed at the end of the run", count(end.timers, "timer is", "timers are"));
            case.report(OracleName::QuiescentEnd, "session", message);
        }
        if end.tasks.is_empty() && end.machines_open.is_empty() && end.timers == 0 {
            self.went_on(case);
        }
        // Only the living hold pipes.
        if case.scene.truth.living_in_all() > 0 {
            writers(case);
        }
    }

    /// A run ends when its last timer has fired: one that was left is seen by the time that has passed.
    fn went_on(&self, case: &mut Case<'_>) {
        let Some(Stopped { at, is_alone: true }) = self.stopped else { return };
        let now = case.scene.now;
        if now > at.after(case.lag_max).after(self.flush) {
            let message =
                format!("the session stopped at {at}, and a task or timer of it was still at work until {now}");
            case.report(OracleName::QuiescentEnd, "session", message);
        }
    }
}

/// A worker has told its end: what it had open in the network is closed. Whoever binds its port next would fail otherwise, and whoever is
/// still connected would wait for ever.
pub(super) fn worker_ended(id: WorkerId, unit: Option<UnitId>, case: &mut Case<'_>) {
    let Sockets { connections, listens } = unit.map_or_else(Sockets::default, |unit| case.scene.truth.sockets(unit));
    let worker = case.scene.names.worker(id);
    if listens {
        case.report(OracleName::QuiescentEnd, worker, format!("{worker} has ended, and its port is not free"));
    }
    if connections > 0 {
        let open = count(connections, "connection is", "connections are");
        case.report(OracleName::QuiescentEnd, worker, format!("{worker} has ended, and {open} open"));
    }
}

/// Units whose output somebody still holds, those excepted whose outcome named whom it left.
fn writers(case: &mut Case<'_>) {
    let (truth, roster) = (case.scene.truth, case.roster);
    for (id, unit) in roster.units() {
        let held = truth.writers(id);
        if held > 0 && !unit.gave_up && !unit.detached {
            let name = unit_name(id, case);
            let held = count(held, "write end is", "write ends are");
            let message = format!("the output of {name} is still open at the end of the run: {held} held");
            case.report(OracleName::QuiescentEnd, &name, message);
        }
    }
}

/// The worker-scoped prefix of its leader's name: `api` of `api/main`.
fn unit_name(id: UnitId, case: &Case<'_>) -> String {
    let truth = case.scene.truth;
    match truth.leader(id) {
        Some(leader) => {
            let name = truth.process(leader).name;
            name.split_once('/').map_or(name, |(worker, _)| worker).into()
        }
        None => "session".into(),
    }
}

fn count(n: u32, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::stage::{Stage, finished};
    use crate::oracle::{EndReason, OracleName};
    use crate::vocab::ExitStatus;

    const NAME: OracleName = OracleName::QuiescentEnd;

    fn end<'a>(tasks: &'a [&'a str], timers: u32, machines_open: &'a [&'a str], reason: EndReason) -> EndState<'a> {
        EndState { tasks, timers, machines_open, waiters: &[], unanswered: &[], reason }
    }

    #[test]
    fn a_port_or_a_connection_that_outlives_its_proxy_is_named() {
        for (sockets, message) in [
            (Sockets { connections: 0, listens: true }, "edge has ended, and its port is not free"),
            (Sockets { connections: 1, listens: false }, "edge has ended, and 1 connection is open"),
            (Sockets { connections: 2, listens: false }, "edge has ended, and 2 connections are open"),
        ] {
            let mut stage = Stage::new(&["edge"]);
            stage.truth.sockets = sockets;
            stage.whole_life("edge");
            stage.assert_found(&[(NAME, "edge")]);
            assert_eq!(stage.audit.violations()[0].message, message);
        }
    }

    #[test]
    fn tasks_timers_and_machines_that_are_left_are_named() {
        let mut stage = Stage::new(&["api"]);
        stage.whole_life("api");
        stage.end_with(&end(&["watcher"], 2, &["api"], EndReason::RootReturned));
        stage.assert_found(&[(NAME, "watcher"), (NAME, "api"), (NAME, "session")]);
        assert_eq!(stage.audit.violations()[2].message, "2 timers are still armed at the end of the run");
    }

    #[test]
    fn a_pipe_writer_that_is_left_is_named_by_its_worker() {
        let mut stage = Stage::new(&[]);
        let main = stage.born("job/main", UnitId(0));
        stage.dies(main, ExitStatus::Exited(0));
        stage.reaped(main);
        stage.born("job/helper", UnitId(0));
        stage.truth.set_writers(UnitId(0), 2);
        stage.end(EndReason::RootReturned);
        stage.assert_found(&[(OracleName::NoOrphan, "job/helper"), (NAME, "job")]);
    }

    #[test]
    fn a_writer_whose_unit_named_its_holders_is_excepted() {
        let mut stage = Stage::new(&["api"]);
        let main = stage.starts("api");
        let holder = stage.born("api/holder", UnitId(0));
        stage.exits_abandoned("api", main, ExitStatus::Exited(0));
        let mut outcome = finished();
        outcome.holders = alloc::vec![stage.survivor(holder)];
        outcome.output.abandoned = true;
        stage.ends("api", outcome);
        stage.truth.set_writers(UnitId(0), 1);
        stage.session_stopped();
        stage.end(EndReason::SessionStopped);
        stage.assert_clean();
    }

    #[test]
    fn a_run_that_is_stuck_is_not_blamed_for_what_waits() {
        let mut stage = Stage::new(&[]);
        stage.end_with(&end(&["waiter"], 0, &[], EndReason::Stuck));
        stage.assert_clean();
    }

    #[test]
    fn what_keeps_a_run_going_after_the_session_stopped_is_named() {
        for reason in [EndReason::Cut, EndReason::Stuck] {
            let mut stage = Stage::new(&["api"]);
            stage.whole_life("api");
            stage.session_stopped();
            stage.wait_ms(60_000);
            stage.end_with(&end(&["watcher"], 1, &[], reason));
            stage.assert_found(&[(NAME, "watcher"), (NAME, "session")]);
        }
    }

    #[test]
    fn a_timer_that_fires_after_the_session_stopped_is_seen_by_the_time_that_passed() {
        for (went_on_ms, found) in [(0, false), (1, true)] {
            let mut stage = Stage::new(&["api"]);
            stage.whole_life("api");
            stage.session_stopped();
            stage.wait_ms(went_on_ms);
            stage.end(EndReason::SessionStopped);
            assert_eq!(stage.found() == [(NAME, "session".into())], found, "{went_on_ms} ms");
        }
    }
}
