//! The hunt: how many seeds a strategy needs until a bug shows. One lucky seed says little, so each hunt begins anew from twenty bases.

use crate::{Case, Caught, Player, Side};
use shakedown_sim::Run;
use shakedown_sim::choose::{Answer, Chooser, Strategy, Trace};
use shakedown_sim::explore::{self, Bounds, Explorer, Over};
use shakedown_sim::shrink::{Played, shrink};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// What a hunt may cost.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// So many bases.
    pub bases: u64,
    /// So many seeds from each of them, at most.
    pub seeds: u64,
    /// The failures of so many bases are shrunk.
    pub shrinks: u64,
}

/// What became of the hunt for one case by one strategy.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Hunt {
    /// For each base, how many seeds were played until the bug was caught as it is said to be.
    pub needed: Vec<Option<u64>>,
    /// How many surprises were left of the failures that were shrunk.
    pub surprises: Vec<usize>,
    /// How long each of those took, on a machine that also does other things.
    pub took: Vec<Duration>,
    /// The first seed whose run failed in another way, and who noticed.
    pub stranger: Option<(u64, Caught)>,
}

impl Hunt {
    /// From how many bases it was found.
    pub fn found(&self) -> usize {
        self.needed.iter().flatten().count()
    }

    /// The median of the seeds needed, a base that never found it counting as infinitely many; `None` where that is the median.
    pub fn median(&self) -> Option<u64> {
        let mut needed: Vec<u64> = self.needed.iter().map(|needed| needed.unwrap_or(u64::MAX)).collect();
        needed.sort_unstable();
        let upper = *needed.get(needed.len() / 2)?;
        let lower = needed[(needed.len() - 1) / 2];
        (upper < u64::MAX).then(|| (lower + upper).div_ceil(2))
    }
}

/// How far all hunts are.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bases done, over all cases and strategies.
    pub bases: AtomicU64,
    /// Runs played.
    pub runs: AtomicU64,
}

/// Hunts each case by each strategy, on so many threads: for each case, a hunt for each strategy.
pub fn hunt(
    cases: &[&Case],
    strategies: &[Strategy],
    budget: Budget,
    threads: usize,
    progress: &Progress,
) -> Vec<Vec<Hunt>> {
    let jobs: Vec<(usize, usize)> =
        (0..cases.len()).flat_map(|case| (0..strategies.len()).map(move |strategy| (case, strategy))).collect();
    let hunts: Mutex<Vec<Vec<Hunt>>> = Mutex::new(vec![vec![Hunt::default(); strategies.len()]; cases.len()]);
    each(jobs.len(), threads, |at| {
        let (case, strategy) = jobs[at];
        let hunt = one(cases[case], strategies[strategy], budget, progress);
        hunts.lock().expect("a hunter that panics ends the hunt")[case][strategy] = hunt;
    });
    hunts.into_inner().expect("a hunter that panics ends the hunt")
}

fn one(case: &Case, strategy: Strategy, budget: Budget, progress: &Progress) -> Hunt {
    let (mut player, mut hunt) = (Player::new(case, Side::Broken), Hunt::default());
    let pilot = player.pilot(strategy);
    for base in 0..budget.bases {
        let first = base * BASE;
        let found = (first..first + budget.seeds).find(|&seed| {
            progress.runs.fetch_add(1, Relaxed);
            let caught = Caught::first(&player.play(strategy.chooser(seed, &pilot)));
            if let Some(other) = caught.filter(|caught| *caught != case.caught_by) {
                hunt.stranger.get_or_insert((seed, other));
            }
            caught == Some(case.caught_by)
        });
        hunt.needed.push(found.map(|seed| seed - first + 1));
        if let Some(seed) = found.filter(|_| base < budget.shrinks) {
            let since = Instant::now();
            hunt.surprises.extend(surprises_left(&mut player, strategy.chooser(seed, &pilot)));
            hunt.took.push(since.elapsed());
        }
        progress.bases.fetch_add(1, Relaxed);
    }
    hunt
}

/// How many surprises are left of the failure that this chooser leads to; none where it does not fail again.
fn surprises_left(player: &mut Player, chooser: Chooser) -> Option<usize> {
    let (run, record) = player.record(chooser);
    let failure = fingerprint(&run)?;
    let play = |surprises: &[Answer]| {
        let (run, record) = player.record(Chooser::Trace(Trace::new(surprises)));
        let fails = fingerprint(&run).is_some_and(|other| other == failure);
        Played { fails, answers: record.answers() }
    };
    shrink(&record.answers(), SHRINK_RUNS_MAX, play).map(|shrunk| shrunk.surprises.len())
}

