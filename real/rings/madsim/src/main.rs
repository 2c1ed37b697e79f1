//! Ring 2: thousands of schedules of the shipped glue on madsim. `ring-madsim [SEEDS] [from=SEED]` plays them on all cores, a thread a seed,
//! because madsim is not reproducible once another seed was played in the same thread; `ring-madsim seed=N` plays one, twice, and says more.

mod chance;
mod gone;
mod local;
#[path = "../../machine.rs"]
mod machine;
mod net;
mod plan;
mod play;
mod remote;
mod runtime;
mod stage;

use madsim::runtime::Runtime;
use play::Run;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

#[cfg(not(madsim))]
compile_error!("build with RUSTFLAGS=\"--cfg madsim\" and a target folder of its own: `just madsim`");

fn main() -> ExitCode {
    let (mut seeds, mut from, mut only) = (2000, 0, None);
    for word in std::env::args().skip(1) {
        let number = |text: &str| text.parse::<u64>().unwrap_or_else(|_| panic!("{text} is no number"));
        match word.split_once('=') {
            Some(("seed", n)) => only = Some(number(n)),
            Some(("from", n)) => from = number(n),
            _ => seeds = number(&word),
        }
    }
    match only {
        Some(seed) => one(seed),
        None => sweep(from, seeds),
    }
}

/// In a thread of its own; a panic is a finding.
fn play(seed: u64) -> Run {
    let played = std::thread::spawn(move || {
        let runtime = Runtime::with_seed_and_config(seed, madsim::Config::default());
        runtime.block_on(play::play())
    });
    played.join().unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Run { findings: vec![format!("panic: {}", text.unwrap_or("without a message"))], ..Run::default() }
    })
}

fn one(seed: u64) -> ExitCode {
    let (first, second) = (play(seed), play(seed));
    first.findings.iter().for_each(|finding| println!("{finding}"));
    if first != second {
        println!("and it does not repeat: the second time {second:?}");
    }
    println!("seed {seed}: {}", if first.findings.is_empty() { "held" } else { "found" });
    if first.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn sweep(from: u64, seeds: u64) -> ExitCode {
    let (began, next) = (Instant::now(), AtomicU64::new(from));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut failed, sum) = std::thread::scope(|scope| {
        let worker = || {
            let (mut failed, mut sum) = (Vec::new(), Run::default());
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= from + seeds {
                    return (failed, sum);
                }
                let mut run = play(seed);
                let findings = std::mem::take(&mut run.findings);
                if !findings.is_empty() {
                    failed.push((seed, findings));
                }
                sum.add(run);
            }
        };
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().fold((Vec::new(), Run::default()), |(mut failed, mut sum), worker| {
            let (more, run) = worker.join().expect("findings are no panics");
            failed.extend(more);
            sum.add(run);
            (failed, sum)
        })
    });
    failed.sort_unstable_by_key(|(seed, _)| *seed);
    for (seed, findings) in failed.iter().take(SHOWN_MAX) {
        println!("seed {seed}: {}", findings.join("\n    "));
        println!("    again: just madsim seed={seed}");
    }
    let took = began.elapsed().as_secs_f64();
    println!("ring 2 (madsim): {seeds} seeds in {took:.1} s, {} found something", failed.len());
    let Run { findings: _, done, refused, lost, dropped, followed, obeyed } = sum;
    println!(
        "    clients of the control protocol: {done} requests carried out, {refused} refused, {lost} conversations lost, {dropped} dropped, \
         {followed} followed to the end; {obeyed} orders of who had gone obeyed"
    );
    // Otherwise nothing was tried.
    let is_tried = [done, refused, lost, dropped, followed, obeyed].iter().all(|count| *count > 0);
    assert!(is_tried || seeds < SEEDS_TELLING, "not everything was tried");
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

const SHOWN_MAX: usize = 5;
/// So many try everything.
const SEEDS_TELLING: u64 = 300;
