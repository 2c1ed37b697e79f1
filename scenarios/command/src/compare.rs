//! `shakedown compare`: the same files with real processes, and whether the simulator can come to each of their outcomes.

use crate::cli::{Files, load};
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::output::{self, Format, ReportTo};
use crate::real::{Play, complain_of_leftovers, enter, skipped, sweep_up};
use clap::Args;
use shakedown::compare::{
    Agreement, Budget, Compared, ComparedLine, Decided, RealRun, compare, compared_line, difference_block, outcome_of,
    trouble,
};
use shakedown::core::time::Instant;
use shakedown::format::Scenario;
use shakedown::live::{self, LiveRun};
use shakedown::report::{
    CaseSummary, FailureLine, FailureReport, HowCommon, RunOf, RunRecord, SummaryLine, Surprises, SweepReport,
    SweepSummary, duration, plural, timeline,
};
use shakedown::sweep::{Job, Seeds};
use std::sync::Arc;
use std::time::Duration;

/// The arguments of `compare`.
#[derive(Args, Debug)]
pub(crate) struct CompareArgs {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    play: Play,
    /// How often each case is played for real
    #[arg(long, env = "SHAKEDOWN_RUNS", value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// How many simulations may be spent on one real outcome before it is undecided
    #[arg(long, env = "SHAKEDOWN_BUDGET", value_name = "N", default_value_t = Budget::default().runs)]
    budget: u64,
    /// Also write a report: junit=FILE, html=FOLDER with a page for each outcome that is in question, json=FILE
    #[arg(long, env = "SHAKEDOWN_REPORT", value_name = "KIND=PATH", value_delimiter = ',')]
    report: Vec<ReportTo>,
}

/// How many simulations look for outcomes that no real run has shown. They are information: a few seconds for all of a corpus.
const ENUMERATION: Budget = Budget { runs: 2_000, steps: 2_000_000 };

pub(crate) fn run(args: &CompareArgs) -> Exit {
    let name = match enter(args.play.on_this_machine) {
        Ok(name) => name,
        Err(exit) => return exit,
    };
    match load(&args.files) {
        Ok(scenarios) => compare_all(args, &scenarios, &name),
        Err(exit) => exit,
    }
}

#[derive(Default)]
struct Tally {
    compared: Vec<Compared>,
    skipped: Vec<(String, String)>,
    blocks: Vec<String>,
    cases: Vec<CaseSummary>,
    failures: Vec<FailureReport>,
}

fn compare_all(args: &CompareArgs, scenarios: &[Arc<Scenario>], name: &str) -> Exit {
    let began = std::time::Instant::now();
    let (mut tally, mut exit) = (Tally::default(), Exit::Held);
    let mut jobs = Job::all(scenarios, Seeds::First(1), shakedown::sim::choose::Strategy::default());
    jobs.retain(|job| args.play.case.is_none_or(|case| job.case.index == case));
    let interrupt = Interrupt::listen(|| {});
    for job in &jobs {
        match skipped(args.play.long, job).or_else(|| cannot_be_simulated(job)) {
            Some(reason) => tally.skipped.push((job.scenario.name.to_string(), reason)),
            None => exit = exit.worst(compare_case(args, job, name, &interrupt, &mut tally)),
        }
        if let Some(interrupted) = interrupt.exit() {
            eprintln!("interrupted: what follows is what was compared until then");
            exit = exit.worst(interrupted);
            break;
        }
    }
    exit = exit.worst(complain_of_leftovers(name));
    if tally.compared.is_empty() || (args.play.require && !tally.skipped.is_empty()) {
        exit = exit.worst(Exit::Lacking);
    }
    let summary = print_summary(args, &tally, began.elapsed(), exit);
    let Tally { cases, failures, .. } = tally;
    let report = SweepReport { schema: SweepReport::SCHEMA, cases, failures, summary, ..SweepReport::default() };
    output::write_all(&args.report, &report, exit)
}

fn cannot_be_simulated(job: &Job) -> Option<String> {
    let worker = job.case.without_sim()?;
    Some(format!("the simulator cannot play worker `{worker}`: give its command a stand-in with `sim = \"…\"`"))
}

