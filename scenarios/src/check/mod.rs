//! `check`: an async supervisor played under many seeds in `cargo test`. The oracles watch; a failure ends in the command to paste.

mod config;
mod coverage;
pub(crate) mod environment;
mod report;
mod stage;

pub use config::Config;

use crate::failure::{Finding, alike};
use crate::report::HowCommon;
use shakedown_core::puppet::{self, Block};
use shakedown_core::task::TaskCx;
use shakedown_sim::choose::{Chooser, Strategy};
use stage::Player;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;

/// Plays `test` once for each seed, with all oracles on.
///
/// # Panics
/// With a report, for a failure that was found before and still is one; for the first seed whose run an oracle rejects, that gets stuck, exceeds a limit, panics or returns an error; and
/// where a seed is not reproducible; and where something that is claimed to happen sometimes never did.
pub fn check<F, Fut, T>(config: Config, test: F)
where
    F: Fn(TaskCx) -> Fut,
    Fut: Future<Output = T> + 'static,
    T: TestResult,
{
    report::replay_regressions(&config, &test);
    let mut player = Player::new(&config, Chooser::default());
    let pilot = player.pilot(config.strategy, &test);
    let mut first: Option<(u64, Finding)> = None;
    let mut sometimes: BTreeMap<&'static str, bool> = BTreeMap::new();
    let mut timeouts = coverage::Timeouts::default();
    let (mut failed, mut runs) = (0, 0);
    for seed in config.seeds.clone() {
        let (run, blame) = player.play(config.strategy.chooser(seed, &pilot), &test);
        runs += 1;
        player.with_timeouts(|run| timeouts.add(run));
        player.sometimes().into_iter().for_each(|(what, seen)| *sometimes.entry(what).or_default() |= seen);
        if config.recheck_all || runs % crate::sweep::RECHECK_EVERY == 1 {
            let (again, blamed) = player.play(config.strategy.chooser(seed, &pilot), &test);
            if (run.digest, run.end) != (again.digest, again.end) || !alike(blame.as_ref(), blamed.as_ref()) {
                panic!("{}", report::not_deterministic(&config, seed, &pilot, &test));
            }
        }
        if let Some(blame) = blame {
            failed += 1;
            first.get_or_insert((seed, blame));
        }
    }
    if let Some((seed, blame)) = first {
        panic!("\n{}", report::report(&config, seed, &blame, HowCommon { failed, runs }, &test));
    }
    let told = timeouts.to_string();
    // `cargo test` keeps it to itself, unless it is asked to show what tests print.
    if runs > 1 && !told.is_empty() {
        println!("{}: {told}", config.name);
    }
    // One run shows one way: only many are asked for what some of them must show, and a share of them is not all.
    let is_asked = runs > 1 && !config.is_shard;
    if let Some((what, _)) = sometimes.iter().find(|(_, seen)| is_asked && !**seen) {
        panic!(
            "inconclusive: {} claims that sometimes: {what}; in {runs} runs it never was so. More seeds, another strategy \
             (SHAKEDOWN_STRATEGY=pct), or a test that can come there",
            config.name
        );
    }
}

/// What a tested function may return: nothing, or a result whose error fails the run.
pub trait TestResult: 'static {
    /// The error, in words.
    fn error(self) -> Option<String>;
}

impl TestResult for () {
    fn error(self) -> Option<String> {
        None
    }
}

impl<T: 'static, E: Debug + 'static> TestResult for Result<T, E> {
    fn error(self) -> Option<String> {
        self.err().map(|error| format!("the test returned {error:?}"))
    }
}

/// A strategy by its name, as `pct` or `surw`, for the attribute of a test.
///
/// # Panics
/// For a name that none has; those there are are named.
pub fn strategy(name: &str) -> Strategy {
    name.parse().unwrap_or_else(|error| panic!("strategy = {name:?}: {error}"))
}

/// A puppet script, for a test.
///
/// # Panics
/// Where the script has mistakes: all of them are named.
pub fn puppet(script: &str) -> Block {
    puppet::parse(script).unwrap_or_else(|mistakes| {
        let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        panic!("this puppet script cannot be played:\n{}", all.join("\n"))
    })
}
