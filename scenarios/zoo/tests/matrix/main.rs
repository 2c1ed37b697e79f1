//! Each oracle is proven by supervisors that break its promise, written as a user would write them, each beside its correct twin.
//! An oracle that no broken supervisor needs would be a promise that nobody keeps watch over; the matrix below shows who is caught by what.

mod table;

use shakedown_core::oracle::OracleName;
use shakedown_sim::choose::{Pilot, Strategy};
use shakedown_zoo::{Caught, Player, Side, catalogue, quiet_panics};
use table::{play_all, table};

#[test]
fn each_broken_supervisor_is_caught_as_it_is_said_to_be_and_each_oracle_is_needed() {
    quiet_panics();
    let rows = play_all(catalogue());
    let table = table(&rows);
    println!("{table}");
    for row in &rows {
        let first =
            row.first.as_ref().unwrap_or_else(|| panic!("{} is caught in none of {} seeds", row.name, row.played));
        assert_eq!(first.1, row.caught_by, "{} is first caught by another, with seed {}\n{table}", row.name, first.0);
        if let Caught::By(oracle) = row.caught_by {
            assert_eq!(row.count(oracle), row.failed, "{} fails without its oracle\n{table}", row.name);
        }
    }
    for &oracle in OracleName::ALL {
        assert!(rows.iter().any(|row| row.is_caught_by_alone(oracle)), "nobody needs {oracle}\n{table}");
    }
    insta::assert_snapshot!(table);
}

#[test]
fn each_correct_twin_is_clean() {
    for case in catalogue() {
        let mut player = Player::new(case, Side::Twin);
        for seed in 0..TWIN_SEEDS {
            let run = player.play(Strategy::default().chooser(seed, &Pilot::default()));
            assert!(run.is_ok(), "the twin of {} with seed {seed}: {run:#?}", case.name);
        }
    }
}

/// So many runs of a twin must all be clean. `just zoo-twins` plays a hundred thousand.
const TWIN_SEEDS: u64 = 300;
