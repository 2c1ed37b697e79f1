//! Comparing: what a sweep shows is found, what cannot be is refuted, and what is not known is said to be so.

use shakedown::compare::{Budget, Decision, Outcome, decide, outcome_of, outcomes};
use shakedown::core::vocab::{Act, Body, RestartWhen};
use shakedown::failure::Stage;
use shakedown::format::{Case, find, load, read};
use shakedown::sweep::Player;
use shakedown_sim::choose::{Chooser, Pilot, Record, Strategy};
use std::path::PathBuf;

fn case(text: &str) -> Case {
    read("test.toml", text).expect("a scenario without mistakes").cases().remove(0)
}

/// The outcome of one seed.
fn simulated(case: &Case, seed: u64) -> Outcome {
    let mut player = Player::new(case, Record::new(Chooser::default()));
    player.play(Record::new(Strategy::Random.chooser(seed, &Pilot::default())));
    outcome_of(case, &player.moments())
}

/// TERM may come before its handler, and the stop before the output.
const RACE: &str = "schema = 1\n[workers.server]\npuppet = \"sleep 0ms..9ms; on TERM { print bye; exit 0 }; hang\"\n\
                    stop = { grace = \"500ms\" }\n[[stimuli]]\nat = \"0ms..9ms\"\ndo = \"stop\"\n";

#[test]
fn whatever_a_sweep_shows_of_the_corpus_the_search_finds() {
    let (files, _) = find(&[PathBuf::from(env!("CARGO_MANIFEST_DIR"))]);
    for file in &files {
        let scenario = load(file).expect("the corpus has no mistakes");
        // Faults multiply what there is to try, and are never played for real; nor is a crash of the supervisor.
        let crashes = |case: &Case| case.stimuli.iter().any(|stimulus| stimulus.act == Act::CrashHost);
        for case in scenario.cases().iter().filter(|case| case.faults.is_empty() && !crashes(case)) {
            for seed in 0..SEEDS {
                let name = format!("{} {} seed {seed}", scenario.name, case.label);
                if comes_back(case) {
                    let budget = Budget { runs: RUNS_OF_MANY_LIVES, ..Budget::default() };
                    let decision = decide(case, &simulated(case, seed), budget);
                    assert!(!matches!(decision, Decision::Unreachable { .. }), "{name}: {decision:?}");
                } else {
                    let decision = decide(case, &simulated(case, seed), Budget::default());
                    assert!(matches!(decision, Decision::Reachable { .. }), "{name}: {decision:?}");
                }
            }
        }
    }
}

/// Workers that live more than once, have commands beside them, or serve clients, multiply what there is to try: what a sweep shows of them
/// is never refuted, but not always found within a budget.
fn comes_back(case: &Case) -> bool {
    case.session.workers.iter().any(|worker| {
        let has_commands = worker.stop.hook.is_some() || worker.ready.is_some();
        worker.restart.when != RestartWhen::Never
            || matches!(worker.body, Body::Supervisor(_) | Body::Proxy(_))
            || has_commands
    })
}

const RUNS_OF_MANY_LIVES: u64 = 500;
/// Of each case; `just compare` asks Linux for many more.
const SEEDS: u64 = 1;

type Change = fn(&mut Outcome);

/// Each line changes an outcome into one that cannot be; all ways to it are tried.
#[test]
fn an_outcome_that_cannot_be_is_refuted() {
    let case = case(RACE);
    let base = simulated(&case, 0);
    let changes: [(&str, Change); 7] = [
        ("another exit code", |it| it.lives.get_mut("server/main").unwrap()[0].end = Some("exited(1)".into())),
        ("more output", |it| it.told.get_mut("server").unwrap().outputs[0].extend(b"more\n")),
        ("output on the other stream", |it| it.told.get_mut("server").unwrap().outputs.swap(0, 1)),
        ("a last fact that is missing", |it| drop(it.told.get_mut("server").unwrap().facts.pop())),
        ("two facts in another order", |it| it.told.get_mut("server").unwrap().facts.swap(0, 1)),
        ("a process that nobody started", |it| {
            drop(it.lives.insert("server/other".into(), it.lives["server/main"].clone()))
        }),
        ("a second life", |it| {
            let lives = it.lives.get_mut("server/main").unwrap();
            lives.push(lives[0].clone());
        }),
    ];
    for (what, change) in changes {
        let mut outcome = base.clone();
        change(&mut outcome);
        let is_other = outcome != base;
        let decision = decide(&case, &outcome, Budget::default());
        // Without output the two streams are alike.
        assert_eq!(matches!(decision, Decision::Unreachable { .. }), is_other, "{what}: {decision:?}");
        assert!(is_other || what == "output on the other stream", "{what}");
    }
}

#[test]
fn a_spent_budget_and_a_run_that_was_cut_off_are_undecided() {
    let case = case(RACE);
    let mut outcome = simulated(&case, 0);
    outcome.told.get_mut("server").expect("it was told of").facts.pop();
    let spent = decide(&case, &outcome, Budget { runs: 2, ..Budget::default() });
    assert!(matches!(spent, Decision::Undecided { runs: 2, .. }), "{spent:?}");
    let mut cut_off = simulated(&case, 0);
    cut_off.is_over = false;
    assert!(matches!(decide(&case, &cut_off, Budget::default()), Decision::Undecided { runs: 0, .. }));
}

/// How many outcomes there are where nothing is late, and whether that is all.
#[test]
fn a_program_without_a_race_has_exactly_one_outcome() {
    let with = |script: &str, stimuli: &str| {
        case(&format!("schema = 1\n[workers.w]\npuppet = \"\"\"{script}\"\"\"\n{stimuli}"))
    };
    let stop = "[[stimuli]]\nwhen = \"w output\"\nat = \"5ms\"\ndo = \"stop\"\n";
    for (script, stimuli, outcomes_max) in [
        ("print a; eprint b; exit 3", "", 1),
        ("spawn a { print a; exit 1 }; wait a; spawn b { print b }; wait b; exit 0", "", 1),
        ("on TERM { print bye; exit 0 }; print up; hang", stop, 1),
        ("spawn a { spawn b { spawn c { exit 3 }; wait c; exit 2 }; wait b; exit 1 }; wait a; print up; hang", stop, 1),
        // The two children race for the pipe.
        ("spawn a { print a }; spawn b { print b }; wait all", "", 2),
        // TERM races the handler, and what is late with it.
        ("print up; sleep 5ms; on TERM exit 1; hang", stop, 9),
    ] {
        let found = outcomes(&with(script, stimuli), Budget::default());
        let (all, races) = (found.all.len(), outcomes_max > 1);
        assert!(
            found.complete && all <= outcomes_max && (all > 1) == races,
            "{script}: {} runs, {:?}",
            found.runs,
            found.all
        );
    }
}
