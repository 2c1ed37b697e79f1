//! `shakedown sim`: sweep scenarios in the simulator and report.

use crate::cli::{Files, Format, load, saved, seeds};
use crate::exit::Exit;
use crate::progress::{Show, watch};
use crate::replay::replay_in;
use clap::Args;
use shakedown::failure::{Effort, FailureFile, Investigated};
use shakedown::format::Scenario;
use shakedown::report::{
    CaseLine, CaseSummary, FailureLine, FailureReport, SummaryLine, SweepSummary, case_line, failure_block,
    sweep_summary,
};
use shakedown::sim::choose::{Selector, Strategy};
use shakedown::sweep::{
    CaseResult, Deadline, FirstFailure, Job, Mix, Progress, Seeds, SweepResult, look_into, parting, regressions, tell,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// The arguments of `sim`.
#[derive(Args, Debug)]
pub(crate) struct SimArgs {
    #[command(flatten)]
    files: Files,
    /// Exactly this seed
    #[arg(long, env = "SHAKEDOWN_SEED", value_name = "N", conflicts_with = "seeds")]
    seed: Option<u64>,
    /// `N` seeds, or those from `A..B`, instead of what each file says
    #[arg(long, env = "SHAKEDOWN_SEEDS", value_name = "N|A..B")]
    seeds: Option<Seeds>,
    /// Only this case of each scenario, counted from 1
    #[arg(long, env = "SHAKEDOWN_CASE", value_name = "K")]
    case: Option<u32>,
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
    /// List the grace periods that were not seen kept, missed and tied
    #[arg(long, env = "SHAKEDOWN_COVERAGE")]
    coverage: bool,
    /// How results are printed
    #[arg(long, env = "SHAKEDOWN_FORMAT", default_value = "human")]
    format: Format,
    /// How progress is shown, on stderr
    #[arg(long, env = "SHAKEDOWN_PROGRESS", default_value = "auto")]
    progress: Show,
}

pub(crate) fn run(args: &SimArgs) -> Exit {
    if args.about.is_some() && !matches!(args.strategy, Mix::One(Strategy::Surw) | Mix::Portfolio) {
        eprintln!("error: `--about` tells surw what to be even about: `--strategy {}` does not ask", args.strategy);
        return Exit::Usage;
    }
    let scenarios = match load(&args.files) {
        Ok(scenarios) => scenarios,
        Err(exit) => return exit,
    };
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
        return Exit::BadFile;
    }
    if jobs.is_empty() {
        eprintln!("error: no case {} in these scenarios", args.case.unwrap_or_default());
        return Exit::NothingRan;
    }
    let began = Instant::now();
    let (result, interrupted) = play(args, &jobs);
    report(args, &jobs, &result, began.elapsed(), interrupted)
}

