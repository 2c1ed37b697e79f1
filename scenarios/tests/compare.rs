//! Deciding outcomes: whatever a sweep shows the search finds, and what cannot be it refutes.

use shakedown::compare::{Budget, Decision, decide, outcome_of, outcomes};
use shakedown::format::{find, load};
use shakedown::sweep::Player;
use shakedown_sim::choose::Seeded;
use std::path::PathBuf;

#[test]
fn corpus() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let (files, _) = find(std::slice::from_ref(&folder));
    let filter = std::env::var("ONLY").unwrap_or_default();
    let seeds: u64 = std::env::var("SEEDS").map_or(5, |s| s.parse().unwrap());
    for file in files.iter().filter(|f| f.to_string_lossy().contains(&filter)) {
        let scenario = load(file).unwrap();
        for case in scenario.cases() {
            let mut player = Player::new(&case, Seeded::new(0));
            let t = std::time::Instant::now();
            let mut line = String::new();
            for seed in 0..seeds {
                player.play(Seeded::new(seed));
                let outcome = outcome_of(&case, &player.moments());
                let d = decide(&case, &outcome, Budget { runs: 20000, ..Budget::default() });
                line += &match &d {
                    Decision::Reachable { runs, .. } => format!(" {runs}"),
                    Decision::Unreachable { runs, .. } => format!(" NO{runs}"),
                    Decision::Undecided { runs, .. } => format!(" ??{runs}"),
                };
                if !matches!(d, Decision::Reachable { .. }) {
                    if let Decision::Unreachable { closest, .. } | Decision::Undecided { closest, .. } = &d {
                        if std::env::var("SHOW").is_ok() {
                            println!("REAL {outcome:#?}\nSIM {:#?}", outcome_of(&case, closest));
                        }
                    }
                    break;
                }
            }
            println!("{:?} {} {}:{line}", t.elapsed(), scenario.name, case.label);
            if std::env::var("OUT").is_ok() {
                let t = std::time::Instant::now();
                let o = outcomes(&case, Budget { runs: 20000, ..Budget::default() });
                println!("   {:?} outcomes {} complete {} runs {}", t.elapsed(), o.all.len(), o.complete, o.runs);
            }
        }
    }
}
