//! no-orphan: nobody outlives the worker it descends from, unless the outcome names it. Judged at every terminal fact, when the
//! session has stopped and at the end, by ancestry: judged at the end alone, or by group, it misses nearly everything.

use crate::ids::{ProcId, UnitId};
use crate::oracle::{Case, OracleName};
use crate::vocab::{FactRecord, Outcome, ProcessView};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Remembers nothing: it asks the kernel's truth and what outcomes have named.
#[derive(Debug, Default)]
pub(super) struct NoOrphan;

impl NoOrphan {
    pub(super) fn worker_ended(&mut self, record: &FactRecord, outcome: &Outcome, case: &mut Case<'_>) {
        if let Some(unit) = record.unit
            && case.scene.truth.living(unit) > 0
        {
            let worker = case.subject(record.subject);
            let when = format!("after {worker} ended as {}", outcome.state.word());
            report(case, &when, |view| view.unit == Some(unit));
        }
    }

    pub(super) fn owner_ended(&mut self, task: &str, unit: UnitId, case: &mut Case<'_>) {
        if case.scene.truth.living(unit) > 0 {
            report(case, &format!("after the task {task} that started it had ended"), |view| view.unit == Some(unit));
        }
    }

    pub(super) fn session_stopped(&mut self, case: &mut Case<'_>) {
        if case.scene.truth.living_in_all() > 0 {
            let roster = case.roster;
            report(case, "after the session stopped", |view| roster.is_of_worker(view.unit));
        }
    }

    pub(super) fn end(&mut self, case: &mut Case<'_>) {
        if case.scene.truth.living_in_all() > 0 {
            report(case, "at the end of the run", |view| view.unit.is_some());
        }
    }
}

/// Reports who lives and is meant; the supervisor, those who may be left and those who are ending anyway are excepted.
fn report(case: &mut Case<'_>, when: &str, is_meant: impl Fn(&ProcessView<'_>) -> bool) {
    let (truth, roster) = (case.scene.truth, case.roster);
    let host: ProcId = truth.host();
    let mut orphans: Vec<String> = Vec::new();
    truth.every(&mut |view| {
        if view.alive && !view.ending && view.id != host && is_meant(&view) && !roster.may_be_left(view.id, view.unit) {
            orphans.push(view.name.into());
        }
    });
    for name in orphans {
        case.report(OracleName::NoOrphan, &name, format!("{name} is still running {when}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::EndReason;
    use crate::oracle::stage::{Stage, stopped};
    use crate::signal::Signal;
    use crate::vocab::ExitStatus;

    const NAME: OracleName = OracleName::NoOrphan;

    /// A worker `api` whose leader dies by our TERM while its helper lives on.
    fn left_behind() -> (Stage, ProcId) {
        let mut stage = Stage::new(&["api"]);
        let main = stage.starts("api");
        let helper = stage.born("api/helper", UnitId(0));
        stage.stop_requested("api", 30_000);
        stage.signals(main, Signal::TERM, "api");
        stage.exits("api", main, ExitStatus::Signalled { signal: Signal::TERM, core: false });
        (stage, helper)
    }

    #[test]
    fn a_helper_that_lives_when_its_worker_ends_is_an_orphan() {
        let (mut stage, _) = left_behind();
        stage.ends("api", stopped());
        stage.assert_found(&[(NAME, "api/helper")]);
        assert_eq!(stage.audit.violations()[0].message, "api/helper is still running after api ended as stopped");
    }

    #[test]
    fn a_helper_that_died_in_time_is_no_orphan() {
        let (mut stage, helper) = left_behind();
        stage.dies(helper, ExitStatus::Exited(0));
        stage.reaped(helper);
        stage.ends("api", stopped());
        stage.session_stopped();
        stage.end(EndReason::SessionStopped);
        stage.assert_clean();
    }

    #[test]
    fn a_helper_in_the_middle_of_its_end_is_no_orphan() {
        let (mut stage, helper) = left_behind();
        stage.truth.is_ending(helper);
        stage.ends("api", stopped());
        stage.assert_clean();
    }

    #[test]
    fn a_named_survivor_is_excepted_then_and_later_and_its_sibling_is_not() {
        let (mut stage, helper) = left_behind();
        let mut outcome = stopped();
        outcome.survivors = alloc::vec![stage.survivor(helper)];
        stage.ends("api", outcome);
        stage.session_stopped();
        stage.assert_clean();
        stage.born("api/late", UnitId(0));
        stage.end(EndReason::SessionStopped);
        stage.assert_found(&[(NAME, "api/late")]);
    }

    #[test]
    fn a_task_that_ends_leaves_an_orphan_unless_its_process_ended_first() {
        let mut stage = Stage::new(&[]);
        let main = stage.born("job/main", UnitId(0));
        stage.owner_ended("job", UnitId(0));
        stage.assert_found(&[(NAME, "job/main")]);
        stage.rewind();
        let again = stage.born("job/main", UnitId(0));
        assert_eq!(main, again);
        stage.dies(again, ExitStatus::Exited(0));
        stage.reaped(again);
        stage.owner_ended("job", UnitId(0));
        stage.assert_clean();
    }

    #[test]
    fn a_detached_unit_may_outlive_everything() {
        let mut stage = Stage::new(&[]);
        stage.born("daemon/main", UnitId(0));
        stage.truth.set_writers(UnitId(0), 1);
        stage.audit.detached(UnitId(0));
        stage.owner_ended("job", UnitId(0));
        stage.end(EndReason::RootReturned);
        stage.assert_clean();
    }

    #[test]
    fn what_is_no_workers_is_judged_at_the_end_and_not_when_the_session_stops() {
        let mut stage = Stage::new(&["api"]);
        stage.whole_life("api");
        let own = stage.born("tool/main", UnitId(7));
        stage.session_stopped();
        stage.assert_clean();
        stage.end(EndReason::RootReturned);
        stage.assert_found(&[(NAME, "tool/main")]);
        assert!(stage.truth.process_of(own).alive);
    }

    #[test]
    fn a_run_that_was_cut_off_has_no_orphans_yet() {
        let mut stage = Stage::new(&[]);
        stage.born("job/main", UnitId(0));
        stage.end(EndReason::Cut);
        stage.assert_clean();
    }
}
