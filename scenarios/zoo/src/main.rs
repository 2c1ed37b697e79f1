//! `just zoo`: who finds which bug how soon, as a table; `just zoo-twins`: whether the correct twins are left in peace.

mod show;
mod table;

use clap::Parser;
use shakedown_sim::choose::Strategy;
use shakedown_zoo::hunt::{Budget, Progress, chunks, hunt, least, watch_twins};
use shakedown_zoo::{Case, catalogue, quiet_panics};
use std::process::ExitCode;
use table::Table;

/// Hunts the planted bugs: how many seeds each strategy needs until each of them shows
#[derive(Parser, Debug)]
#[command(name = "shakedown-zoo", version)]
struct Args {
    /// Only bugs whose name or number contains one of these: `drain`, `L38`
    words: Vec<String>,
    /// Play the correct twins instead: nobody may object
    #[arg(long)]
    twins: bool,
    /// Seeds from each base at most; of each twin
    #[arg(long, value_name = "N")]
    seeds: Option<u64>,
    /// Base seeds, a million apart
    #[arg(long, value_name = "N", default_value_t = 20)]
    bases: u64,
    /// Strategies to hunt by: all of them; for twins the first
    #[arg(long = "strategy", value_name = "NAME")]
    strategies: Vec<Strategy>,
    /// The failures of so many bases are shrunk
    #[arg(long, value_name = "N", default_value_t = 3)]
    shrinks: u64,
    /// Threads; as many as there are cores
    #[arg(short, long, value_name = "N")]
    jobs: Option<usize>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    quiet_panics();
    let cases: Vec<&Case> = catalogue().iter().filter(|case| args.asks_for(case)).collect();
    if cases.is_empty() {
        eprintln!("error: no bug is called by {}", args.words.join(" or "));
        return ExitCode::from(2);
    }
    let threads = args.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    if args.twins { twins(&cases, &args, threads) } else { bugs(&cases, &args, threads) }
}

impl Args {
    fn asks_for(&self, case: &Case) -> bool {
        self.words.is_empty()
            || self
                .words
                .iter()
                .any(|word| case.name.contains(word.as_str()) || case.bug.split(' ').any(|id| id == word))
    }

    fn strategies(&self, otherwise: &[Strategy]) -> Vec<Strategy> {
        if self.strategies.is_empty() { otherwise.to_vec() } else { self.strategies.clone() }
    }
}

fn bugs(cases: &[&Case], args: &Args, threads: usize) -> ExitCode {
    let strategies = args.strategies(&Strategy::ALL);
    let budget = Budget { bases: args.bases, seeds: args.seeds.unwrap_or(10_000), shrinks: args.shrinks };
    let progress = Progress::default();
    let total = (cases.len() * strategies.len()) as u64 * budget.bases + cases.len() as u64;
    let (hunts, least) = show::watched(total, &progress, || {
        (hunt(cases, &strategies, budget, threads, &progress), least(cases, threads, &progress))
    });
    print!("{}", Table { cases, strategies: &strategies, budget, hunts: &hunts, least: &least });
    let all = hunts.iter().all(|by_strategy| by_strategy.iter().any(|hunt| hunt.found() > 0));
    if all { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn twins(cases: &[&Case], args: &Args, threads: usize) -> ExitCode {
    let strategies = args.strategies(&[Strategy::default()]);
    let (seeds, progress) = (args.seeds.unwrap_or(100_000), Progress::default());
    let total = chunks(cases.len(), seeds);
    let wrong = show::watched(total, &progress, || watch_twins(cases, &strategies, seeds, threads, &progress));
    let mut clean = 0;
    for (case, wrong) in cases.iter().zip(wrong) {
        match wrong {
            None => clean += 1,
            Some((seed, caught)) => println!("the twin of {} is not clean: {caught}, seed {seed}", case.name),
        }
    }
    println!("{clean} of {} twins clean, {seeds} seeds each", cases.len());
    if clean == cases.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