/// Who noticed first, and about whom.
fn fingerprint(run: &Run) -> Option<(Caught, String)> {
    let subject = run.violations.first().map(|violation| violation.subject.clone()).unwrap_or_default();
    Caught::first(run).map(|caught| (caught, subject))
}

/// The least number of surprises with which each case fails, found by trying all in increasing number; `None` where there are too many.
pub fn least(cases: &[&Case], threads: usize, progress: &Progress) -> Vec<Option<u32>> {
    let least: Mutex<Vec<Option<u32>>> = Mutex::new(vec![None; cases.len()]);
    each(cases.len(), threads, |at| {
        let mut player = Player::new(cases[at], Side::Broken);
        let explored = Explorer::explore(EXPLORE_BOUNDS, EXPLORE_BUDGET, false, |tree, _| {
            progress.runs.fetch_add(1, Relaxed);
            let is_caught = Caught::first(&player.explore(tree)) == Some(cases[at].caught_by);
            if is_caught { Over::Failed(()) } else { Over::Held }
        });
        least.lock().expect("an explorer that panics ends the exploration")[at] = explored.surprises;
        progress.bases.fetch_add(1, Relaxed);
    });
    least.into_inner().expect("an explorer that panics ends the exploration")
}

/// Plays the twin of each case with so many seeds of each strategy: for each case, the first seed whose run was not clean.
pub fn watch_twins(
    cases: &[&Case],
    strategies: &[Strategy],
    seeds: u64,
    threads: usize,
    progress: &Progress,
) -> Vec<Option<(u64, Caught)>> {
    let chunks: Vec<(usize, u64)> =
        (0..cases.len()).flat_map(|case| (0..seeds).step_by(CHUNK as usize).map(move |from| (case, from))).collect();
    let wrong: Mutex<Vec<Option<(u64, Caught)>>> = Mutex::new(vec![None; cases.len()]);
    each(chunks.len(), threads, |at| {
        let (case, from) = chunks[at];
        let mut player = Player::new(cases[case], Side::Twin);
        for &strategy in strategies {
            let pilot = player.pilot(strategy);
            for seed in from..seeds.min(from + CHUNK) {
                progress.runs.fetch_add(1, Relaxed);
                if let Some(caught) = Caught::first(&player.play(strategy.chooser(seed, &pilot))) {
                    let first = &mut wrong.lock().expect("a watcher that panics ends the watch")[case];
                    if first.is_none_or(|(earlier, _)| seed < earlier) {
                        *first = Some((seed, caught));
                    }
                }
            }
        }
        progress.bases.fetch_add(1, Relaxed);
    });
    wrong.into_inner().expect("a watcher that panics ends the watch")
}

/// How many chunks [`watch_twins`] counts as bases.
pub fn chunks(cases: usize, seeds: u64) -> u64 {
    cases as u64 * seeds.div_ceil(CHUNK)
}

/// Does each of `jobs` once, on so many threads.
fn each(jobs: usize, threads: usize, job: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Relaxed);
                    if at >= jobs {
                        return;
                    }
                    job(at);
                }
            });
        }
    });
}

/// So many runs a shrink may play.
const SHRINK_RUNS_MAX: u32 = 2_000;

/// How far the least number of surprises is looked for.
const EXPLORE_BOUNDS: Bounds = Bounds { delays: 4, faults: 2, crashes: 1, values: 4 };

/// So many runs may be tried.
const EXPLORE_BUDGET: explore::Budget = explore::Budget { runs: 30_000 };

/// How far the seeds of one base are from those of the next.
const BASE: u64 = 1_000_000;

/// Seeds of a twin that a thread plays at once.
const CHUNK: u64 = 5_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_takes_what_was_never_found_for_infinitely_late() {
        #[track_caller]
        fn check(needed: &[Option<u64>], median: Option<u64>) {
            let hunt = Hunt { needed: needed.to_vec(), ..Hunt::default() };
            assert_eq!(hunt.median(), median, "{needed:?}");
        }
        check(&[], None);
        check(&[Some(7)], Some(7));
        check(&[Some(1), Some(4)], Some(3));
        check(&[Some(9), None, Some(2)], Some(9));
        check(&[Some(9), None], None);
        check(&[None, None, Some(2)], None);
    }
}