fn play(args: &SimArgs, jobs: &[Job]) -> (SweepResult, bool) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = args.jobs.map_or(cores, usize::from);
    let progress = Arc::new(Progress::default());
    let stop = progress.clone();
    // The first interrupt ends the sweep and keeps what was found, the second ends the program.
    let armed = ctrlc::set_handler(move || {
        if stop.stop.swap(true, Relaxed) {
            std::process::exit(i32::from(Exit::Interrupted.code()));
        }
    });
    if let Err(error) = armed {
        eprintln!("warning: an interrupt will lose what was found: {error}");
    }
    let total: u64 = jobs.iter().map(|job| job.seeds.end - job.seeds.start).sum();
    let result = std::thread::scope(|scope| {
        let sweeping = scope.spawn(|| args.strategy.sweep(jobs, threads, args.check_determinism, &progress));
        watch(args.progress, total, &progress, || sweeping.is_finished());
        sweeping.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    let interrupted = result.interrupted;
    (result, interrupted)
}

fn report(args: &SimArgs, jobs: &[Job], result: &SweepResult, real_time: Duration, interrupted: bool) -> Exit {
    let format = args.format;
    let effort = if args.no_shrink { Effort::NONE } else { Effort::default() };
    let mut exit = if interrupted { Exit::Interrupted } else { Exit::Held };
    let mut blocks = Vec::new();
    exit = exit.worst(replay_regressions(format, jobs, effort, &mut blocks));
    if interrupted {
        eprintln!("interrupted: what follows is what was played until then");
    }
    let played = |(_, case): &(&Job, &CaseResult)| !interrupted || case.runs > 0;
    for (job, case) in jobs.iter().zip(&result.cases).filter(played) {
        let summary = summary_of(job, case);
        match format {
            Format::Human => println!("{}", case_line(&summary)),
            Format::Json => println!("{}", CaseLine::from(&summary).line()),
        }
        for seed in &case.unsteady {
            exit = exit.worst(Exit::NotDeterministic);
            let (name, index) = (&job.scenario.name, job.case.index);
            let parted = parting(job, *seed).map_or_else(String::new, |parted| format!(": {parted}"));
            eprintln!("not deterministic: {name} case {index} seed {seed} took two ways{parted}");
        }
        for failure in &case.failures {
            exit = exit.worst(Exit::Failed);
            let investigated = look_into(job, failure, effort);
            let report = tell(job, failure, case.runs, &investigated);
            if let Some(folder) = &args.out {
                save(job, failure, &investigated, folder);
            }
            if !investigated.same {
                exit = exit.worst(Exit::NotDeterministic);
            }
            if format == Format::Json {
                println!("{}", FailureLine::from(&report).line());
            }
            blocks.push(report);
        }
    }
    let sometimes = sometimes(jobs, result);
    if !interrupted && sometimes.iter().any(|(_, seen)| *seen == 0) && result.cases.iter().any(|c| c.runs > 1) {
        exit = exit.worst(Exit::Inconclusive);
    }
    let mut summary = total(jobs, result, real_time, sometimes);
    summary.lists_graces = args.coverage;
    if summary.runs == 0 {
        exit = exit.worst(Exit::NothingRan);
    }
    match format {
        Format::Human => print_human(&blocks, &summary),
        Format::Json => println!("{}", SummaryLine::new(&summary, i32::from(exit.code())).line()),
    }
    exit
}

fn save(job: &Job, failure: &FirstFailure, investigated: &Investigated, folder: &Path) {
    let found = format!("seed {} of {}", failure.seed, failure.strategy);
    let file = FailureFile::of(investigated, &job.scenario.file, &job.case.label, &found);
    if let Some(path) = file.and_then(|file| saved(&file, folder)) {
        eprintln!("written: {path}");
    }
}

/// Plays the recorded failures of these scenarios.
fn replay_regressions(format: Format, jobs: &[Job], effort: Effort, blocks: &mut Vec<FailureReport>) -> Exit {
    let mut exit = Exit::Held;
    let mut scenarios: Vec<&Arc<Scenario>> = jobs.iter().map(|job| &job.scenario).collect();
    scenarios.dedup_by(|a, b| Arc::ptr_eq(a, b));
    for scenario in scenarios {
        for (path, file) in regressions(scenario) {
            let file = match file {
                Ok(file) => file,
                Err(error) => {
                    eprintln!("error: {error}");
                    exit = exit.worst(Exit::BadFile);
                    continue;
                }
            };
            exit = exit.worst(replay_in(scenario, &path, &file, effort, &mut |report| {
                if format == Format::Json {
                    println!("{}", FailureLine::from(&report).line());
                }
                blocks.push(report);
            }));
        }
    }
    exit
}

fn print_human(blocks: &[FailureReport], summary: &SweepSummary) {
    for block in blocks {
        print!("\n{}", failure_block(block));
    }
    print!("\n{}", sweep_summary(summary));
}

fn summary_of(job: &Job, case: &CaseResult) -> CaseSummary {
    CaseSummary {
        scenario: job.scenario.name.to_string(),
        case_index: job.case.index,
        case_label: job.case.label.to_string(),
        runs: case.runs,
        distinct: case.distinct,
        failed: case.failed,
    }
}

/// Each `sometimes` of each scenario, over all of its cases.
fn sometimes(jobs: &[Job], result: &SweepResult) -> Vec<(String, u64)> {
    let mut all: Vec<(String, u64)> = Vec::new();
    for (job, case) in jobs.iter().zip(&result.cases) {
        for (sentence, hits) in job.case.expectations.sometimes().zip(&case.hits) {
            let name = format!("{}: {sentence}", job.scenario.name);
            match all.iter_mut().find(|(known, _)| *known == name) {
                Some((_, seen)) => *seen += hits,
                None => all.push((name, *hits)),
            }
        }
    }
    all
}

fn total(jobs: &[Job], result: &SweepResult, real_time: Duration, sometimes: Vec<(String, u64)>) -> SweepSummary {
    let sum = |of: fn(&CaseResult) -> u64| result.cases.iter().map(of).sum();
    let unused = |(job, case): (&Job, &CaseResult)| -> Vec<(String, Option<String>)> {
        let of = |on: &str| Some(format!("{on}, in {}", job.scenario.name));
        case.unused.iter().map(|(oracle, on)| (oracle.clone(), of(on))).collect()
    };
    let graces = |(job, case): (&Job, &CaseResult)| -> Vec<(String, Vec<&'static str>)> {
        let asked = |deadline: &Deadline| deadline.kept + deadline.missed + deadline.tied > 0;
        let named = job.case.session.workers.iter().zip(&case.deadlines).filter(|(_, deadline)| asked(deadline));
        let whose = |name: &str| format!("{name} in {} {}", job.scenario.name, job.case.label).trim_end().to_owned();
        named.map(|(worker, deadline)| (whose(&worker.name), deadline.never())).collect()
    };
    SweepSummary {
        graces: jobs.iter().zip(&result.cases).flat_map(graces).collect(),
        lists_graces: false,
        runs: sum(|case| case.runs),
        distinct: sum(|case| case.distinct),
        failed: sum(|case| case.failed),
        virtual_time: Duration::from_nanos(sum(|case| case.virtual_ns)),
        real_time,
        sometimes,
        unused_allowances: jobs.iter().zip(&result.cases).flat_map(unused).collect(),
    }
}
