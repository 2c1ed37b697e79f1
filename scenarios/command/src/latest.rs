//! What the last sweep found wrong, kept beside the build so that it can be looked at and played again without a word of typing.
//! Nothing of it is needed for anything else: it may be deleted at any time.

use crate::output::write_file;
use shakedown::report::SweepReport;
use shakedown::sim::choose::Strategy;
use shakedown::sweep::Job;
use std::path::{Path, PathBuf};

/// Where it is kept: `SHAKEDOWN_STATE`, else `target/shakedown` where there is a `target`, else the user's folder for such things.
pub(crate) fn folder() -> PathBuf {
    let var = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = var("SHAKEDOWN_STATE") {
        return folder;
    }
    if let Some(target) = var("CARGO_TARGET_DIR").or_else(|| Some("target".into())).filter(|target| target.is_dir()) {
        return target.join("shakedown");
    }
    let state = var("XDG_STATE_HOME").or_else(|| var("HOME").map(|home| home.join(".local/state")));
    state.unwrap_or_else(std::env::temp_dir).join("shakedown")
}

fn file() -> PathBuf {
    folder().join("latest.json")
}

/// Keeps what failed. A sweep in which nothing failed leaves nothing to look at.
pub(crate) fn keep(report: &SweepReport) {
    let path = file();
    let kept = if report.failures.is_empty() {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    } else {
        write_file(&path, &report.text())
    };
    if let Err(error) = kept {
        eprintln!("warning: `latest` cannot be kept in {}: {error}", path.display());
    }
}

/// The last sweep in which something failed.
///
/// # Errors
/// Where there is none, or it cannot be read.
pub(crate) fn read() -> Result<SweepReport, String> {
    let path = file();
    let text = std::fs::read_to_string(&path)
        .map_err(|_| format!("nothing failed the last time: there is no {}", path.display()))?;
    SweepReport::parse(&text).map_err(|wrong| format!("{}: {wrong}", path.display()))
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
