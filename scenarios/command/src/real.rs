//! `shakedown real`: the same files with real processes, in a pid namespace of their own.

use crate::cli::{Files, load};
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::output::Format;
use clap::Args;
use shakedown::core::vocab::{Act, Errno, Fact, FactRecord, Scope};
use shakedown::format::{Case, Scenario};
use shakedown::live::{self, LiveRun};
use shakedown::real::namespace;
use shakedown::report::{
    CaseLine, CaseSummary, FailureLine, FailureReport, HowCommon, RunOf, RunRecord, Story, SummaryLine, Surprises,
    SweepReport, SweepSummary, case_line, failure_block, sweep_summary, timeline,
};
use shakedown::sim::Moment;
use shakedown::sweep::{Job, PlanNames, Seeds};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The arguments of `real`.
#[derive(Args, Debug)]
pub(crate) struct RealArgs {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    play: Play,
    /// How often each case is played
    #[arg(long, env = "SHAKEDOWN_RUNS", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
}

/// What every command takes that plays on this machine.
#[derive(Args, Debug)]
pub(crate) struct Play {
    /// What ranges are drawn from
    #[arg(long, env = "SHAKEDOWN_SEED", value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Only this case of each scenario, counted from 1
    #[arg(long, env = "SHAKEDOWN_CASE", value_name = "K")]
    pub(crate) case: Option<u32>,
    /// Play scenarios whose `limits.time` is above 60s too
    #[arg(long, env = "SHAKEDOWN_LONG")]
    pub(crate) long: bool,
    /// Fail with exit code 7 where anything had to be skipped
    #[arg(long, env = "SHAKEDOWN_REQUIRE")]
    pub(crate) require: bool,
    /// Play among the processes of this machine instead of in a private pid namespace
    #[arg(long, env = "SHAKEDOWN_ON_THIS_MACHINE")]
    pub(crate) on_this_machine: bool,
    /// How results are printed
    #[arg(long, env = "SHAKEDOWN_FORMAT", default_value = "human")]
    pub(crate) format: Format,
}

/// The longest `limits.time` that is played unasked.
const LIMIT_UNASKED: Duration = Duration::from_secs(60);

pub(crate) fn run(args: &RealArgs) -> Exit {
    let name = match enter(args.play.on_this_machine) {
        Ok(name) => name,
        Err(exit) => return exit,
    };
    match load(&args.files) {
        Ok(scenarios) => play_all(args, &scenarios, &name),
        Err(exit) => exit,
    }
}

/// Enters a private pid namespace, unless told not to, and says what the run is called. To be called before any thread exists, and
/// before anything is printed: this process is replaced by one inside.
pub(crate) fn enter(on_this_machine: bool) -> Result<String, Exit> {
    if on_this_machine {
        return Ok(format!("on-this-machine-{}", std::process::id()));
    }
    match namespace::enter_private_pid_namespace() {
        Ok(entered) => Ok(entered.run),
        Err(refused) => {
            eprintln!("error: {refused}\nhelp: --on-this-machine plays among this machine's own processes");
            Err(Exit::Lacking)
        }
    }
}

/// Why a scenario is not played, if it is not.
pub(crate) fn skipped(long: bool, job: &Job) -> Option<String> {
    if !job.scenario.real {
        return Some(job.scenario.real_reason.clone().unwrap_or_else(|| "it says `real = false`".into()));
    }
    if job.case.stimuli.iter().any(|stimulus| stimulus.act == Act::CrashHost) {
        return Some("its `crash-host` kills a supervisor in the simulator only".into());
    }
    if !job.case.faults.is_empty() {
        return Some("its `[[faults]]` strike in the simulator only".into());
    }
    if let Some(why) = scope_is_missing(&job.case) {
        return Some(why);
    }
    let is_long = job.case.limits.time > LIMIT_UNASKED && !long;
    is_long.then(|| "its `limits.time` is above 60s: --long plays it".into())
}

/// Why the real side cannot contain a worker of this case as it asks, if it cannot.
pub(crate) fn scope_is_missing(case: &Case) -> Option<String> {
    let (worker, scope) = case.without_real()?;
    let what = if scope == Scope::Job { "a job" } else { "a control group" };
    Some(format!("the scope of `{worker}` is {what}, which only the simulator has yet"))
}

