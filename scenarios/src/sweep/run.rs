//! The sweep itself: chunks of seeds are taken by threads, results are merged in order.

use super::{Deadlines, Job, Player};
use crate::failure::{Finding, alike};
use shakedown_core::time::Instant;
use shakedown_core::time::nanos;
use shakedown_sim::choose::{Chooser, Pilot, Strategy};
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Seeds that a thread takes at once.
const CHUNK: u64 = 256;

/// Every sweep plays one seed in so many twice, unasked.
pub const RECHECK_EVERY: u64 = 100;

/// Kinds of failure that are told apart in one case; further ones are counted only.
pub const KINDS_MAX: usize = 16;

/// The first failure of a kind, by seed.
#[derive(Clone, PartialEq, Debug)]
pub struct FirstFailure {
    /// The lowest seed that showed it.
    pub seed: u64,
    /// Under this strategy.
    pub strategy: Strategy,
    /// What it is.
    pub finding: Finding,
    /// How many runs showed it first.
    pub runs: u64,
}

/// What a sweep found in one case.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CaseResult {
    /// Runs played; fewer than asked for only if the sweep was interrupted.
    pub runs: u64,
    /// Distinct traces.
    pub distinct: u64,
    /// Runs with at least one finding.
    pub failed: u64,
    /// The kinds of failure, by the seed that showed them first.
    pub failures: Vec<FirstFailure>,
    /// For each `sometimes`, how many runs have seen it.
    pub hits: Vec<u64>,
    /// Which way the deadlines of the session and of its workers have gone.
    pub deadlines: Deadlines,
    /// Virtual time played.
    pub virtual_ns: u64,
    /// Seeds whose second run differed from the first.
    pub unsteady: Vec<u64>,
    /// Allowances that no run needed: the oracle, and for whom.
    pub unused: Vec<(String, String)>,
}

impl CaseResult {
    /// Adds what further runs of the case found. How many of their traces are distinct, only whoever has seen all of them can tell.
    pub(super) fn add(&mut self, part: CaseResult) {
        self.hits.resize(part.hits.len(), 0);
        self.hits.iter_mut().zip(&part.hits).for_each(|(all, some)| *all += some);
        self.deadlines.add(&part.deadlines);
        // An allowance is unused if no part used it.
        match self.runs {
            0 => self.unused = part.unused,
            _ => self.unused.retain(|unused| part.unused.contains(unused)),
        }
        self.runs += part.runs;
        self.failed += part.failed;
        self.virtual_ns += part.virtual_ns;
        self.unsteady.extend(part.unsteady);
        part.failures.into_iter().for_each(|failure| note(&mut self.failures, failure));
    }
}

/// What a sweep found, case by case, in the order of the jobs.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SweepResult {
    /// One for each job.
    pub cases: Vec<CaseResult>,
    /// Whether it was cut short from outside.
    pub interrupted: bool,
    /// Whether it ended because enough runs had failed.
    pub enough: bool,
}

/// What a sweep tells while it runs, and how it is told to stop.
#[derive(Debug, Default)]
pub struct Progress {
    /// Runs so far.
    pub runs: AtomicU64,
    /// Failed runs so far.
    pub failed: AtomicU64,
    /// Set it to end the sweep after the runs that are under way.
    pub stop: AtomicBool,
    /// Ends the sweep once so many runs have failed. Which runs are played until then does not depend on the threads.
    pub max_fail: Option<u64>,
}

/// Distinct traces. A set is the same in whatever order it was filled, so threads may share it.
pub(super) type Seen = Mutex<HashSet<u64>>;

/// Plays all jobs on `threads` threads. `recheck_all` plays every seed twice.
pub fn sweep(jobs: &[Job], threads: usize, recheck_all: bool, progress: &Progress) -> SweepResult {
    let seen: Vec<Seen> = jobs.iter().map(|_| Mutex::default()).collect();
    let mut result = sweep_into(jobs, &seen, threads, recheck_all, progress, progress.max_fail);
    result.cases.iter_mut().zip(&seen).for_each(|(case, seen)| case.distinct = held(seen).len() as u64);
    result
}

/// What became of a chunk: the traces are kept apart where it may have been played in vain.
type Chunk = (CaseResult, Vec<u64>);

