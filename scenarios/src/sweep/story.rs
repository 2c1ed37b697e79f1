//! From a failing seed to what a person reads: the failure is looked into, and its history becomes a timeline.

use super::{FirstFailure, Job, Player, needs};
use crate::failure::{Divergence, Effort, Investigated, diverge, investigate};
use crate::format::{Case, Scenario};
use crate::report::{FailureReport, HowCommon, RunOf};
use shakedown_core::ids::WorkerId;
use shakedown_core::oracle::Names;
use shakedown_core::vocab::SessionSpec;
use shakedown_sim::choose::{Answer, Chooser, Record, Strategy};

/// The names of a plan's workers.
pub struct PlanNames<'a>(pub &'a SessionSpec);

impl Names for PlanNames<'_> {
    fn plan(&self) -> Option<&SessionSpec> {
        Some(self.0)
    }

    fn worker(&self, id: WorkerId) -> &str {
        self.0.workers.get(id.index()).map_or("a worker outside the plan", |worker| &worker.name)
    }
}

/// The command that repeats a failure.
pub fn rerun_command(job: &Job, seed: u64, strategy: Strategy) -> String {
    let file = shell_word(&job.scenario.file);
    let case = if job.case.label.is_empty() { String::new() } else { format!(" --case {}", job.case.index) };
    let by = if strategy == Strategy::default() { String::new() } else { format!(" --strategy {strategy}") };
    let about = job.about.as_ref().filter(|_| strategy == Strategy::Surw);
    let about = about.map_or_else(String::new, |about| format!(" --about {}", shell_word(&about.to_string())));
    let set = settings(&job.scenario);
    format!("shakedown sim {file}{set}{case} --seed {seed}{by}{about}")
}

/// What was set, as a command line says it again; empty where nothing was.
pub fn settings(scenario: &Scenario) -> String {
    scenario.set.iter().map(|setting| format!(" --set {}", shell_word(&setting.to_string()))).collect()
}

/// Quoted for a POSIX shell where it needs to be.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// Looks into a failure of a sweep.
pub fn look_into(job: &Job, failure: &FirstFailure, effort: Effort) -> Investigated {
    let job = &Job { strategy: failure.strategy, ..job.clone() };
    let (_, pilot) = Player::with_pilot(job);
    let stage = || Player::new(&job.case, Record::new(Chooser::default()));
    investigate(stage, &failure.strategy.chooser(failure.seed, &pilot), &failure.finding, effort)
}

/// Where two runs of a seed part, if they still do.
pub fn parting(job: &Job, seed: u64) -> Option<Divergence> {
    let (_, pilot) = Player::with_pilot(job);
    diverge(|| Player::new(&job.case, Record::new(Chooser::default())), &job.strategy.chooser(seed, &pilot))
}

/// Tells its story.
pub fn tell(job: &Job, failure: &FirstFailure, runs: u64, investigated: &Investigated) -> FailureReport {
    let title = if failure.finding.expected { "expect: " } else { "" };
    FailureReport {
        scenario: job.scenario.name.to_string(),
        file: job.scenario.file.to_string(),
        case_index: job.case.index,
        case_label: job.case.label.to_string(),
        run: RunOf::Seed(failure.seed),
        oracle: format!("{title}{}", failure.finding.rule),
        rerun: rerun_command(job, failure.seed, failure.strategy),
        how_common: Some(HowCommon { failed: failure.runs, runs }),
        needs: needs_of(&job.case, investigated),
        ..FailureReport::of(investigated, &PlanNames(&job.case.session))
    }
}

/// What of its scenario a failure needs, where it could be shrunk.
pub(super) fn needs_of(case: &Case, investigated: &Investigated) -> Vec<String> {
    if investigated.minimised.is_none() {
        return Vec::new();
    }
    let surprises: Vec<Answer> = investigated.surprises.iter().map(|surprise| surprise.answer).collect();
    needs(case, &surprises, &investigated.finding)
}
