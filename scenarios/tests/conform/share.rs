//! One of the processes that play: it enters a pid namespace of its own, plays its share of the programs, and tells of each on
//! stdout, a JSON object a line.

use super::args::Args;
use super::coverage::{Exercised, exercised};
use super::generate::{Generator, Tree, shrink};
use super::judge::{Disagreement, Judge, Symptom, Verdict};
use super::program::{Family, Program};
use super::recorded;
use serde::{Deserialize, Serialize};
use shakedown::compare::{Budget, Decision};
use shakedown::live::CannotPlay;
use shakedown::real::namespace;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What is told of one program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Played {
    pub number: u64,
    pub exercised: Exercised,
    /// Distinct real outcomes.
    pub distinct: u64,
    pub undecided: bool,
    pub failure: Option<Failure>,
    /// How long it took, the search included.
    pub took_ms: u64,
}

/// A disagreement, after shrinking.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failure {
    pub symptom: String,
    /// The scenario file.
    pub file: String,
    /// Both sides.
    pub explained: String,
}

/// The exit code of a share that could not play: the machine lacks what the real backend needs.
pub const LACKING: u8 = 7;

/// Plays a share. The exit code, once all is played or nobody listens any more.
pub fn play(args: &Args, (share, of): (u64, u64)) -> u8 {
    let judge = match namespace::enter_private_pid_namespace() {
        Ok(entered) => {
            Judge { run: entered.run, budget: if args.is_brief { BRIEF } else { BUDGET }, record: args.record.clone() }
        }
        Err(refused) => {
            eprintln!("{refused}");
            return LACKING;
        }
    };
    let generator = Generator::new();
    let numbers = args.only.map_or(0..args.programs.unwrap_or(0), |only| only..only + 1);
    for number in numbers.filter(|number| number % of == share) {
        let began = Instant::now();
        let mut played = match one(args, &judge, generator.tree(args.seed, number), number) {
            Ok(played) => played,
            Err(CannotPlay(reason)) => {
                eprintln!("program {number} cannot be played: {reason}");
                return LACKING;
            }
        };
        played.took_ms = began.elapsed().as_millis() as u64;
        let line = serde_json::to_string(&played).expect("plain data is JSON");
        if writeln!(std::io::stdout(), "{line}").is_err() {
            return 0;
        }
    }
    0
}

/// Decides what was written down of a real run, and prints what it took.
pub fn decide_again(file: &Path) -> ExitCode {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("error: {}: {error}", file.display());
            return ExitCode::from(2);
        }
    };
    let began = Instant::now();
    let (word, runs) = match recorded::decide(&text, BUDGET) {
        Decision::Reachable { runs, .. } => ("reachable", runs),
        Decision::Unreachable { runs, .. } => ("unreachable", runs),
        Decision::Undecided { runs, .. } => ("undecided", runs),
    };
    println!("{}: {word} after {runs} simulations, {:.1} s", file.display(), began.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}

fn one(args: &Args, judge: &Judge, tree: Tree, number: u64) -> Result<Played, CannotPlay> {
    let program = tree.current();
    let case = program.case();
    let mut played =
        Played { number, exercised: Exercised::default(), distinct: 0, undecided: false, failure: None, took_ms: 0 };
    match exercised(&program, &case, args.runs) {
        Ok(exercised) => played.exercised = exercised,
        Err(ending) => {
            let symptom = format!("a simulated run came to no end: {ending:?}");
            played.failure =
                Some(Failure { file: program.file(&about(args, number, &symptom)), symptom, explained: String::new() });
            return Ok(played);
        }
    }
    // What races is for a long run, which says how often the two sides still part.
    if args.dry || (args.is_brief && program.family == Family::Racy) {
        return Ok(played);
    }
    match judge.judge(&program, args.runs)? {
        Verdict::Agrees { distinct } => played.distinct = distinct,
        Verdict::Undecided { distinct } => (played.distinct, played.undecided) = (distinct, true),
        Verdict::Disagrees { distinct, disagreement } => {
            played.distinct = distinct;
            let (program, disagreement) =
                if args.shrink { smaller(args, judge, tree, disagreement) } else { (program, disagreement) };
            let symptom = disagreement.symptom.to_string();
            let explained = disagreement.explain(&program.case());
            played.failure = Some(Failure { file: program.file(&about(args, number, &symptom)), symptom, explained });
        }
    }
    Ok(played)
}

fn about(args: &Args, number: u64, symptom: &str) -> String {
    let shrunk = if args.shrink { ", shrunk" } else { "" };
    format!("program {number} of seed {}{shrunk}: {symptom}", args.seed)
}

/// The smallest program found that still disagrees in the same way, and how it does. What races shows itself not every time, so each
/// candidate is played more often than programs are at first.
fn smaller(args: &Args, judge: &Judge, tree: Tree, first: Disagreement) -> (Program, Disagreement) {
    let runs = args.runs * REPEATS;
    let until = Instant::now() + SHRINK_FOR;
    let symptom: Symptom = first.symptom.clone();
    let mut last = first;
    let smallest = shrink(tree, &|| Instant::now() < until, &mut |candidate| match judge.judge(candidate, runs) {
        Ok(Verdict::Disagrees { disagreement, .. }) if disagreement.symptom.is_like(&symptom) => {
            last = disagreement;
            true
        }
        Ok(Verdict::Agrees { .. } | Verdict::Undecided { .. } | Verdict::Disagrees { .. }) | Err(_) => false,
    });
    (smallest, last)
}

/// Of one search: a few seconds, seldom a minute. What needs more is undecided, and counted.
pub const BUDGET: Budget = Budget { runs: 1_500_000, steps: 100_000_000 };
/// Of one search where a few dozen programs are played: a second or so, in a debug build.
const BRIEF: Budget = Budget { runs: 1_000, steps: 100_000 };
/// How much more often a candidate is played.
const REPEATS: u64 = 4;
/// A shrinking that takes longer is given up, with what it has.
const SHRINK_FOR: Duration = Duration::from_secs(20);