/// Complains of whoever this run has left behind when all is over.
pub(crate) fn complain_of_leftovers(name: &str) -> Exit {
    let left = match namespace::leftovers(name) {
        Ok(left) => left,
        Err(errno) => return complain_of_blindness(errno),
    };
    for (pid, command) in &left {
        eprintln!("error: left behind: {pid} {command}");
    }
    if left.is_empty() { Exit::Held } else { Exit::Failed }
}

fn complain_of_blindness(errno: Errno) -> Exit {
    eprintln!("error: who was left behind cannot be seen: {errno} ({})", errno.explain());
    Exit::Failed
}

#[derive(Default)]
struct Tally {
    sweep: Vec<CaseSummary>,
    sometimes: Vec<(String, u64)>,
    skipped: Vec<(String, String)>,
    blocks: Vec<FailureReport>,
}

fn play_all(args: &RealArgs, scenarios: &[Arc<Scenario>], name: &str) -> Exit {
    let began = Instant::now();
    let (mut tally, mut exit) = (Tally::default(), Exit::Held);
    let mut jobs = Job::all(scenarios, Seeds::First(1), shakedown::sim::choose::Strategy::default());
    jobs.retain(|job| args.play.case.is_none_or(|case| job.case.index == case));
    let interrupt = Interrupt::listen(|| {});
    for job in &jobs {
        match skipped(args.play.long, job) {
            Some(reason) => tally.skipped.push((job.scenario.name.to_string(), reason)),
            None => exit = exit.worst(play_case(args, job, name, &interrupt, &mut tally)),
        }
        if let Some(interrupted) = interrupt.exit() {
            eprintln!("interrupted: what follows is what was played until then");
            exit = exit.worst(interrupted);
            break;
        }
    }
    exit = exit.worst(complain_of_leftovers(name));
    if tally.sweep.is_empty() || (args.play.require && !tally.skipped.is_empty()) {
        exit = exit.worst(Exit::Lacking);
    }
    if args.runs > 1 && interrupt.exit().is_none() && tally.sometimes.iter().any(|(_, seen)| *seen == 0) {
        exit = exit.worst(Exit::Inconclusive);
    }
    print_summary(args, tally, began.elapsed(), exit);
    exit
}

fn play_case(args: &RealArgs, job: &Job, name: &str, interrupt: &Interrupt, tally: &mut Tally) -> Exit {
    let (mut exit, mut played, mut failed, mut orders) = (Exit::Held, 0, 0, BTreeSet::new());
    let mut reports = Vec::new();
    let mut hits = vec![0; job.case.expectations.sometimes().count()];
    for n in 0..u64::from(args.runs) {
        let seed = args.play.seed.wrapping_add(n);
        let run = match live::play_until(&job.case, seed, name, !args.play.on_this_machine, &interrupt.bell) {
            Ok(Some(run)) => run,
            Ok(None) => break,
            Err(live::CannotPlay(reason)) => {
                eprintln!("error: {}: {reason}", job.scenario.name);
                return Exit::Lacking;
            }
        };
        exit = exit.worst(sweep_up(job, &run, name));
        played += 1;
        orders.insert(run.digest);
        hits.iter_mut().enumerate().for_each(|(n, hits)| *hits += run.hits >> n & 1);
        if !run.findings.is_empty() {
            failed += 1;
            exit = exit.worst(Exit::Failed);
            if reports.is_empty() {
                reports.push(report(args, job, seed, &run));
            }
        }
    }
    if played == 0 {
        return exit;
    }
    let summary = CaseSummary {
        scenario: job.scenario.name.to_string(),
        file: job.scenario.file.to_string(),
        case_index: job.case.index,
        case_label: job.case.label.to_string(),
        runs: played,
        distinct: orders.len() as u64,
        failed,
    };
    let how_common = Some(HowCommon { failed, runs: played });
    reports.iter_mut().for_each(|report| report.how_common = how_common);
    match args.play.format {
        Format::Human | Format::Github => say!("{}", case_line(&summary)),
        Format::Json => say!("{}", CaseLine::from(&summary).line()),
    }
    if args.play.format == Format::Json {
        reports.iter().for_each(|report| say!("{}", FailureLine::from(report).line()));
    }
    tally.blocks.extend(reports);
    tally.sweep.push(summary);
    if args.runs > 1 {
        let names = job.case.expectations.sometimes().map(|s| format!("{}: {s}", job.scenario.name));
        tally.sometimes.extend(names.zip(hits));
    }
    exit
}

