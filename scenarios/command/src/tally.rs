//! From what a sweep found to what is told of it: recorded failures are played again, new ones looked into and written down.

use crate::cli::saved;
use crate::exit::Exit;
use crate::replay::replay_in;
use shakedown::core::task::Ways;
use shakedown::failure::{Divergence, Effort, FailureFile, Investigated};
use shakedown::format::Scenario;
use shakedown::report::{CaseSummary, FailureReport, SweepReport, SweepSummary};
use shakedown::sweep::{CaseResult, FirstFailure, Job, SweepResult, look_into, parting, regressions, tell};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What is to be done with failures.
pub(crate) struct Treatment<'a> {
    /// How far they are looked into.
    pub(crate) effort: Effort,
    /// Where they are written down.
    pub(crate) out: Option<&'a Path>,
    /// Whether those that were recorded before are played: by one of several shards only.
    pub(crate) replays: bool,
}

/// All that a sweep comes to, and its exit code, `sometimes` left aside.
pub(crate) fn tally(
    jobs: &[Job],
    result: &SweepResult,
    real_time: Duration,
    cut_short: bool,
    treatment: &Treatment<'_>,
) -> (SweepReport, Exit) {
    let mut report = SweepReport { schema: SweepReport::SCHEMA, cut_short, ..SweepReport::default() };
    let mut exit = Exit::Held;
    if treatment.replays {
        exit = replay_regressions(jobs, treatment.effort, &mut report.failures);
    }
    let played = |(_, case): &(&Job, &CaseResult)| case.runs > 0 || !(cut_short || result.enough);
    for (job, case) in jobs.iter().zip(&result.cases).filter(played) {
        report.cases.push(summary_of(job, case));
        for seed in &case.unsteady {
            exit = exit.worst(Exit::NotDeterministic);
            report.unsteady.push(told_apart(job, *seed, parting(job, *seed).as_ref()));
        }
        for failure in &case.failures {
            exit = exit.worst(Exit::Failed);
            let investigated = look_into(job, failure, treatment.effort);
            if let Some(folder) = treatment.out {
                save(job, failure, &investigated, folder);
            }
            if !investigated.same {
                exit = exit.worst(Exit::NotDeterministic);
                if !case.unsteady.contains(&failure.seed) {
                    report.unsteady.push(told_apart(job, failure.seed, investigated.parted.as_ref()));
                }
            }
            report.failures.push(tell(job, failure, case.runs, &investigated));
        }
    }
    report.summary = total(jobs, result, real_time, sometimes(jobs, result));
    if report.summary.runs == 0 {
        exit = exit.worst(Exit::NothingRan);
    }
    (report, exit)
}

/// That a seed could not be repeated, and where its runs part, if further ones still do.
fn told_apart(job: &Job, seed: u64, parted: Option<&Divergence>) -> String {
    let (name, index) = (&job.scenario.name, job.case.index);
    let parted = parted.map_or_else(String::new, |parted| format!(": {parted}"));
    format!("{name} case {index} seed {seed} took two ways{parted}")
}

fn save(job: &Job, failure: &FirstFailure, investigated: &Investigated, folder: &Path) {
    let found = format!("seed {} of {}", failure.seed, failure.strategy);
    let file = FailureFile::of(investigated, &job.scenario.file, &job.case.label, &found);
    if let Some(path) = file.and_then(|file| saved(&file, folder)) {
        eprintln!("written: {path}");
    }
}

/// Plays the recorded failures of these scenarios.
fn replay_regressions(jobs: &[Job], effort: Effort, blocks: &mut Vec<FailureReport>) -> Exit {
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
            exit = exit.worst(replay_in(scenario, &path, &file, effort, &mut |report| blocks.push(report)));
        }
    }
    exit
}

/// A case in figures.
pub(crate) fn summary_of(job: &Job, case: &CaseResult) -> CaseSummary {
    CaseSummary {
        scenario: job.scenario.name.to_string(),
        file: job.scenario.file.to_string(),
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
    let deadlines = |(job, case): (&Job, &CaseResult)| -> Vec<(String, Vec<String>)> {
        let place = format!("{} {}", job.scenario.name, job.case.label);
        let never = |ways: Ways| ways.never().into_iter().map(str::to_owned).collect();
        let told = |(whose, ways)| (format!("{whose} in {}", place.trim_end()), never(ways));
        case.deadlines.ran(&job.case.session).into_iter().map(told).collect()
    };
    SweepSummary {
        deadlines: jobs.iter().zip(&result.cases).flat_map(deadlines).collect(),
        lists_deadlines: false,
        runs: sum(|case| case.runs),
        shards: 0,
        distinct: sum(|case| case.distinct),
        failed: sum(|case| case.failed),
        virtual_time: Duration::from_nanos(sum(|case| case.virtual_ns)),
        real_time,
        sometimes,
        unused_allowances: jobs.iter().zip(&result.cases).flat_map(unused).collect(),
    }
}
