//! What a workload counted, and a digest of the order in which it happened.
//! The sums show that two peers did the same work; the digest shows whether one peer did it twice in the same order.
use std::cell::Cell;

/// Sums over all simulations of a process.
#[derive(Clone, Copy)]
pub struct Stats {
    pub ticks: u64,
    pub kills: u64,
    pub drain_timeouts: u64,
    pub stopped: u64,
    pub end_ms: u64,
    pub digest: u64,
}

/// What a task notes into the digest, as (task, what, when).
#[derive(Clone, Copy)]
pub enum Note {
    Tick = 1,
    StopSeen,
    Finished,
    LifeOver,
    DrainSeen,
    StopSent,
    Killed,
    DrainOver,
    StoppedSeen,
}

impl Stats {
    pub const ZERO: Stats = Stats { ticks: 0, kills: 0, drain_timeouts: 0, stopped: 0, end_ms: 0, digest: 0 };

    #[inline]
    pub fn note(&mut self, task: u64, what: Note, now_ms: u64) {
        let item = task << 40 | (what as u64) << 32 | now_ms;
        self.digest = (self.digest.rotate_left(7) ^ item).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

thread_local! {
    static STATS: Cell<Stats> = const { Cell::new(Stats::ZERO) };
}

/// Changes this thread's counters; every peer runs a simulation on the thread that reads them.
pub fn with(change: impl FnOnce(&mut Stats)) {
    STATS.with(|cell| {
        let mut stats = cell.get();
        change(&mut stats);
        cell.set(stats);
    });
}

/// Reads the counters and sets them to zero.
pub fn take() -> Stats {
    STATS.with(|cell| cell.replace(Stats::ZERO))
}
