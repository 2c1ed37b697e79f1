//! What the environment says of how tests are played: the same variables for functions and for scenario files.

use crate::failure::Effort;
use crate::sweep::{REGRESSIONS, Seeds, Shard};
use shakedown_sim::choose::Strategy;
use std::path::{Path, PathBuf};

/// The variables of `SHAKEDOWN_…`, read.
pub(crate) struct Environment {
    /// Others than the code or the file says.
    pub(crate) seeds: Option<Seeds>,
    /// Only this share of the seeds.
    pub(crate) shard: Option<Shard>,
    pub(crate) recheck_all: Option<bool>,
    pub(crate) strategy: Option<Strategy>,
    pub(crate) effort: Effort,
    /// Where failures are kept and replayed from.
    pub(crate) regressions: Option<PathBuf>,
    /// Whether nothing is written there.
    pub(crate) read_only: bool,
}

impl Environment {
    /// # Panics
    /// Where one of them cannot be read: a typo must not pass for a green test.
    pub(crate) fn read() -> Environment {
        let seed = variable("SHAKEDOWN_SEED")
            .map(|seed| seed.parse().unwrap_or_else(|_| panic!("SHAKEDOWN_SEED: `{seed}` is not a number")));
        let seeds = variable("SHAKEDOWN_SEEDS")
            .map(|seeds| seeds.parse().unwrap_or_else(|error| panic!("SHAKEDOWN_SEEDS: {error}")));
        let shard = variable("SHAKEDOWN_SHARD")
            .map(|shard| shard.parse().unwrap_or_else(|error| panic!("SHAKEDOWN_SHARD: {error}")));
        let regressions = match variable("SHAKEDOWN_REGRESSIONS") {
            Some(off) if off == "off" => None,
            Some(folder) => Some(folder.into()),
            None => variable("CARGO_MANIFEST_DIR").map(|package| Path::new(&package).join(REGRESSIONS)),
        };
        Environment {
            seeds: seed.map(|seed: u64| Seeds::Between(seed, seed.saturating_add(1))).or(seeds),
            // One seed is nobody's share but that of whoever asks for it.
            shard: shard.filter(|_| seed.is_none()),
            recheck_all: flag("SHAKEDOWN_CHECK_DETERMINISM"),
            strategy: variable("SHAKEDOWN_STRATEGY")
                .map(|name| name.parse().unwrap_or_else(|error| panic!("SHAKEDOWN_STRATEGY: {error}"))),
            effort: if flag("SHAKEDOWN_NO_SHRINK") == Some(true) { Effort::NONE } else { Effort::default() },
            // Whoever asks for one seed wants to see that one.
            regressions: regressions.filter(|_| seed.is_none()),
            read_only: variable("CI").is_some_and(|ci| ci != "false" && ci != "0"),
        }
    }
}

/// A variable that is set and not empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn flag(name: &str) -> Option<bool> {
    variable(name).map(|flag| flag != "0")
}