/// The same; the traces of each job are added to those seen before.
pub(super) fn sweep_into(
    jobs: &[Job],
    seen: &[Seen],
    threads: usize,
    recheck_all: bool,
    progress: &Progress,
    max_fail: Option<u64>,
) -> SweepResult {
    let chunks: Vec<(usize, Range<u64>)> =
        jobs.iter().enumerate().flat_map(|(i, job)| cut(&job.seeds).map(move |seeds| (i, seeds))).collect();
    let next = AtomicUsize::new(0);
    let failed = AtomicU64::new(0);
    let is_enough = || max_fail.is_some_and(|max| failed.load(Relaxed) >= max);
    let done: Mutex<BTreeMap<usize, Chunk>> = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                let mut player: Option<(usize, Player<Chooser>, Pilot)> = None;
                while !progress.stop.load(Relaxed) && !is_enough() {
                    let at = next.fetch_add(1, Relaxed);
                    let Some((job, seeds)) = chunks.get(at) else { return };
                    if player.as_ref().is_none_or(|(of, _, _)| of != job) {
                        let (new, pilot) = Player::with_pilot(&jobs[*job]);
                        player = Some((*job, new, pilot));
                    }
                    let Some((_, player, pilot)) = &mut player else { return };
                    let (chunk, mut digests) =
                        play_chunk(player, pilot, &jobs[*job], seeds.clone(), recheck_all, progress);
                    failed.fetch_add(chunk.failed, Relaxed);
                    if max_fail.is_none() {
                        held(&seen[*job]).extend(digests.drain(..));
                    }
                    held(&done).insert(at, (chunk, digests));
                }
            });
        }
    });
    let mut done = std::mem::take(&mut *held(&done));
    let enough = max_fail.is_some_and(|max| cut_when_enough(&mut done, max));
    for (at, (_, digests)) in &mut done {
        held(&seen[chunks[*at].0]).extend(digests.drain(..));
    }
    let mut result = merge(jobs, &chunks, done, progress.stop.load(Relaxed));
    result.enough = enough;
    result
}

/// Leaves out what was played after enough runs had failed. Chunks are taken in order and finished once taken, so what is left is the
/// same whoever played it.
fn cut_when_enough(done: &mut BTreeMap<usize, Chunk>, max: u64) -> bool {
    let mut failed = 0;
    let last = done.iter().find_map(|(at, (chunk, _))| {
        failed += chunk.failed;
        (failed >= max).then_some(*at)
    });
    if let Some(last) = last {
        done.retain(|at, _| *at <= last);
    }
    last.is_some()
}

/// What a thread holds while it panics is dropped with the sweep: the panic itself ends it.
pub(super) fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn cut(seeds: &Range<u64>) -> impl Iterator<Item = Range<u64>> + use<> {
    let end = seeds.end;
    (seeds.start..end).step_by(CHUNK as usize).map(move |from| from..end.min(from + CHUNK))
}

fn play_chunk(
    player: &mut Player<Chooser>,
    pilot: &Pilot,
    job: &Job,
    seeds: Range<u64>,
    recheck_all: bool,
    progress: &Progress,
) -> (CaseResult, Vec<u64>) {
    let mut digests = Vec::with_capacity(CHUNK as usize);
    let sometimes = job.case.expectations.sometimes().count();
    let deadlines = Deadlines::new(job.case.session.workers.len());
    let mut chunk = CaseResult { hits: vec![0; sometimes], deadlines, ..CaseResult::default() };
    for seed in seeds {
        if progress.stop.load(Relaxed) {
            break;
        }
        let played = player.play(job.strategy.chooser(seed, pilot));
        chunk.runs += 1;
        player.count_deadlines(&mut chunk.deadlines);
        digests.push(played.run.digest);
        chunk.virtual_ns += nanos(played.run.end.since(Instant::ZERO));
        for (n, hits) in chunk.hits.iter_mut().enumerate() {
            *hits += played.hits >> n & 1;
        }
        if recheck_all || seed % RECHECK_EVERY == 0 {
            let again = player.play(job.strategy.chooser(seed, pilot));
            let is_judged_alike = alike(again.findings.first(), played.findings.first());
            if again.run.digest != played.run.digest || again.run.end != played.run.end || !is_judged_alike {
                chunk.unsteady.push(seed);
            }
        }
        if let Some(finding) = played.findings.into_iter().next() {
            chunk.failed += 1;
            progress.failed.fetch_add(1, Relaxed);
            note(&mut chunk.failures, FirstFailure { seed, strategy: job.strategy, finding, runs: 1 });
        }
        progress.runs.fetch_add(1, Relaxed);
    }
    chunk.unused = player
        .unused_allowances()
        .into_iter()
        .map(|(oracle, on)| (oracle.name().to_owned(), on.unwrap_or_else(|| "*".into())))
        .collect();
    (chunk, digests)
}

fn note(failures: &mut Vec<FirstFailure>, failure: FirstFailure) {
    let known = failures.iter().position(|known| known.finding.is_same_as(&failure.finding));
    match known {
        Some(at) => failures[at].runs += failure.runs,
        None if failures.len() < KINDS_MAX => failures.push(failure),
        None => {}
    }
}

fn merge(jobs: &[Job], chunks: &[(usize, Range<u64>)], done: BTreeMap<usize, Chunk>, interrupted: bool) -> SweepResult {
    let mut cases: Vec<CaseResult> = jobs.iter().map(|_| CaseResult::default()).collect();
    for (at, (chunk, _)) in done {
        cases[chunks[at].0].add(chunk);
    }
    SweepResult { cases, interrupted, enough: false }
}
