//! From a failing seed to what a person reads: the failure is run again, and its history becomes a timeline.

use super::{FirstFailure, Job, Reproduced, reproduce};
use crate::report::{FailureReport, HowCommon, Reproduced as ReproducedLine, Story, Surprises, timeline};
use shakedown_core::ids::WorkerId;
use shakedown_core::oracle::Names;
use shakedown_core::vocab::SessionSpec;

/// The names of a plan's workers.
pub struct PlanNames<'a>(pub &'a SessionSpec);

impl Names for PlanNames<'_> {
    fn worker(&self, id: WorkerId) -> &str {
        self.0.workers.get(id.index()).map_or("a worker outside the plan", |worker| &worker.name)
    }
}

/// The command that repeats a failure.
pub fn rerun_command(job: &Job, seed: u64) -> String {
    let file = shell_word(&job.scenario.file);
    let case = if job.case.label.is_empty() { String::new() } else { format!(" --case {}", job.case.index) };
    format!("shakedown sim {file}{case} --seed {seed}")
}

/// Quoted for a POSIX shell where it needs to be.
fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// Runs a failure again and tells its story.
pub fn tell(job: &Job, failure: &FirstFailure, runs: u64) -> (FailureReport, Reproduced) {
    let again = reproduce(job, failure.seed, &failure.finding);
    let finding = &failure.finding;
    let story = Story {
        moments: &again.moments,
        names: &PlanNames(&job.case.session),
        failure: Some((&finding.rule, &finding.subject, finding.at)),
    };
    let report = FailureReport {
        scenario: job.scenario.name.to_string(),
        case_index: job.case.index,
        case_label: job.case.label.to_string(),
        seed: Some(failure.seed),
        oracle: if finding.expected { format!("expect: {}", finding.rule) } else { finding.rule.to_string() },
        subject: finding.subject.clone(),
        at: finding.at,
        message: finding.message.clone(),
        decisions: again.decisions,
        surprises: Surprises { of_order: again.surprises.0, of_values: again.surprises.1 },
        rerun: rerun_command(job, failure.seed),
        reproduced: Some(ReproducedLine {
            digest: again.digests[0],
            identical: if again.same { 2 } else { u32::from(again.digests[0] == again.digests[1]) },
            of: 2,
        }),
        minimised: None,
        timeline: timeline(&story),
        why: None,
        tipping_point: None,
        how_common: Some(HowCommon { failed: failure.runs, runs }),
    };
    (report, again)
}