fn compare_case(args: &CompareArgs, job: &Job, name: &str, interrupt: &Interrupt, tally: &mut Tally) -> Exit {
    let (mut exit, mut runs, mut lived) = (Exit::Held, Vec::new(), Vec::new());
    for n in 0..u64::from(args.runs) {
        let seed = args.play.seed.wrapping_add(n);
        let run = match live::play_until(&job.case, seed, name, !args.play.on_this_machine, &interrupt.bell) {
            Ok(Some(run)) => run,
            Ok(None) => return exit,
            Err(live::CannotPlay(reason)) => {
                eprintln!("error: {}: {reason}", job.scenario.name);
                return Exit::Lacking;
            }
        };
        exit = exit.worst(sweep_up(job, &run, name));
        let mut outcome = outcome_of(&job.case, &run.moments);
        // What was cut off, and then ended by force, is nobody's outcome.
        outcome.is_over &= !run.findings.iter().any(|finding| matches!(&*finding.rule, "hang" | "stuck"));
        let moments = run.moments.as_slice().into();
        runs.push(RealRun { seed, outcome, moments });
        lived.push(run);
    }
    let budget = Budget { runs: args.budget, ..Budget::default() };
    let compared = compare(&job.case, &runs, budget, ENUMERATION);
    exit = exit.worst(match compared.agreement() {
        Agreement::Agrees => Exit::Held,
        Agreement::Differs => Exit::Failed,
        Agreement::Undecided => Exit::Inconclusive,
    });
    match args.play.format {
        Format::Human | Format::Github => say!("{}", compared_line(&job.scenario.name, &job.case, &compared)),
        Format::Json => say!("{}", ComparedLine::new(&job.scenario.name, &job.case, &compared).line()),
    }
    for decided in &compared.real {
        let Some(message) = trouble(decided) else { continue };
        let rerun = rerun(args, job, decided);
        let run = &lived[usize::try_from(decided.run.seed.wrapping_sub(args.play.seed)).unwrap_or(0)];
        let failure = failure(job, decided, run, message, compared.runs, rerun.clone());
        if args.play.format == Format::Json {
            say!("{}", FailureLine::from(&failure).line());
        } else {
            tally.blocks.push(difference_block(&job.scenario.name, &job.case, decided, &rerun));
        }
        tally.failures.push(failure);
    }
    tally.cases.push(CaseSummary {
        scenario: job.scenario.name.to_string(),
        file: job.scenario.file.to_string(),
        case_index: job.case.index,
        case_label: job.case.label.to_string(),
        runs: compared.runs,
        distinct: compared.real.len() as u64,
        failed: compared.runs_that(|decision| matches!(decision, shakedown::compare::Decision::Unreachable { .. })),
    });
    tally.compared.push(compared);
    exit
}

fn rerun(args: &CompareArgs, job: &Job, decided: &Decided) -> String {
    let case = if job.case.label.is_empty() { String::new() } else { format!(" --case {}", job.case.index) };
    let on = if args.play.on_this_machine { " --on-this-machine" } else { "" };
    format!("shakedown compare {}{case} --seed {}{on}", job.scenario.file, decided.run.seed)
}

fn failure(job: &Job, decided: &Decided, run: &LiveRun, message: String, runs: u64, rerun: String) -> FailureReport {
    let names = shakedown::sweep::PlanNames(&job.case.session);
    let story = shakedown::report::Story { moments: &run.moments, names: &names, failure: None };
    FailureReport {
        scenario: job.scenario.name.to_string(),
        file: job.scenario.file.to_string(),
        case_index: job.case.index,
        case_label: job.case.label.to_string(),
        run: RunOf::Machine,
        oracle: "compare".into(),
        subject: "session".into(),
        at: run.moments.last().map_or(Instant::ZERO, |moment| match moment {
            shakedown::sim::Moment::Fact(fact) => fact.at,
            shakedown::sim::Moment::Process(event) => event.at,
        }),
        message,
        decisions: 0,
        surprises: Surprises::default(),
        rerun,
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
        how_common: Some(HowCommon { failed: decided.times, runs }),
    }
}

fn print_summary(args: &CompareArgs, tally: &Tally, real_time: Duration, exit: Exit) -> SweepSummary {
    let runs: u64 = tally.compared.iter().map(|compared| compared.runs).sum();
    let distinct: u64 = tally.compared.iter().map(|compared| compared.real.len() as u64).sum();
    let sum_of =
        |is: fn(&shakedown::compare::Decision) -> bool| tally.compared.iter().map(|c| c.runs_that(is)).sum::<u64>();
    let failed = sum_of(|decision| matches!(decision, shakedown::compare::Decision::Unreachable { .. }));
    let undecided = sum_of(|decision| matches!(decision, shakedown::compare::Decision::Undecided { .. }));
    let summary = SweepSummary {
        runs,
        distinct,
        failed,
        virtual_time: Duration::ZERO,
        real_time,
        sometimes: Vec::new(),
        shards: 0,
        deadlines: Vec::new(),
        lists_deadlines: false,
        unused_allowances: Vec::new(),
    };
    match args.play.format {
        Format::Human | Format::Github => {
            tally.blocks.iter().for_each(|block| emit!("\n{block}"));
            for (name, reason) in &tally.skipped {
                say!("skipped  {name}: {reason}");
            }
            let (runs, outcomes) = (plural(runs, "real run"), plural(distinct, "outcome"));
            say!("\n{runs}, {outcomes}, {failed} that the simulator cannot come to, {undecided} undecided");
            say!("in {}", duration(real_time));
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
    summary
}
