//! What was found wrong last, kept beside the build, so that it can be looked at and played again without a word of typing.
//! Nothing of it is needed for anything else: it may be deleted at any time.

use super::{FailureReport, SweepReport};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Where it is kept: `SHAKEDOWN_STATE`, else `shakedown` in the build's folder of the Cargo workspace around here, else the user's folder
/// for such things.
pub fn folder() -> PathBuf {
    let var = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = var("SHAKEDOWN_STATE") {
        return folder;
    }
    let here = std::env::current_dir().unwrap_or_default();
    if let Some(target) = var("CARGO_TARGET_DIR").filter(|target| target.is_dir()).or_else(|| target_around(&here)) {
        return target.join("shakedown");
    }
    let state = var("XDG_STATE_HOME").or_else(|| var("HOME").map(|home| home.join(".local/state")));
    state.unwrap_or_else(std::env::temp_dir).join("shakedown")
}

/// A workspace has its lock file where it has its `target`; a package within it has neither.
fn target_around(here: &Path) -> Option<PathBuf> {
    let is_root = |folder: &&Path| folder.join("Cargo.lock").is_file() && folder.join("target").is_dir();
    here.ancestors().find(is_root).map(|root| root.join("target"))
}

fn file() -> PathBuf {
    folder().join("latest.json")
}

/// Keeps what failed. Where nothing failed there is nothing to look at any more.
///
/// # Errors
/// Those of the file system.
pub fn keep(report: &SweepReport) -> io::Result<()> {
    let path = file();
    if report.failures.is_empty() {
        return match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        };
    }
    fs::create_dir_all(folder())?;
    // Tests run side by side: whoever is last is the latest, and nobody reads half of it.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let own = path.with_extension(format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed)));
    fs::write(&own, report.text())?;
    fs::rename(own, path)
}

/// Keeps one failure, of a test for instance. Where that cannot be done nothing else is lost, and a test has worse to tell.
pub fn keep_failure(failure: &FailureReport) {
    let failures = vec![failure.clone()];
    let _lost = keep(&SweepReport { schema: SweepReport::SCHEMA, failures, ..SweepReport::default() });
}

/// What failed last.
///
/// # Errors
/// Where nothing did, or it cannot be read: in words.
pub fn read() -> Result<SweepReport, String> {
    let path = file();
    let text = fs::read_to_string(&path)
        .map_err(|_| format!("nothing failed the last time: there is no {}", path.display()))?;
    SweepReport::parse(&text).map_err(|wrong| format!("{}: {wrong}", path.display()))
}
