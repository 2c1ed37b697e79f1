//! What the oracle calls the truth, row by row of the two decision tables. A row that is wrong here would teach every machine
//! the wrong table.

use super::*;
use crate::ids::ProcId;
use crate::oracle::stage::{Stage, finished, outcome};
use crate::vocab::Sender;

const NAME: OracleName = OracleName::TruthfulOutcome;
const BY_TERM: ExitStatus = ExitStatus::Signalled { signal: Signal::TERM, core: false };
const BY_KILL: ExitStatus = ExitStatus::Signalled { signal: Signal::KILL, core: false };
const BY_SEGV: ExitStatus = ExitStatus::Signalled { signal: Signal::SEGV, core: true };

/// One row: what happened to the leader, how it died, what is told, whether that is true.
type Row = (&'static [Step], ExitStatus, WorkerState, Reason, bool);

#[derive(Clone, Copy)]
enum Step {
    Ask,
    Send(Signal),
    Exit,
    KillHelper,
}
use Step::{Ask, Exit, KillHelper, Send};

fn run(row: &Row) -> Stage {
    let (steps, status, state, reason, _) = *row;
    let mut stage = Stage::new(&["a"]);
    let main = stage.starts("a");
    let helper = stage.born("a/helper", UnitId(0));
    for step in steps {
        match step {
            Ask => stage.stop_requested("a", 10_000),
            Send(signal) => stage.signals(main, *signal, "a"),
            Exit => stage.exits("a", main, status),
            KillHelper => stage.signals(helper, Signal::KILL, "a"),
        }
    }
    stage.dies(helper, BY_KILL);
    stage.ends("a", outcome(state, status, reason));
    stage
}

#[test]
fn state_and_reason_follow_the_tables_of_lifecycle_section_2() {
    use Reason::{ForcedKill, Natural, RuntimeError};
    use WorkerState::{Failed, Finished, Killed, Stopped};
    const TERM: Step = Send(Signal::TERM);
    const KILL: Step = Send(Signal::KILL);
    let (zero, three) = (ExitStatus::Exited(0), ExitStatus::Exited(3));
    let rows: &[Row] = &[
        (&[Exit], zero, Finished, Natural, true),
        (&[Exit], zero, Stopped, Natural, false),
        (&[Exit], three, Failed, Natural, true),
        (&[Exit], three, Finished, Natural, false),
        (&[Exit], zero, Failed, RuntimeError, false),
        (&[Ask, TERM, Exit], BY_TERM, Stopped, Reason::Signal, true),
        (&[Ask, TERM, Exit], BY_TERM, Stopped, Natural, false),
        (&[Ask, TERM, Exit], three, Stopped, Natural, true),
        (&[Ask, TERM, Exit], BY_SEGV, Failed, Reason::Signal, true),
        (&[Ask, TERM, Exit], BY_SEGV, Stopped, Reason::Signal, false),
        (&[Exit, Ask], zero, Finished, Natural, true),
        (&[Exit, Ask], zero, Stopped, Natural, false),
        (&[Exit], BY_KILL, Failed, Reason::Signal, true),
        (&[Exit], BY_KILL, Killed, ForcedKill, false),
        (&[Ask, TERM, KILL, Exit], BY_KILL, Killed, ForcedKill, true),
        (&[Ask, TERM, KILL, Exit], BY_KILL, Stopped, Reason::Signal, false),
        (&[Ask, TERM, KILL, Exit], BY_KILL, Killed, Reason::Signal, false),
        (&[Ask, TERM, Exit, KillHelper], BY_TERM, Killed, Reason::Signal, true),
        (&[Ask, TERM, Exit, KillHelper], BY_TERM, Stopped, Reason::Signal, false),
        (&[Exit, KillHelper], zero, Killed, Natural, true),
        (&[Exit, KillHelper], zero, Killed, ForcedKill, false),
    ];
    for (n, row) in rows.iter().enumerate() {
        let found = run(row).found().contains(&(NAME, "a".into()));
        assert_eq!(found, !row.4, "row {n}");
    }
}

#[test]
fn the_policys_own_request_asks_nobody_to_end() {
    let mut stage = Stage::new(&["a"]);
    let main = stage.starts("a");
    stage.stop_requested_by("a", Requester::Policy, 1_000);
    stage.exits("a", main, ExitStatus::Exited(0));
    stage.ends("a", finished());
    stage.assert_clean();
}

#[test]
fn a_kill_that_crosses_the_exit_on_the_way_may_be_told_either_way() {
    for (state, reason) in [
        (WorkerState::Killed, Reason::ForcedKill),
        (WorkerState::Stopped, Reason::Signal),
        (WorkerState::Killed, Reason::Signal),
    ] {
        let mut stage = Stage::new(&["a"]);
        let main = stage.starts("a");
        stage.stop_requested("a", 10_000);
        stage.signals(main, Signal::TERM, "a");
        stage.dies(main, BY_TERM);
        stage.signals(main, Signal::KILL, "a");
        stage.exits("a", main, BY_TERM);
        stage.ends("a", outcome(state, BY_TERM, reason));
        stage.assert_clean();
    }
}

#[test]
fn a_leader_that_was_dying_of_our_term_when_our_kill_came_died_of_term() {
    let mut stage = Stage::new(&["a"]);
    let main = stage.starts("a");
    stage.stop_requested("a", 10_000);
    stage.signals(main, Signal::TERM, "a");
    stage.signals(main, Signal::KILL, "a");
    stage.exits("a", main, BY_TERM);
    stage.ends("a", outcome(WorkerState::Killed, BY_TERM, Reason::Signal));
    stage.assert_clean();
}

#[test]
fn a_status_that_is_not_the_kernels_is_a_lie_in_the_fact_and_in_the_outcome() {
    let mut stage = Stage::new(&["a"]);
    let main = stage.starts("a");
    stage.dies(main, ExitStatus::Exited(1));
    stage.exited_fact("a", ExitStatus::Exited(0));
    stage.assert_found(&[(NAME, "a")]);

    let mut stage = Stage::new(&["a"]);
    let main = stage.starts("a");
    stage.exits("a", main, ExitStatus::Exited(1));
    stage.ends("a", finished());
    stage.assert_found(&[(NAME, "a")]);
}

#[test]
fn a_leader_that_cannot_be_killed_has_no_status_yet() {
    let mut stage = Stage::new(&["a"]);
    let main = stage.starts("a");
    stage.stop_requested("a", 10_000);
    stage.signals(main, Signal::KILL, "a");
    stage.drain_abandoned("a");
    let mut end = outcome(WorkerState::Killed, ExitStatus::Unknown, Reason::ForcedKill);
    end.survivors = alloc::vec![stage.survivor(main)];
    end.output.abandoned = true;
    stage.ends("a", end);
    stage.assert_clean();
}

/// As for those who are named as alive: a survey looks before the fact is told.
#[test]
fn a_leader_that_dies_as_its_end_is_told_may_be_told_to_have_no_status() {
    for (wait_ms, is_lie) in [(0, false), (1, true)] {
        let mut stage = Stage::new(&["a"]);
        let main = stage.starts("a");
        stage.stop_requested("a", 10_000);
        stage.signals(main, Signal::KILL, "a");
        stage.drain_abandoned("a");
        let mut end = outcome(WorkerState::Killed, ExitStatus::Unknown, Reason::ForcedKill);
        end.survivors = alloc::vec![stage.survivor(main)];
        end.output.abandoned = true;
        stage.dies(main, BY_KILL);
        stage.wait_ms(wait_ms);
        stage.ends("a", end);
        assert_eq!(stage.found().contains(&(NAME, "a".into())), is_lie, "told {wait_ms} ms later");
    }
}

#[test]
fn a_failed_start_was_never_executed_and_what_was_never_executed_is_a_failed_start() {
    let failed = |reason| outcome(WorkerState::Failed, ExitStatus::Unknown, reason);
    let mut stage = Stage::new(&["a"]);
    stage.spawn_fact("a");
    stage.ends("a", failed(Reason::StartFailed));
    stage.assert_clean();

    let mut stage = Stage::new(&["a"]);
    stage.spawn_fact("a");
    stage.ends("a", failed(Reason::RuntimeError));
    stage.assert_found(&[(NAME, "a")]);

    let mut stage = Stage::new(&["a"]);
    stage.spawn_fact("a");
    stage.stop_requested("a", 1_000);
    stage.ends("a", failed(Reason::RuntimeError));
    stage.assert_clean();

    let mut stage = Stage::new(&["a"]);
    let main = stage.starts("a");
    stage.exits("a", main, ExitStatus::Exited(127));
    stage.ends("a", failed(Reason::StartFailed));
    stage.assert_holds((NAME, "a"));
}

#[test]
fn a_survivor_that_is_dead_is_a_lie_unless_it_died_in_this_very_instant() {
    for (wait_ms, is_lie) in [(0, false), (1, true)] {
        let mut stage = Stage::new(&["a"]);
        let main = stage.starts("a");
        let helper: ProcId = stage.born("a/helper", UnitId(0));
        stage.exits("a", main, ExitStatus::Exited(0));
        let mut end = finished();
        end.survivors = alloc::vec![stage.survivor(helper)];
        stage.dies(helper, ExitStatus::Exited(0));
        stage.wait_ms(wait_ms);
        stage.ends("a", end);
        assert_eq!(stage.found().contains(&(NAME, "a".into())), is_lie);
    }
}

#[test]
fn started_must_tell_the_leaders_own_pid() {
    let mut stage = Stage::new(&["a"]);
    stage.spawn_fact("a");
    stage.born("a/main", UnitId(0));
    stage.started_fact("a", 9_999);
    stage.assert_found(&[(NAME, "a")]);
}

#[test]
fn a_stop_before_any_start_ends_in_stopped_and_in_nothing_else() {
    let mut stage = Stage::new(&["a"]);
    stage.ends_unspawned("a");
    stage.assert_clean();
    let mut stage = Stage::new(&["a"]);
    stage.ends("a", finished());
    stage.assert_found(&[(NAME, "a")]);
}

#[test]
fn a_kill_by_bare_number_is_not_known_to_the_machine_and_may_be_told_as_a_signal() {
    let mut stage = Stage::new(&["a"]);
    let main = stage.starts("a");
    stage.signals_from(main, Signal::KILL, Sender::Host(None));
    stage.exits("a", main, BY_KILL);
    stage.ends("a", outcome(WorkerState::Failed, BY_KILL, Reason::Signal));
    stage.assert_clean();
}

#[test]
fn a_second_end_of_one_incarnation_is_no_lie_of_its_own() {
    let mut stage = Stage::new(&["a"]);
    stage.whole_life("a");
    stage.ends("a", finished());
    stage.assert_found(&[(OracleName::OneTerminalEvent, "a")]);
}
