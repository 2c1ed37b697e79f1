//! no-zombie: every dead child of the supervisor is reaped when the task that started it has ended, when the session has stopped,
//! and at the end. A zombie keeps its pid and its place in the process limit, and shows that somebody forgot a child.

use crate::ids::UnitId;
use crate::oracle::{Case, OracleName};
use crate::vocab::ProcessView;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Remembers nothing: it asks the kernel's truth.
#[derive(Debug, Default)]
pub(super) struct NoZombie;

impl NoZombie {
    /// Judged before the host reaps what the task has forgotten, or it would never be seen. What the host adopted it reaps itself.
    pub(super) fn owner_ended(&mut self, task: &str, unit: UnitId, case: &mut Case<'_>) {
        let truth = case.scene.truth;
        let Some(leader) = truth.leader(unit).map(|leader| truth.process(leader)) else { return };
        if leader.zombie && leader.parent == truth.host() {
            let message =
                format!("{} is dead, and the task {task} that started it ended without reaping it", leader.name);
            case.report(OracleName::NoZombie, leader.name, message);
        }
    }

    pub(super) fn session_stopped(&mut self, case: &mut Case<'_>) {
        let roster = case.roster;
        report(case, "after the session stopped", |view| roster.is_of_worker(view.unit));
    }

    pub(super) fn end(&mut self, case: &mut Case<'_>) {
        report(case, "at the end of the run", |_| true);
    }
}

/// Reports the zombies that are meant. A named survivor is excepted: nobody waits for it any more, and the outcome said so.
fn report(case: &mut Case<'_>, when: &str, is_meant: impl Fn(&ProcessView<'_>) -> bool) {
    let (truth, roster) = (case.scene.truth, case.roster);
    if truth.zombies_of_host() == 0 {
        return;
    }
    let host = truth.host();
    let mut zombies: Vec<String> = Vec::new();
    truth.every(&mut |view| {
        if view.zombie && view.parent == host && is_meant(&view) && !roster.may_be_left(view.id, view.unit) {
            zombies.push(view.name.into());
        }
    });
    for name in zombies {
        case.report(OracleName::NoZombie, &name, format!("{name} is dead and not reaped {when}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::EndReason;
    use crate::oracle::stage::{Stage, finished};
    use crate::vocab::ExitStatus;

    const NAME: OracleName = OracleName::NoZombie;

    #[test]
    fn a_leader_that_is_not_reaped_when_the_session_stops_is_a_zombie() {
        let mut stage = Stage::new(&["api"]);
        let main = stage.starts("api");
        stage.exits_unreaped("api", main, ExitStatus::Exited(0));
        stage.ends("api", finished());
        stage.assert_clean();
        stage.session_stopped();
        stage.assert_found(&[(NAME, "api/main")]);
    }

    #[test]
    fn a_reaped_leader_and_a_zombie_of_another_parent_are_no_fault_of_ours() {
        let mut stage = Stage::new(&["api"]);
        let main = stage.starts("api");
        let helper = stage.born_of("api/helper", UnitId(0), main);
        stage.dies(helper, ExitStatus::Exited(0));
        stage.exits("api", main, ExitStatus::Exited(0));
        stage.ends("api", finished());
        stage.session_stopped();
        stage.end(EndReason::SessionStopped);
        stage.assert_clean();
    }

    #[test]
    fn only_our_own_child_is_named_where_others_have_zombies_too() {
        let mut stage = Stage::new(&[]);
        let main = stage.born("job/main", UnitId(0));
        let helper = stage.born_of("job/helper", UnitId(0), main);
        stage.dies(helper, ExitStatus::Exited(0));
        stage.dies(main, ExitStatus::Exited(0));
        stage.end(EndReason::RootReturned);
        stage.assert_found(&[(NAME, "job/main")]);
    }

    #[test]
    fn a_survivor_that_was_named_may_die_unreaped() {
        let mut stage = Stage::new(&["api"]);
        let main = stage.starts("api");
        let stuck = stage.born("api/stuck", UnitId(0));
        stage.exits("api", main, ExitStatus::Exited(0));
        let mut outcome = finished();
        outcome.survivors = alloc::vec![stage.survivor(stuck)];
        stage.ends("api", outcome);
        stage.dies(stuck, ExitStatus::Exited(0));
        stage.session_stopped();
        stage.end(EndReason::SessionStopped);
        stage.assert_clean();
    }

    #[test]
    fn a_task_that_ends_must_have_reaped_what_it_started() {
        let mut stage = Stage::new(&[]);
        let main = stage.born("job/main", UnitId(0));
        stage.dies(main, ExitStatus::Exited(0));
        stage.owner_ended("job", UnitId(0));
        stage.assert_found(&[(NAME, "job/main")]);
        stage.rewind();
        let main = stage.born("job/main", UnitId(0));
        stage.dies(main, ExitStatus::Exited(0));
        stage.reaped(main);
        stage.owner_ended("job", UnitId(0));
        stage.assert_clean();
    }

    #[test]
    fn an_async_supervisor_must_have_reaped_at_the_end() {
        let mut stage = Stage::new(&[]);
        let main = stage.born("job/main", UnitId(0));
        stage.dies(main, ExitStatus::Exited(1));
        stage.end(EndReason::RootReturned);
        stage.assert_found(&[(NAME, "job/main")]);
    }
}
