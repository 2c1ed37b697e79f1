//! Timers of sleeping processes, in a heap; one that was given up stays in it until it comes to the top.
//! Equal deadlines fire in the order in which they were armed.

use super::Kernel;
use super::process::Wait;
use shakedown_core::ids::ProcId;
use shakedown_core::time::Instant;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// All timers.
#[derive(Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, u64, ProcId)>>,
    /// How many were ever armed: each has its number as a ticket.
    armed: u64,
}

impl Timers {
    pub(super) fn reset(&mut self) {
        self.heap.clear();
        self.armed = 0;
    }
}

impl Kernel {
    /// The next instant at which a sleeper is due.
    pub fn next_timer(&self) -> Option<Instant> {
        let sleeper = self.timers.heap.peek().map(|Reverse((at, ..))| *at);
        match self.uninterruptible.next() {
            None => sleeper,
            Some(at) => Some(sleeper.map_or(at, |sleeper| sleeper.min(at))),
        }
    }

    /// Wakes every sleeper that is due now.
    pub fn fire_timers(&mut self) {
        self.end_uninterruptible_sleeps();
        while let Some(&Reverse((at, _, id))) = self.timers.heap.peek()
            && at <= self.now
        {
            self.timers.heap.pop();
            let sleeper = self.entry_mut(id);
            sleeper.timer = 0;
            sleeper.wait = Wait::Nothing;
            self.announce(id);
            self.drop_stale_timers();
        }
    }

    /// Puts a process to sleep. At [`Instant::NEVER`] nothing wakes it but a signal.
    pub(super) fn sleep_until(&mut self, id: ProcId, at: Instant) {
        if at == Instant::NEVER {
            self.entry_mut(id).wait = Wait::Ever;
            return;
        }
        self.timers.armed += 1;
        let ticket = self.timers.armed;
        self.timers.heap.push(Reverse((at, ticket, id)));
        let sleeper = self.entry_mut(id);
        sleeper.timer = ticket;
        sleeper.wait = Wait::Timer;
    }

    /// Forgets the timer of a process that will not wait for it.
    pub(super) fn disarm(&mut self, id: ProcId) {
        let sleeper = self.entry_mut(id);
        if sleeper.timer != 0 {
            sleeper.timer = 0;
            self.drop_stale_timers();
        }
    }

    fn drop_stale_timers(&mut self) {
        while let Some(&Reverse((_, ticket, id))) = self.timers.heap.peek()
            && self.entry(id).timer != ticket
        {
            self.timers.heap.pop();
        }
    }
}
