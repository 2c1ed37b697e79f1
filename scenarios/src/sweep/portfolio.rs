//! All strategies beside each other, and more runs for those that find more. No strategy is best for every program; which is best for
//! this one shows after some hundred runs.
//!
//! Runs are shared out in rounds. What a strategy has found in the rounds before, new traces and above all new failures, decides its
//! share of the next, and none goes without. That depends on results alone, never on time or on the number of cores.

use super::run::{Seen, held, sweep_into};
use super::{CaseResult, Job, Progress, SweepResult, sweep};
use shakedown_sim::choose::{Strategy, UnknownStrategy};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::Ordering::Relaxed;

/// By which strategies a sweep goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mix {
    /// By one.
    One(Strategy),
    /// By all of them, by what they find.
    Portfolio,
}

impl Default for Mix {
    fn default() -> Self {
        Mix::One(Strategy::default())
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mix::One(strategy) => strategy.fmt(f),
            Mix::Portfolio => f.write_str("portfolio"),
        }
    }
}

impl FromStr for Mix {
    type Err = UnknownStrategy;

    fn from_str(name: &str) -> Result<Mix, UnknownStrategy> {
        if name == "portfolio" { Ok(Mix::Portfolio) } else { name.parse().map(Mix::One) }
    }
}

impl Mix {
    /// The strategy that a job begins with.
    pub fn first(self) -> Strategy {
        match self {
            Mix::One(strategy) => strategy,
            Mix::Portfolio => Strategy::default(),
        }
    }

    /// Plays these jobs.
    pub fn sweep(self, jobs: &[Job], threads: usize, recheck_all: bool, progress: &Progress) -> SweepResult {
        match self {
            Mix::One(_) => sweep(jobs, threads, recheck_all, progress),
            Mix::Portfolio => {
                let (mut cases, mut left) = (Vec::new(), progress.max_fail);
                for job in jobs {
                    let case = portfolio(job, threads, recheck_all, progress, left);
                    left = left.map(|left| left.saturating_sub(case.failed));
                    cases.push(case);
                }
                SweepResult { cases, interrupted: progress.stop.load(Relaxed), enough: left == Some(0) }
            }
        }
    }
}

/// Runs of one round, and how many rounds there are at least where there are enough runs.
const ROUND_MAX: u64 = 1024;
const ROUNDS_MIN: u64 = 16;

/// A failure that was not known before is worth so many new traces.
const WORTH_OF_A_FAILURE: f64 = 50.0;

/// Of its even share, each strategy keeps at least so much.
const FLOOR: f64 = 0.25;

fn portfolio(job: &Job, threads: usize, recheck_all: bool, progress: &Progress, max_fail: Option<u64>) -> CaseResult {
    let mut all = CaseResult::default();
    let seen: [Seen; 1] = [Mutex::default()];
    let mut worth = [1.0; Strategy::ALL.len()];
    let mut seeds = job.seeds.clone();
    let round = ((seeds.end - seeds.start) / ROUNDS_MIN).clamp(Strategy::ALL.len() as u64, ROUND_MAX);
    while !seeds.is_empty() && !progress.stop.load(Relaxed) {
        let shares = shares(&worth, round.min(seeds.end - seeds.start));
        for ((strategy, share), worth) in Strategy::ALL.into_iter().zip(shares).zip(&mut worth) {
            let mine = take(&mut seeds, share);
            let left = max_fail.map(|max| max.saturating_sub(all.failed));
            if mine.is_empty() || left == Some(0) {
                continue;
            }
            let known = (held(&seen[0]).len(), all.failures.len());
            let part = Job { strategy, seeds: mine, ..job.clone() };
            let result = sweep_into(&[part], &seen, threads, recheck_all, progress, left);
            result.cases.into_iter().for_each(|case| all.add(case));
            let found =
                (held(&seen[0]).len() - known.0) as f64 + WORTH_OF_A_FAILURE * (all.failures.len() - known.1) as f64;
            // The last rounds count most.
            *worth = *worth / 2.0 + found / share as f64;
        }
    }
    all.distinct = held(&seen[0]).len() as u64;
    all
}

/// How many runs of a round each strategy gets.
fn shares(worth: &[f64], round: u64) -> Vec<u64> {
    let even = 1.0 / worth.len() as f64;
    let all: f64 = worth.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let share = |worth: &f64| FLOOR * even + (1.0 - FLOOR) * worth / all;
    let mut shares: Vec<u64> = worth.iter().map(|worth| (share(worth) * round as f64) as u64).collect();
    // What rounding has left over goes to the first ones.
    let left = round - shares.iter().sum::<u64>().min(round);
    (0..left as usize).for_each(|n| shares[n % worth.len()] += 1);
    shares
}

fn take(seeds: &mut Range<u64>, n: u64) -> Range<u64> {
    let end = seeds.end.min(seeds.start + n);
    let taken = seeds.start..end;
    seeds.start = end;
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::read;
    use std::sync::Arc;

    const TEXT: &str = "schema = 1\n[workers.api]\npuppet = \"on TERM exit 0 after 1ms..9ms; print up; hang\"\n\
                        [[stimuli]]\nat = \"0ms..9ms\"\ndo = \"stop\"\n[[expect]]\nfinal = { api = \"stopped\" }\n\
                        [[expect]]\nnever = \"api ready after session stop-requested\"\n";

    #[test]
    fn every_seed_is_played_once_and_the_result_does_not_depend_on_the_cores() {
        let scenario = Arc::new(read("mix.toml", TEXT).expect("no mistakes"));
        let jobs = Job::all(&[scenario], crate::sweep::Seeds::First(700), Mix::Portfolio.first());
        let play = |threads| Mix::Portfolio.sweep(&jobs, threads, false, &Progress::default());
        let (one, two) = (play(1), play(2));
        assert_eq!(one, two);
        assert_eq!(one.cases[0].runs, 700);
        assert!(one.cases[0].distinct > 20, "{}", one.cases[0].distinct);
    }

    #[test]
    fn who_finds_more_gets_more_and_none_goes_without() {
        let shares = shares(&[8.0, 1.0, 1.0, 0.0], 1000);
        assert_eq!(shares.iter().sum::<u64>(), 1000);
        assert!(shares[0] > 500 && shares[3] >= 60, "{shares:?}");
    }
}
