//! Each oracle is proven by supervisors that break its promise, written as a user would write them, each beside its correct twin.
//! An oracle that no broken supervisor needs would be a promise that nobody keeps watch over; the matrix below shows who is caught by what.

mod budget_begins_anew_with_each_window;
mod death_by_signal_is_told_as_exit_0;
mod each_retry_starts_the_grace_anew;
mod exit_is_taken_for_the_end_of_output;
mod exit_overtakes_the_start;
mod kill_reaches_only_the_group;
mod kill_timer_outlives_the_stop;
mod killed_child_is_never_waited_for;
mod leader_exit_ends_the_stop;
mod life;
mod machine_closes_with_its_leader;
mod matrix;
mod notice_comes_before_its_reader;
mod one_wakeup_is_taken_for_one_exit;
mod only_one_dependent_is_waited_for;
mod output_comes_while_it_is_killed;
mod pid_is_kept_after_reaping;
mod probe_answers_during_the_stop;
mod probe_is_never_joined;
mod restart_timer_outlives_the_stop;
mod stage;
mod stopped_is_told_before_reaping;
mod two_timers_own_the_stop;
mod watcher_is_gone_and_nobody_speaks;
mod word_is_awaited_for_ever;

use matrix::{Row, play_broken, table};
use shakedown_core::oracle::OracleName;
use shakedown_sim::choose::Seeded;
use shakedown_sim::{Limits, Simulator};
use stage::{Any, Case};

/// In the order of the oracles.
fn cases() -> Vec<Case> {
    vec![
        leader_exit_ends_the_stop::case(),
        kill_reaches_only_the_group::case(),
        machine_closes_with_its_leader::case(),
        killed_child_is_never_waited_for::case(),
        one_wakeup_is_taken_for_one_exit::case(),
        stopped_is_told_before_reaping::case(),
        pid_is_kept_after_reaping::case(),
        two_timers_own_the_stop::case(),
        watcher_is_gone_and_nobody_speaks::case(),
        exit_overtakes_the_start::case(),
        each_retry_starts_the_grace_anew::case(),
        death_by_signal_is_told_as_exit_0::case(),
        exit_is_taken_for_the_end_of_output::case(),
        probe_is_never_joined::case(),
        kill_timer_outlives_the_stop::case(),
        output_comes_while_it_is_killed::case(),
        restart_timer_outlives_the_stop::case(),
        budget_begins_anew_with_each_window::case(),
        only_one_dependent_is_waited_for::case(),
        notice_comes_before_its_reader::case(),
        word_is_awaited_for_ever::case(),
        probe_answers_during_the_stop::case(),
    ]
}

#[test]
fn each_broken_supervisor_is_caught_by_its_oracle_and_each_oracle_is_needed() {
    let rows: Vec<Row> = cases().iter().map(play_broken).collect();
    let table = table(&rows);
    println!("{table}");
    for row in &rows {
        let first =
            row.first.as_ref().unwrap_or_else(|| panic!("{} is caught in none of {} seeds", row.name, row.played));
        assert_eq!(first.1, row.caught_by, "{} is first caught by another, with seed {}\n{table}", row.name, first.0);
        assert_eq!(row.count(row.caught_by), row.failed, "{} fails without its oracle\n{table}", row.name);
    }
    for &oracle in OracleName::ALL {
        assert!(rows.iter().any(|row| row.is_caught_by_alone(oracle)), "nobody needs {oracle}\n{table}");
    }
    insta::assert_snapshot!(table);
}

#[test]
fn each_correct_twin_is_clean() {
    for case in cases() {
        let mut simulator: Simulator<Seeded, Any> = Simulator::new(case.config, Limits::default(), Seeded::new(0));
        let plan = case.plan();
        for seed in 0..TWIN_SEEDS {
            let run = simulator.run(Seeded::new(seed), plan.clone(), case.twin);
            assert!(run.is_ok(), "the twin of {} with seed {seed}: {run:#?}", case.name);
        }
    }
}

/// So many runs of a twin must all be clean.
const TWIN_SEEDS: u64 = 2_000;
