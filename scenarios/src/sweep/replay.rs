//! Recorded failures, played again by their sites: first of all in a sweep, and by `shakedown replay`.

use super::{PlanNames, Player};
use crate::failure::{Effort, FailureFile, FileError, Finding, Investigated, Stage, investigate};
use crate::format::{Case, Scenario};
use crate::report::{FailureReport, RunOf};
use shakedown_sim::choose::{Chooser, Record, Trace};
use std::path::{Path, PathBuf};

/// What became of a recorded failure.
#[derive(Debug)]
pub struct Replayed {
    /// What was looked into, where it still fails as it did.
    pub still: Option<Investigated>,
    /// What the run is blamed for instead, if for anything.
    pub other: Option<Finding>,
    /// Its surprises, in words, that nobody asks for any more: the scenario has changed since.
    pub stale: Vec<String>,
    /// How many surprises it has.
    pub surprises: usize,
}

/// Plays a recorded failure of this case.
pub fn replay(case: &Case, file: &FailureFile, effort: Effort) -> Replayed {
    // What is read was checked.
    let answers = file.answers().unwrap_or_default();
    let chooser = Chooser::Trace(Trace::new(&answers));
    let stage = || Player::new(case, Record::new(Chooser::default()));
    let mut first = stage();
    let (_, found) = Stage::play(&mut first, Record::new(chooser.clone()));
    let unasked = first.with_choices(|choices| match choices.inner() {
        Chooser::Trace(trace) => trace.unasked(),
        Chooser::Random(_) | Chooser::Walk(_) | Chooser::Pct(_) | Chooser::Pos(_) => Vec::new(),
        Chooser::Surw(_) | Chooser::Delays(_) | Chooser::Pilot(_) => Vec::new(),
    });
    let is_stale = |site| unasked.iter().any(|answer| answer.site == site);
    let words = file.surprises.iter().zip(&answers).filter(|(_, answer)| is_stale(answer.site));
    let stale = words.map(|(entry, _)| entry.words.clone()).collect();
    let finding = file.finding();
    let (still, other) = match found {
        Some(found) if found.is_same_as(&finding) => (Some(investigate(stage, &chooser, &found, effort)), None),
        other => (None, other),
    };
    Replayed { still, other, stale, surprises: answers.len() }
}

/// The recorded failures of a scenario: those in `shakedown-regressions/` beside its file that name it.
pub fn regressions(scenario: &Scenario) -> Vec<(PathBuf, Result<FailureFile, FileError>)> {
    let file = Path::new(&*scenario.file);
    let folder = file.parent().unwrap_or(Path::new("")).join(REGRESSIONS);
    let Ok(entries) = std::fs::read_dir(&folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    let names_it = |of: &FailureFile| Path::new(&of.of).file_name() == file.file_name();
    let read = paths.into_iter().map(|path| {
        let read = FailureFile::read(&path);
        (path, read)
    });
    read.filter(|(_, read)| read.as_ref().map_or(true, names_it)).collect()
}

/// Where recorded failures are kept and committed.
pub const REGRESSIONS: &str = "shakedown-regressions";

/// Tells of a failure that is not a seed's.
pub fn tell_replayed(
    scenario: &Scenario,
    case: &Case,
    investigated: &Investigated,
    run: RunOf,
    rerun: String,
) -> FailureReport {
    let title = if investigated.finding.expected { "expect: " } else { "" };
    FailureReport {
        scenario: scenario.name.to_string(),
        case_index: case.index,
        case_label: case.label.to_string(),
        run,
        oracle: format!("{title}{}", investigated.finding.rule),
        rerun,
        ..FailureReport::of(investigated, &PlanNames(&case.session))
    }
}
