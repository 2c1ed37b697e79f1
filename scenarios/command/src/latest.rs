//! What the last sweep found wrong, in the hands of the command: kept after each, and played again by `--rerun`.

use shakedown::report::latest::read;
use shakedown::report::{FailureReport, SweepReport};
use shakedown::sim::choose::Strategy;
use shakedown::sweep::Job;
use std::path::Path;

/// Keeps what a sweep found.
pub(crate) fn keep(report: &SweepReport) {
    if let Err(error) = shakedown::report::latest::keep(report) {
        eprintln!("warning: what failed cannot be kept for `show` and `open`: {error}");
    }
}

/// Keeps failures that were found otherwise; where there are none, what was found before stays.
pub(crate) fn keep_failures(failures: &[FailureReport]) {
    if !failures.is_empty() {
        keep(&SweepReport { schema: SweepReport::SCHEMA, failures: failures.to_vec(), ..SweepReport::default() });
    }
}

/// Of these jobs only the runs that failed the last time; all of them where none did.
pub(crate) fn only_what_failed(jobs: Vec<Job>) -> Vec<Job> {
    let Ok(last) = read() else {
        eprintln!("nothing failed the last time: all is played");
        return jobs;
    };
    let mut again = Vec::new();
    for job in &jobs {
        let of_job = |file: &str, case| same_file(file, &job.scenario.file) && case == job.case.index;
        for failure in last.failures.iter().filter(|failure| of_job(&failure.file, failure.case_index)) {
            let Some(seed) = failure.run.seed() else { continue };
            let strategy = strategy_of(&failure.rerun).unwrap_or(job.strategy);
            again.push(Job { seeds: seed..seed.saturating_add(1), strategy, ..job.clone() });
        }
    }
    if again.is_empty() {
        eprintln!("nothing of this failed the last time: all is played");
        return jobs;
    }
    again
}

fn same_file(one: &str, other: &str) -> bool {
    Path::new(one).components().eq(Path::new(other).components())
}

/// The strategy that a command names.
fn strategy_of(command: &str) -> Option<Strategy> {
    command.split(" --strategy ").nth(1)?.split(' ').next()?.parse().ok()
}
