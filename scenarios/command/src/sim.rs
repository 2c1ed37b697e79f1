//! `shakedown sim`: sweep scenarios in the simulator and report.

use crate::cli::{Files, load, seeds};
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::latest;
use crate::output::{self, Output};
use crate::progress::{Ended, Show, watch};
use crate::tally::{Treatment, tally};
use clap::Args;
use shakedown::failure::Effort;
use shakedown::report::SweepReport;
use shakedown::sim::choose::{Selector, Strategy};
use shakedown::sweep::{Job, Mix, Progress, Seeds, Shard, SweepResult};
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// The arguments of `sim`.
#[derive(Args, Debug)]
pub(crate) struct SimArgs {
    #[command(flatten)]
    files: Files,
    /// Exactly this seed
    #[arg(long, env = "SHAKEDOWN_SEED", value_name = "N", conflicts_with = "seeds")]
    seed: Option<u64>,
    /// `N` seeds, those from `A..B`, or N that were never played, instead of what each file says
    #[arg(long, env = "SHAKEDOWN_SEEDS", value_name = "N|A..B|random:N")]
    seeds: Option<Seeds>,
    /// Only this case of each scenario, counted from 1
    #[arg(long, env = "SHAKEDOWN_CASE", value_name = "K")]
    case: Option<u32>,
    /// Only this share of the seeds, as 2/8; `auto`, or `auto/8`, asks the job engine (GitLab, CircleCI, Buildkite, Kubernetes, Slurm)
    #[arg(long, env = "SHAKEDOWN_SHARD", value_name = "I/N")]
    shard: Option<Shard>,
    /// Only what failed the last time, each failure by its own seed; everything where nothing did
    #[arg(long, env = "SHAKEDOWN_RERUN")]
    rerun: bool,
    /// End once so many runs have failed
    #[arg(long, env = "SHAKEDOWN_MAX_FAIL", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_fail: Option<u64>,
    /// End after so much time on the clock, and tell what was found until then: 30s, 5m
    #[arg(long, env = "SHAKEDOWN_TIME_BUDGET", value_name = "D", value_parser = crate::cli::duration)]
    time_budget: Option<Duration>,
    /// Threads; the result does not depend on them [default: all cores]
    #[arg(short, long, env = "SHAKEDOWN_JOBS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Play every seed twice and compare, not only one in a hundred
    #[arg(long, env = "SHAKEDOWN_CHECK_DETERMINISM")]
    check_determinism: bool,
    /// How a seed chooses its run: random, walk, pct, pos, surw, delays, weather, or a portfolio of them all
    #[arg(long, env = "SHAKEDOWN_STRATEGY", value_name = "NAME", default_value_t)]
    strategy: Mix,
    /// Which actions surw is to be even about: exit:, signal:, timer:, message:, task:, process: or any: and names
    #[arg(long, env = "SHAKEDOWN_ABOUT", value_name = "KIND:NAMES")]
    about: Option<Selector>,
    /// Tell a failure as it was found, without shrinking and explaining it
    #[arg(long, env = "SHAKEDOWN_NO_SHRINK")]
    no_shrink: bool,
    /// Write failure files into this folder; those in `shakedown-regressions` beside a scenario are replayed first
    #[arg(long, env = "SHAKEDOWN_OUT", value_name = "DIR")]
    out: Option<PathBuf>,
    /// List the deadlines that were not seen kept, missed and tied
    #[arg(long, env = "SHAKEDOWN_COVERAGE")]
    coverage: bool,
    #[command(flatten)]
    output: Output,
    /// How progress is shown, on stderr
    #[arg(long, env = "SHAKEDOWN_PROGRESS", default_value = "auto")]
    progress: Show,
}

