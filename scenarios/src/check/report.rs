//! What a test that fails says, and what it writes down.

use super::stage::{NoWorkers, Player, TestStage};
use super::{Config, TestResult};
use crate::failure::{FailureFile, Finding, Investigated, diverge, investigate, replay};
use crate::report::{FailureReport, HowCommon, RunOf, failure_block, latest};
use shakedown_core::task::TaskCx;
use shakedown_sim::choose::{Chooser, Pilot, Strategy};
use std::future::Future;
use std::path::PathBuf;

/// Two runs of a seed were not the same.
pub(super) fn not_deterministic<F, Fut, T>(config: &Config, seed: u64, pilot: &Pilot, test: &F) -> String
where
    F: Fn(TaskCx) -> Fut,
    Fut: Future<Output = T> + 'static,
    T: TestResult,
{
    let stage = || TestStage::new(config, test);
    let parted = diverge(stage, &config.strategy.chooser(seed, pilot));
    let parted = parted.map_or_else(
        || {
            "further runs were all the same: a static that outlives a run, or a real clock, decides now and then"
                .to_owned()
        },
        |parted| parted.to_string(),
    );
    format!("{} is not deterministic: seed {seed} took two ways: {parted}", config.name)
}

pub(super) fn report<F, Fut, T>(
    config: &Config,
    seed: u64,
    finding: &Finding,
    how_common: HowCommon,
    test: &F,
) -> String
where
    F: Fn(TaskCx) -> Fut,
    Fut: Future<Output = T> + 'static,
    T: TestResult,
{
    let stage = || TestStage::new(config, test);
    let pilot = Player::new(config, Chooser::default()).pilot(config.strategy, test);
    let chooser = config.strategy.chooser(seed, &pilot);
    let investigated = investigate(stage, &chooser, finding, config.effort);
    let strategy = match config.strategy {
        Strategy::Random => String::new(),
        other => format!(" SHAKEDOWN_STRATEGY={other}"),
    };
    let name = name_of(config);
    let report = FailureReport {
        scenario: name.into(),
        run: RunOf::Seed(seed),
        rerun: format!("SHAKEDOWN_SEED={seed}{strategy} cargo test {name}"),
        how_common: Some(how_common),
        ..FailureReport::of(&investigated, &NoWorkers)
    };
    latest::keep_failure(&report);
    let block = failure_block(&report);
    match write_down(config, &investigated, seed) {
        Some(told) => format!("{told}\n{block}"),
        None => block,
    }
}

/// The test as `cargo test` takes it.
fn name_of(config: &Config) -> &str {
    config.name.split_once("::").map_or(config.name.as_str(), |(_, rest)| rest)
}

/// Keeps a failure for the next time, and says where; in CI the file is printed, and nothing is written.
fn write_down(config: &Config, investigated: &Investigated, seed: u64) -> Option<String> {
    let folder = config.regressions.as_ref()?;
    let found = format!("seed {seed} of {}", config.strategy);
    let file = FailureFile::of(investigated, &config.name, "", &found)?;
    if config.read_only {
        let path = folder.join(file.name());
        return Some(format!("to replay this first from now on, add {}:\n{}", path.display(), file.text()));
    }
    match file.save(folder) {
        Ok(path) => Some(format!("written down to be replayed first from now on: {}", path.display())),
        Err(error) => Some(format!("warning: this failure cannot be kept in {}: {error}", folder.display())),
    }
}

/// Plays what has failed before.
///
/// # Panics
/// With a report, where it still does; where a file cannot be read.
pub(super) fn replay_regressions<F, Fut, T>(config: &Config, test: &F)
where
    F: Fn(TaskCx) -> Fut,
    Fut: Future<Output = T> + 'static,
    T: TestResult,
{
    for path in kept(config) {
        let file = FailureFile::read(&path).unwrap_or_else(|error| panic!("{error}"));
        if file.of != config.name {
            continue;
        }
        let replayed = replay(|| TestStage::new(config, test), &file, config.effort);
        if let Some(stale) = replayed.told_stale(&path.display()) {
            eprintln!("{stale}");
        }
        if let Some(investigated) = &replayed.still {
            let name = name_of(config);
            let block = failure_block(&FailureReport {
                scenario: name.into(),
                run: RunOf::File(path.display().to_string()),
                rerun: format!("cargo test {name}"),
                ..FailureReport::of(investigated, &NoWorkers)
            });
            panic!("\n{block}");
        }
    }
}

/// The failure files, in the order of their names.
fn kept(config: &Config) -> Vec<PathBuf> {
    let kept = config.regressions.as_ref().map_or(Ok(Vec::new()), |folder| FailureFile::kept_in(folder));
    kept.unwrap_or_else(|error| panic!("{error}"))
}
