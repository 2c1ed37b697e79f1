//! Recorded failures, played again by their sites: first of all in a sweep, and by `shakedown replay`.

use super::{PlanNames, Player, explored_case};
use crate::failure::{Effort, FailureFile, FileError, Investigated, Replayed};
use crate::format::{Case, Scenario};
use crate::report::{FailureReport, RunOf};
use shakedown_sim::choose::{Chooser, Record};
use std::path::{Path, PathBuf};

/// Plays a recorded failure of this case, which is played as it was when it was found: see [`explored_case`].
pub fn replay(case: &Case, file: &FailureFile, effort: Effort) -> Replayed {
    let case = &explored_case(case, file.crashes);
    crate::failure::replay(|| Player::new(case, Record::new(Chooser::default())), file, effort)
}

/// The recorded failures of a scenario: those in `shakedown-regressions/` beside its file that name it.
pub fn regressions(scenario: &Scenario) -> Vec<(PathBuf, Result<FailureFile, FileError>)> {
    let file = Path::new(&*scenario.file);
    let folder = file.parent().unwrap_or(Path::new("")).join(REGRESSIONS);
    let paths = match FailureFile::kept_in(&folder) {
        Ok(paths) => paths,
        Err(error) => return vec![(folder, Err(error))],
    };
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
        file: scenario.file.to_string(),
        case_index: case.index,
        case_label: case.label.to_string(),
        run,
        oracle: format!("{title}{}", investigated.finding.rule),
        rerun,
        needs: super::story::needs_of(case, investigated),
        ..FailureReport::of(investigated, &PlanNames(&case.session))
    }
}
