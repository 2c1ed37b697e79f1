//! Claims about the generator itself, in a small harness of our own, and then a few dozen programs: what `cargo test` runs.

use super::args::{self, Args};
use super::coverage::exercised;
use super::crew::{self, Exit};
use super::generate::{Generator, lessened, shrink};
use super::program::{Family, Program};
use super::race::{HEARD_BY_EITHER, STOPPED_IN_A_DAEMON, race};
use super::recorded;
use super::share::BUDGET;
use super::tidy::{PROCESSES_MAX, processes};
use super::verbs::{VERBS, each, is_last, is_on, word};
use shakedown::compare::{Budget, Decision, decide, outcome_of, outcomes};
use shakedown::core::puppet::{Script, Verb, parse};
use shakedown::core::vocab::Body;
use shakedown::failure::Stage;
use shakedown::format;
use shakedown::sim::choose::{Chooser, Pilot, Record, Strategy};
use shakedown::sweep::Player;
use std::cell::RefCell;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::Instant;

/// A claim and its test.
type Check = (&'static str, fn());

#[rustfmt::skip]
const CHECKS: &[Check] = &[
    ("the_same_seed_draws_the_same_programs", the_same_seed_draws_the_same_programs),
    ("every_program_is_a_scenario_that_says_what_it_plays", every_program_is_a_scenario_that_says_what_it_plays),
    ("every_program_ends_in_the_simulator", every_program_ends_in_the_simulator),
    ("calm_programs_have_no_race_and_racy_ones_do", calm_programs_have_no_race_and_racy_ones_do),
    ("what_races_is_found_to", what_races_is_found_to),
    ("a_calm_program_has_one_simulated_outcome", a_calm_program_has_one_simulated_outcome),
    ("shrinking_keeps_programs_playable_and_ends_small", shrinking_keeps_programs_playable_and_ends_small),
    ("a_wrong_model_is_caught", a_wrong_model_is_caught),
    ("what_a_sweep_shows_is_never_refuted", what_a_sweep_shows_is_never_refuted),
    ("what_linux_did_is_found_within_a_few_thousand_simulations", what_linux_did_is_found_within_a_few_thousand_simulations),
    ("arguments_are_read_or_refused", arguments_are_read_or_refused),
];

/// Programs that `cargo test` plays for real, always the same.
const FEW_DOZEN: u64 = 120;
const THEIR_SEED: u64 = 1;

/// Runs the claims, then plays a few programs.
pub fn all(args: &Args) -> ExitCode {
    let chosen: Vec<&Check> = CHECKS
        .iter()
        .filter(|(name, _)| args.filter.as_ref().is_none_or(|part| name.contains(part.as_str())))
        .collect();
    let plays = args.filter.as_ref().is_none_or(|part| PLAYED.contains(part.as_str()));
    if args.list {
        chosen.iter().map(|(name, _)| *name).chain(plays.then_some(PLAYED)).for_each(|name| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", chosen.len() + usize::from(plays));
    let (began, mut failed, mut ignored) = (Instant::now(), 0, 0);
    for (name, check) in &chosen {
        let ok = catch_unwind(check).is_ok();
        println!("test {name} ... {}", if ok { "ok" } else { "FAILED" });
        failed += usize::from(!ok);
    }
    if plays {
        let few = Args { programs: Some(FEW_DOZEN), seed: THEIR_SEED, runs: 2, is_brief: true, ..args.clone() };
        match crew::play(&few) {
            Exit::Held => println!("test {PLAYED} ... ok"),
            // Printed with its reason by the players.
            Exit::Lacking => ignored += 1,
            Exit::Failed | Exit::Interrupted | Exit::Broken => {
                println!("test {PLAYED} ... FAILED");
                failed += 1;
            }
        }
    }
    let passed = chosen.len() + usize::from(plays) - failed - ignored;
    println!(
        "\ntest result: {}. {passed} passed; {failed} failed; {ignored} ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
        if failed == 0 { "ok" } else { "FAILED" },
        CHECKS.len() - chosen.len() + usize::from(!plays),
        began.elapsed().as_secs_f64(),
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

const PLAYED: &str = "a_few_dozen_programs_without_a_race_do_on_linux_what_they_do_in_the_simulator";

fn programs(seed: u64, count: u64) -> impl Iterator<Item = Program> {
    let generator = Generator::new();
    (0..count).map(move |number| generator.tree(seed, number).current())
}

fn the_same_seed_draws_the_same_programs() {
    let (once, again): (Vec<Program>, Vec<Program>) = (programs(7, 60).collect(), programs(7, 60).collect());
    assert_eq!(once, again);
    let others: Vec<Program> = programs(8, 60).collect();
    let same = once.iter().zip(&others).filter(|(a, b)| a == b).count();
    assert!(same < 6, "{same} of 60 programs do not depend on the seed");
    let last = Generator::new().tree(7, 59).current();
    assert_eq!(once[59], last, "a program does not depend on those before it");
}

fn every_program_is_a_scenario_that_says_what_it_plays() {
    for (number, program) in programs(1, 500).enumerate() {
        let case = program.case();
        let Body::Process(spec) = &case.session.workers[0].body else { panic!("w is a process") };
        assert_eq!(spec.script().map(|block| &block[..]), Some(&program.script[..]), "{program}");
        assert_eq!(case.stimuli.len(), program.stimuli.len(), "{program}");
        let text = Script(&program.script).to_string();
        assert_eq!(parse(&text).as_deref(), Ok(&program.script[..]), "{text}");
        let named = program.file("what \"it\" is about");
        assert_eq!(format::read("named.toml", &named).expect("valid").about, "what \"it\" is about");
        let names = processes(&program.script);
        let mut distinct = names.clone();
        distinct.sort();
        distinct.dedup();
        assert!(names.len() <= PROCESSES_MAX && distinct.len() == names.len(), "program {number}: {names:?}");
        each(&program.script, &mut |verb| assert!(VERBS.contains(&word(verb)) && is_on(word(verb)), "{verb:?}"));
        assert_nothing_behind_the_last(&program.script);
    }
}

fn assert_nothing_behind_the_last(block: &[Verb]) {
    if let Some(at) = block.iter().position(is_last) {
        assert_eq!(at + 1, block.len(), "{}", Script(block));
    }
    block.iter().filter_map(Verb::block).for_each(|body| assert_nothing_behind_the_last(body));
}

fn every_program_ends_in_the_simulator() {
    for program in programs(2, 300) {
        let exercised = exercised(&program, &program.case(), 4);
        assert!(exercised.is_ok(), "{exercised:?}\n{program}");
    }
}

fn calm_programs_have_no_race_and_racy_ones_do() {
    let all: Vec<Program> = programs(3, 400).collect();
    let (calm, racy): (Vec<_>, Vec<_>) = all.iter().partition(|program| program.family == Family::Calm);
    for program in &calm {
        assert_eq!(race(program), None, "{program}");
    }
    assert!(calm.len() >= 80 && racy.iter().all(|program| race(program).is_some()), "{} are calm", calm.len());
    let busy = calm.iter().filter(|program| processes(&program.script).len() > 1).count();
    assert!(busy * 2 > calm.len(), "only {busy} of {} calm programs fork", calm.len());
}

/// A calm program around each script, with the first race that is found in it.
fn what_races_is_found_to() {
    let calm = programs(3, 1).next().expect("a program");
    for (script, found) in [
        ("spawn a { }; wait a; print x", None),
        ("spawn a { spawn b { }; wait b }; wait all", None),
        ("spawn a { hang }; kill a KILL; wait a", None),
        ("subreaper; daemonize d { print x }; wait all", None),
        ("thread { print x }; leader-exit", None),
        ("spawn a { }; print x; wait a", Some("a child runs beside its parent")),
        ("spawn a { print x; hang }; kill a KILL; wait a", Some("a child runs beside its parent")),
        ("spawn a { hang }; kill a TERM; wait a", Some("a child runs beside its parent")),
        ("spawn a { spawn b { } }; wait a", Some("a child runs beside its parent")),
        ("daemonize d { }; wait all", Some("a daemon runs beside its parent")),
        ("subreaper; spawn a { daemonize d { }; wait all }; wait a", Some("a daemon runs beside its parent")),
        (
            "on CHLD print x; subreaper; daemonize d { }; wait all",
            Some("two children end, and one CHLD may tell of both"),
        ),
        ("subreaper; daemonize d { pdeathsig TERM }; wait all", Some("the parent of a daemon may be gone already")),
        ("thread { }; print x", Some("a thread runs beside its creator")),
        ("on CHLD exit 0; thread { spawn a { }; wait a }; leader-exit", Some(HEARD_BY_EITHER)),
        ("subreaper; daemonize d { spawn a { freeze }; kill a KILL; wait a }; wait all", Some(STOPPED_IN_A_DAEMON)),
        ("subreaper; daemonize d { spawn a { hang }; kill a KILL; wait a }; wait all", None),
        ("on HUP exit 0; thread { spawn a { }; wait a }; leader-exit", None),
        ("repeat 2 { lock l }", Some("it waits for its own lock, for ever")),
        ("print x; hang", Some("it never ends by itself")),
        ("read line", Some("it reads more lines than it is given, and so for ever")),
    ] {
        let script = parse(script).expect("a script").to_vec();
        let program = Program { script, stimuli: Vec::new(), ..calm.clone() };
        assert_eq!(race(&program), found, "{program}");
    }
}

fn a_calm_program_has_one_simulated_outcome() {
    let calm = programs(4, 120).filter(|program| program.family == Family::Calm);
    let mut complete = 0;
    for program in calm {
        let found = outcomes(&program.case(), Budget { runs: 6_000, steps: 1_200_000 });
        assert!(found.all.len() <= 1, "{} outcomes:\n{program}", found.all.len());
        complete += u64::from(found.complete);
    }
    assert!(complete >= 27, "only {complete} of 30 were searched through");
}

fn shrinking_keeps_programs_playable_and_ends_small() {
    let generator = Generator::new();
    let exits_with_3 = |program: &Program| {
        let mut found = false;
        each(&program.script, &mut |verb| found |= *verb == Verb::Exit(3));
        found
    };
    let mut shrunk = 0;
    for number in 0..200 {
        let tree = generator.tree(5, number);
        if !exits_with_3(&tree.current()) {
            continue;
        }
        let candidates = RefCell::new(0);
        let smallest = shrink(tree, &|| *candidates.borrow() < 4_000, &mut |candidate| {
            *candidates.borrow_mut() += 1;
            let _valid = candidate.case();
            assert!(super::race::is_as_promised(candidate), "{candidate}");
            exits_with_3(candidate)
        });
        let mut verbs = 0;
        each(&smallest.script, &mut |_| verbs += 1);
        assert!(verbs == 1 && smallest.stimuli.len() <= 1, "{smallest}");
        assert!(lessened(&smallest).iter().all(|less| !exits_with_3(less)), "{smallest}");
        shrunk += 1;
    }
    assert!(shrunk > 20, "only {shrunk} programs exit with 3");
}

/// The model is broken by playing another program in it: whatever the one does, the other's simulated runs cannot be held for it.
fn a_wrong_model_is_caught() {
    for (truth, model) in [
        ("exit 3", "exit 4"),
        ("die TERM", "die INT"),
        ("print one; print two", "print two; print one"),
        ("spawn a { exit 1 }; wait a", "spawn a { exit 2 }; wait a"),
        ("on TERM ignore; print x", "print x"),
        ("spawn a { setpgid }; wait a", "spawn b { setpgid }; wait b"),
    ] {
        let calm = programs(3, 1).next().expect("a program");
        let [truth, model] = [truth, model].map(|script| {
            let script = parse(script).expect("a script").to_vec();
            Program { script, stimuli: Vec::new(), ..calm.clone() }.case()
        });
        let Decision::Reachable { moments, .. } = decide(&truth, &only(&truth), Budget::default()) else {
            panic!("a program reaches its own outcome")
        };
        let outcome = outcome_of(&truth, &moments);
        assert!(matches!(decide(&model, &outcome, Budget::default()), Decision::Unreachable { .. }), "{truth:?}");
    }
}

/// Whatever a seed comes to is possible; a search that says it is not has cut what it must not.
fn what_a_sweep_shows_is_never_refuted() {
    let mut found = 0;
    for program in programs(6, 200) {
        let case = program.case();
        for seed in 0..2 {
            let mut player = Player::new(&case, Record::new(Chooser::default()));
            player.play(Record::new(Strategy::Random.chooser(seed, &Pilot::default())));
            let budget = Budget { runs: 400, steps: 40_000 };
            let decision = decide(&case, &outcome_of(&case, &player.moments()), budget);
            assert!(!matches!(decision, Decision::Unreachable { .. }), "seed {seed}: {decision:?}\n{program}");
            found += u64::from(matches!(decision, Decision::Reachable { .. }));
        }
    }
    assert!(found > 300, "only {found} of 400 were found");
}

/// Real runs whose search took more than a million simulations once, or, four of them, some ten thousand; and four that were found
/// impossible: a process was killed between what it did and its word of it; a stop was so late that the signal after it was due as well; a
/// program ran between the signal of its stop and CONT; what a stimulus waited for was so late that it came between two others (of that run
/// only the order is as it was seen, and instants are rounded). They read back as they were written.
fn what_linux_did_is_found_within_a_few_thousand_simulations() {
    for (name, file) in [
        ("a death that leaves nobody to fork", include_str!("recorded/a-death-that-leaves-nobody-to-fork.run")),
        ("killed between two births", include_str!("recorded/killed-between-two-births.run")),
        ("a handler that was late", include_str!("recorded/a-handler-that-was-late.run")),
        ("abandoned while a group was orphaned", include_str!("recorded/abandoned-while-a-group-was-orphaned.run")),
        ("output of a child that nobody read", include_str!("recorded/output-of-a-child-that-nobody-read.run")),
        ("killed before its word", include_str!("recorded/killed-before-its-word.run")),
        ("a signal within an exit", include_str!("recorded/a-signal-within-an-exit.run")),
        ("a double fork that was continued", include_str!("recorded/a-double-fork-that-was-continued.run")),
        ("a stop that came late", include_str!("recorded/a-stop-that-came-late.run")),
        ("a CONT that came late", include_str!("recorded/a-cont-that-came-late.run")),
        (
            "a trigger that came late between two others",
            include_str!("recorded/a-trigger-that-came-late-between-two-others.run"),
        ),
    ] {
        let decision = recorded::decide(file, BUDGET);
        assert!(matches!(decision, Decision::Reachable { runs: ..4000, .. }), "{name}: {decision:?}");
        let written = recorded::write(&recorded::read(file)).expect("what a program can show");
        assert!(file.ends_with(&written), "{name}: {written}");
    }
}

fn only(case: &format::Case) -> shakedown::compare::Outcome {
    outcomes(case, Budget::default()).all.pop_first().expect("an outcome")
}

fn arguments_are_read_or_refused() {
    let read = |line: &str| args::parse(line.split_whitespace().map(str::to_owned));
    let default = Args::default();
    for (line, expected) in [
        ("", default.clone()),
        ("2000 seed=7", Args { programs: Some(2000), seed: 7, ..default.clone() }),
        ("300 --seed 1", Args { programs: Some(300), seed: 1, ..default.clone() }),
        ("2_000 --runs=5 --no-shrink", Args { programs: Some(2000), runs: 5, shrink: false, ..default.clone() }),
        ("kernel:: --nocapture --test-threads 1", Args { filter: Some("kernel::".into()), ..default.clone() }),
    ] {
        assert_eq!(read(line), Ok(expected), "{line}");
    }
    for wrong in ["--seed", "--seed x", "--sede 7"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}
