//! Which seeds of which cases: the work of a sweep, in its order.

use super::Shard;
use crate::format::{Case, Scenario};
use shakedown_sim::choose::{Selector, Strategy};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

/// The seeds of a sweep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seeds {
    /// As many as the file says, from 0.
    OfFile,
    /// `N`: 0 to N−1.
    First(u64),
    /// `A..B`, B excluded; also what became of `random:N`.
    Between(u64, u64),
}

/// Seeds that nobody has played before, in all likelihood. They are told in every report, as all seeds are.
fn fresh(n: u64) -> Seeds {
    use std::hash::{BuildHasher, RandomState};
    // Short enough to be read aloud, and far from those that everybody plays.
    let first = 1_000_000_000 + RandomState::new().hash_one(n) % 999_000_000_000;
    Seeds::Between(first, first.saturating_add(n))
}

/// A range of seeds that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeedsError(String);

impl fmt::Display for SeedsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SeedsError {}

impl FromStr for Seeds {
    type Err = SeedsError;

    fn from_str(text: &str) -> Result<Seeds, SeedsError> {
        let number = |part: &str| {
            let bare = part.replace('_', "");
            bare.parse::<u64>()
                .map_err(|_| SeedsError(format!("`{text}` is neither `N`, `A..B` nor `random:N`: try 1000 or 0..2000")))
        };
        if let Some(n) = text.strip_prefix("random:") {
            return match number(n)? {
                0 => Err(SeedsError("0 seeds play nothing: try random:1000".into())),
                n => Ok(fresh(n)),
            };
        }
        match text.split_once("..") {
            None => match number(text)? {
                0 => Err(SeedsError("0 seeds play nothing: try 1000".into())),
                n => Ok(Seeds::First(n)),
            },
            Some((a, b)) => {
                let (a, b) = (number(a)?, number(b)?);
                if a < b {
                    Ok(Seeds::Between(a, b))
                } else {
                    Err(SeedsError(format!("`{text}` is empty: A..B plays A and excludes B")))
                }
            }
        }
    }
}

impl Seeds {
    /// The seeds for this scenario.
    pub fn of(self, scenario: &Scenario) -> Range<u64> {
        match self {
            Seeds::OfFile => 0..scenario.seeds,
            Seeds::First(n) => 0..n,
            Seeds::Between(a, b) => a..b,
        }
    }
}

/// One case and its seeds.
#[derive(Clone, Debug)]
pub struct Job {
    /// Of which scenario.
    pub scenario: Arc<Scenario>,
    /// The case.
    pub case: Case,
    /// The seeds.
    pub seeds: Range<u64>,
    /// How a run is chosen by its seed.
    pub strategy: Strategy,
    /// Which actions a strategy that asks is to be even about.
    pub about: Option<Selector>,
}

impl Job {
    /// The jobs of these scenarios, in order.
    pub fn all(scenarios: &[Arc<Scenario>], seeds: Seeds, strategy: Strategy) -> Vec<Job> {
        let of = |scenario: &Arc<Scenario>| {
            let seeds = seeds.of(scenario);
            let job = |case| Job { scenario: scenario.clone(), case, seeds: seeds.clone(), strategy, about: None };
            scenario.cases().into_iter().map(job).collect::<Vec<Job>>()
        };
        scenarios.iter().flat_map(of).collect()
    }

    /// Only this share of its seeds.
    #[must_use]
    pub fn shard(self, shard: Shard) -> Job {
        Job { seeds: shard.part(&self.seeds), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_a_number_or_a_range() {
        assert_eq!("1_000".parse(), Ok(Seeds::First(1000)));
        assert_eq!("0..2000".parse(), Ok(Seeds::Between(0, 2000)));
        let Ok(Seeds::Between(a, b)) = "random:7".parse() else { panic!("fresh seeds are a range") };
        assert!(b - a == 7 && a >= 1_000_000_000);
        for bad in ["", "x", "5..5", "9..2", "0", "1..", "-1", "random:", "random:0", "random"] {
            assert!(bad.parse::<Seeds>().is_err(), "{bad}");
        }
    }
}