/// Ends whoever outlived the session by its own word, and complains of everybody else.
pub(crate) fn sweep_up(job: &Job, run: &LiveRun, name: &str) -> Exit {
    let named: BTreeSet<i32> = run
        .moments
        .iter()
        .filter_map(|moment| match moment {
            Moment::Fact(FactRecord { fact: Fact::Ended(outcome), .. }) => Some(outcome),
            Moment::Fact(_) | Moment::Process(_) => None,
        })
        .flat_map(|outcome| outcome.survivors.iter().chain(&outcome.holders).map(|left| left.pid))
        .collect();
    let mut exit = Exit::Held;
    let left = match namespace::leftovers(name) {
        Ok(left) => left,
        Err(errno) => return complain_of_blindness(errno),
    };
    for (pid, command) in left {
        if !named.contains(&pid.as_raw()) {
            eprintln!("error: {} left behind: {pid} {command}", job.scenario.name);
            exit = Exit::Failed;
        }
        // Whoever would not end is found again when all is over.
        let _ = namespace::end_leftover(name, pid);
    }
    exit
}

fn report(args: &RealArgs, job: &Job, seed: u64, run: &LiveRun) -> FailureReport {
    let finding = &run.findings[0];
    let story = Story {
        moments: &run.moments,
        names: &PlanNames(&job.case.session),
        failure: Some((&finding.rule, &finding.subject, finding.at)),
    };
    let case = if job.case.label.is_empty() { String::new() } else { format!(" --case {}", job.case.index) };
    let on = if args.play.on_this_machine { " --on-this-machine" } else { "" };
    FailureReport {
        scenario: job.scenario.name.to_string(),
        file: job.scenario.file.to_string(),
        case_index: job.case.index,
        case_label: job.case.label.to_string(),
        run: RunOf::Machine,
        oracle: if finding.expected { format!("expect: {}", finding.rule) } else { finding.rule.to_string() },
        subject: finding.subject.clone(),
        at: finding.at,
        message: finding.message.clone(),
        decisions: 0,
        surprises: Surprises::default(),
        rerun: format!("shakedown real {}{case} --seed {seed}{on}", job.scenario.file),
        reproduced: None,
        parted: None,
        minimised: None,
        timeline: timeline(&story),
        why: None,
        told_surprises: Vec::new(),
        late_ns: Some(u64::try_from(run.late.as_nanos()).unwrap_or(u64::MAX)),
        needs: Vec::new(),
        tipping_point: None,
        also: Vec::new(),
        record: RunRecord::of(&story),
        how_common: None,
    }
}

fn print_summary(args: &RealArgs, tally: Tally, real_time: Duration, exit: Exit) {
    let summary = SweepSummary {
        runs: tally.sweep.iter().map(|case| case.runs).sum(),
        distinct: tally.sweep.iter().map(|case| case.distinct).sum(),
        failed: tally.sweep.iter().map(|case| case.failed).sum(),
        virtual_time: Duration::ZERO,
        real_time,
        sometimes: tally.sometimes,
        shards: 0,
        deadlines: Vec::new(),
        lists_deadlines: false,
        unused_allowances: Vec::new(),
    };
    crate::latest::keep_failures(&tally.blocks);
    if args.play.format == Format::Github {
        let found = SweepReport { failures: tally.blocks.clone(), ..SweepReport::default() };
        emit!("{}", crate::formats::github::annotations(&found));
    }
    match args.play.format {
        Format::Human | Format::Github => {
            tally.blocks.iter().for_each(|block| emit!("\n{}", failure_block(block)));
            for (name, reason) in &tally.skipped {
                say!("skipped  {name}: {reason}");
            }
            emit!("\n{}", sweep_summary(&summary));
            if !tally.skipped.is_empty() {
                say!("{} skipped", tally.skipped.len());
            }
        }
        Format::Json => {
            for (name, reason) in &tally.skipped {
                eprintln!("skipped {name}: {reason}");
            }
            say!("{}", SummaryLine::new(&summary, i32::from(exit.code())).line());
        }
    }
}
