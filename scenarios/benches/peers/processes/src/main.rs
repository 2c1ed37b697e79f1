//! `bench-real [--quick] [--pin] [WORKLOAD…]`: what real processes cost Shakedown and its peers, in one table with ratios and goals.
//! Every measurement is a process of its own: this program again, with other words. Rounds interleave, a figure is a median.
//!
//! All runs in a private pid namespace, whose end is the end of whatever it holds. `--on-this-machine` does without. `--pin` keeps
//! everything on one core: a waking thread then finds its core awake, and nobody else's work on another core is seen in the figures.
mod crowd;
#[path = "../../common/heap.rs"]
mod heap;
mod idle;
mod latency;
mod live;
mod measure;
mod memory;
mod output;
mod peer;
mod spawn;
mod system;
mod table;

use measure::{Found, Scale};
use shakedown_real::namespace;
use std::process::ExitCode;
use std::time::Instant;

/// One line of BENCH.md's section "Real workloads".
pub struct Workload {
    pub word: &'static str,
    pub title: &'static str,
    /// Who is measured, or in which way, by name.
    pub rows: &'static [&'static str],
    /// Measures one row once, in a process of its own.
    pub measure: fn(row: &str, scale: Scale) -> Result<measure::Answer, String>,
    /// Prints what was found in all rounds.
    pub report: fn(&Found),
}

const WORKLOADS: [&Workload; 7] = [
    &spawn::WORKLOAD,
    &memory::WORKLOAD,
    &latency::WORKLOAD,
    &idle::WORKLOAD,
    &crowd::HELD,
    &crowd::MANY,
    &output::WORKLOAD,
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [first, workload, row, scale] = words.as_slice()
        && first == measure::WORD
    {
        return measure::answer(workload, row, scale);
    }
    let (options, names): (Vec<&String>, Vec<&String>) = words.iter().partition(|word| word.starts_with("--"));
    let is_given = |option: &str| options.iter().any(|given| *given == option);
    let is_known = |name: &&String| WORKLOADS.iter().any(|workload| workload.word == **name);
    if options.iter().any(|option| !OPTIONS.contains(&option.as_str())) || !names.iter().all(is_known) {
        let known: Vec<&str> = WORKLOADS.iter().map(|workload| workload.word).collect();
        eprintln!("usage: bench-real [--quick] [--pin] [--on-this-machine] [WORKLOAD…]   ({})", known.join(", "));
        return ExitCode::from(2);
    }
    if !is_given(ON_THIS_MACHINE)
        && let Err(refused) = namespace::enter_private_pid_namespace()
    {
        eprintln!("not run: {refused}. {ON_THIS_MACHINE} measures without one.");
        return ExitCode::FAILURE;
    }
    let chosen = WORKLOADS.into_iter().filter(|all| names.is_empty() || names.iter().any(|name| *name == all.word));
    let machine = system::describe();
    let pinned = if is_given(PIN) { system::pin() } else { Ok("not pinned".to_string()) };
    match pinned {
        Ok(place) => {
            let scale = if is_given(QUICK) { Scale::Quick } else { Scale::Full };
            run(&chosen.collect::<Vec<_>>(), scale, &format!("{machine}; {place}"))
        }
        Err(trouble) => {
            eprintln!("not run: {trouble}");
            ExitCode::FAILURE
        }
    }
}

fn run(chosen: &[&Workload], scale: Scale, place: &str) -> ExitCode {
    let (began, before) = (Instant::now(), system::others_percent());
    let mut found: Vec<Found> = chosen.iter().map(|_| Found::default()).collect();
    for _ in 0..scale.rounds() {
        for (workload, found) in chosen.iter().zip(&mut found) {
            for row in workload.rows {
                found.ask(workload, row, scale);
            }
        }
    }
    let after = system::others_percent();
    println!("{place}");
    println!(
        "others kept the cores busy by {before:.0} % before, and by {after:.0} % after: what is cited needs a quiet machine"
    );
    let mut is_whole = true;
    for (workload, found) in chosen.iter().zip(&found) {
        println!("\n{:7} {}", workload.word, workload.title);
        (workload.report)(found);
        for (row, trouble) in &found.troubles {
            is_whole = false;
            println!("        TROUBLE {row}: {trouble}");
        }
    }
    println!("\nmedians of {} rounds, {:.0} s in all", scale.rounds(), began.elapsed().as_secs_f64());
    if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

const QUICK: &str = "--quick";
const ON_THIS_MACHINE: &str = "--on-this-machine";
const PIN: &str = "--pin";
const OPTIONS: [&str; 3] = [QUICK, PIN, ON_THIS_MACHINE];