pub(crate) fn run(args: &SimArgs) -> Exit {
    if args.about.is_some() && !matches!(args.strategy, Mix::One(Strategy::Surw) | Mix::Portfolio) {
        eprintln!("error: `--about` tells surw what to be even about: `--strategy {}` does not ask", args.strategy);
        return Exit::Usage;
    }
    let jobs = match jobs(args) {
        Ok(jobs) => jobs,
        Err(exit) => return exit,
    };
    let began = Instant::now();
    let (result, ended, interrupt) = play(args, &jobs);
    let cut_short = match ended {
        Ended::ByItself => false,
        Ended::Interrupted => {
            eprintln!("interrupted: what follows is what was played until then");
            true
        }
        Ended::OutOfTime => {
            eprintln!("the time budget is spent: what follows is what was played until then");
            true
        }
    };
    if result.enough {
        eprintln!("enough runs have failed: what follows is what was played until then");
    }
    let treatment = Treatment {
        effort: if args.no_shrink { Effort::NONE } else { Effort::default() },
        out: args.out.as_deref(),
        replays: args.shard.is_none_or(Shard::is_first),
    };
    let (mut report, mut exit) = tally(&jobs, &result, began.elapsed(), cut_short, &treatment);
    report.summary.lists_deadlines = args.coverage;
    report.shard = args.shard.map(|shard| shard.to_string());
    exit = match ended {
        Ended::ByItself => exit,
        Ended::Interrupted => exit.worst(interrupt.exit().unwrap_or(Exit::Interrupted)),
        Ended::OutOfTime => exit.worst(Exit::Inconclusive),
    };
    // What one shard, or a sweep that was cut short, has not seen, another may have.
    let is_whole = args.shard.is_none() && !cut_short && !result.enough;
    if is_whole && lacks_a_sometimes(&report) {
        exit = exit.worst(Exit::Inconclusive);
    }
    latest::keep(&report);
    output::tell(&args.output, &report, exit)
}

/// A single run cannot be expected to have seen everything.
pub(crate) fn lacks_a_sometimes(report: &SweepReport) -> bool {
    report.summary.sometimes.iter().any(|(_, seen)| *seen == 0) && report.cases.iter().any(|case| case.runs > 1)
}

/// What is to be played, in order.
fn jobs(args: &SimArgs) -> Result<Vec<Job>, Exit> {
    let scenarios = load(&args.files)?;
    let mut jobs = Job::all(&scenarios, seeds(args.seed, args.seeds), args.strategy.first());
    jobs.iter_mut().for_each(|job| job.about.clone_from(&args.about));
    if let Some(case) = args.case {
        jobs.retain(|job| job.case.index == case);
    }
    if let Some((job, worker)) = jobs.iter().find_map(|job| job.case.without_sim().map(|worker| (job, worker))) {
        let file = &job.scenario.file;
        eprintln!(
            "error: {file}: the simulator cannot play worker `{worker}`: give its command a stand-in with `sim = \"…\"`"
        );
        return Err(Exit::BadFile);
    }
    if jobs.is_empty() {
        eprintln!("error: no case {} in these scenarios", args.case.unwrap_or_default());
        return Err(Exit::NothingRan);
    }
    if args.rerun {
        jobs = latest::only_what_failed(jobs);
    }
    Ok(match args.shard {
        Some(shard) => jobs.into_iter().map(|job| job.shard(shard)).collect(),
        None => jobs,
    })
}

fn play(args: &SimArgs, jobs: &[Job]) -> (SweepResult, Ended, Interrupt) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = args.jobs.map_or(cores, usize::from);
    let progress = Arc::new(Progress { max_fail: args.max_fail, ..Progress::default() });
    let stop = progress.clone();
    let interrupt = Interrupt::listen(move || stop.stop.store(true, Relaxed));
    let total: u64 = jobs.iter().map(|job| job.seeds.end - job.seeds.start).sum();
    std::thread::scope(|scope| {
        let (at_work, over) = channel::<Infallible>();
        let progress = &progress;
        let sweeping = scope.spawn(move || {
            // Dropped when the sweep is over, and where it panics.
            let _at_work = at_work;
            args.strategy.sweep(jobs, threads, args.check_determinism, progress)
        });
        let is_over = |at_most| matches!(over.recv_timeout(at_most), Err(RecvTimeoutError::Disconnected));
        let ended = watch(args.progress, total, progress, args.time_budget, is_over);
        (sweeping.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), ended, interrupt)
    })
}
