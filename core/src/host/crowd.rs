//! Thousands of enabled actions, in the order of their keys. A key lies at most one rank beyond the clock, and so in one of a few hundred
//! ranges of keys: those of a later range wait in a list of their own, unsorted, and only the range at hand is in order.
//!
//! To take one from a heap of ten thousand is to go through it from end to end, and misses the cache at each level.

use super::ROOM_KEPT;
use super::queue::Entry;
use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// The crowd that the queue becomes where it is no longer worth a scan.
#[derive(Default)]
pub(super) struct Crowd {
    /// Of the range at hand those that were there when its turn came, the next at the end.
    near: Vec<Entry>,
    /// Of the range at hand those that came since.
    late: Late,
    /// Of each later range, in the order of their arrival.
    far: Vec<Vec<Entry>>,
    /// How many there are in all, and were at most since there were none.
    len: usize,
    most: usize,
    /// The range at hand, counted from key zero.
    range: u64,
}

/// Keys of a range, and lists of ranges: together they cover all ranks. Of ten thousand enabled actions forty are in one.
const RANGE: u64 = 256;
const RANGES: usize = (u16::MAX as usize + 1) / RANGE as usize;

impl Crowd {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an entry, whose key is at most one rank beyond the clock.
    #[cold]
    pub(super) fn push(&mut self, entry: Entry, clock: u64) {
        if self.is_empty() {
            self.range = clock / RANGE;
            self.far.resize_with(RANGES, Vec::new);
        }
        let range = entry.key / RANGE;
        if range == self.range {
            self.late.push(entry);
        } else {
            self.far[range as usize % RANGES].push(entry);
        }
        self.len += 1;
        self.most = self.most.max(self.len);
    }

    #[cold]
    pub(super) fn pop_into(&mut self, entry: &mut Entry) {
        if self.near.is_empty() && self.late.is_empty() && self.len > 0 {
            self.reach_next_range();
        }
        match self.near.last() {
            // Who was there before goes first where keys are equal.
            Some(near) if self.late.first_key().is_none_or(|late| near.key <= late) => {
                *entry = *near;
                self.near.pop();
            }
            Some(_) | None => self.late.pop_into(entry),
        }
        self.len = self.len.saturating_sub(1);
        if self.is_empty() && core::mem::take(&mut self.most) > ROOM_KEPT {
            *self = Crowd::default();
        }
    }

    fn reach_next_range(&mut self) {
        while self.near.is_empty() {
            self.range += 1;
            core::mem::swap(&mut self.near, &mut self.far[self.range as usize % RANGES]);
        }
        // The sort is stable, and the earliest of those with equal keys is to stand last of them.
        self.near.reverse();
        self.near.sort_by_key(|entry| Reverse(entry.key));
    }

    pub(super) fn clear(&mut self) {
        if !self.is_empty() {
            *self = Crowd::default();
        }
    }
}

/// Those that came into a range when it was at hand already: in a chooser that ranks all alike, everybody. Only their order is moved about
/// in the heap, in 16 bytes each, and they themselves stay where they are.
#[derive(Default)]
struct Late {
    /// From the upper bits down: key, arrival, place in `entries`.
    heap: BinaryHeap<Reverse<u128>>,
    entries: Vec<Entry>,
    free: Vec<u32>,
    /// Counted from when it was last empty.
    arrivals: u32,
}

impl Late {
    #[inline]
    fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    fn first_key(&self) -> Option<u64> {
        self.heap.peek().map(|&Reverse(order)| (order >> 64) as u64)
    }

    fn push(&mut self, entry: Entry) {
        let at = match self.free.pop() {
            Some(at) => {
                self.entries[at as usize] = entry;
                at
            }
            None => {
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
        };
        self.arrivals += 1;
        let order = u128::from(entry.key) << 64 | u128::from(self.arrivals) << 32 | u128::from(at);
        self.heap.push(Reverse(order));
    }

    fn pop_into(&mut self, entry: &mut Entry) {
        let Some(Reverse(order)) = self.heap.pop() else { return };
        *entry = self.entries[order as u32 as usize];
        self.free.push(order as u32);
        if self.heap.is_empty() {
            self.entries.clear();
            self.free.clear();
            self.arrivals = 0;
        }
    }
}
