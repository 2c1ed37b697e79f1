//! The one queue of enabled actions. Which goes next is a choice: the least (key, arrival) runs, and a key is clock + rank.
//!
//! The clock is the key of the last action that ran, zero when the queue has emptied. All ranks zero is first in, first out.
//! A rank is asked when an action first has to compete; an action that is alone costs no choice.

use super::ROOM_KEPT;
use crate::choose::{Choose, Crowd};
use crate::ids::{ActorId, TaskId};
use crate::site::{Kind, Label, Site};
use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::hint::select_unpredictable;

/// Something that can happen now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    /// A task is polled.
    Poll(TaskId),
    /// A machine takes the head of its mailbox.
    Mail(ActorId),
    /// A machine's deadline has come.
    Tick(ActorId),
    /// The world takes a step.
    Step(u32),
    /// The clock goes on to the next deadline. Never in the queue: a chooser that picks may pick it.
    Clock,
}

impl Action {
    pub(crate) const fn kind(self) -> Kind {
        match self {
            Action::Poll(_) => Kind::Poll,
            Action::Mail(_) => Kind::Mail,
            Action::Tick(_) => Kind::Tick,
            Action::Step(_) => Kind::Step,
            Action::Clock => Kind::Clock,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(super) nth: u32,
    /// The turn in which it was enabled, counted from 1; 0 where time has enabled it.
    pub(super) turn: u32,
    pub(crate) label: Label,
    pub(crate) action: Action,
}

impl Entry {
    /// The next deadline, which competes only where the chooser picks.
    pub(crate) const CLOCK: Entry = Entry { nth: 0, turn: 0, label: Label::ROOT, action: Action::Clock };

    pub(crate) const fn site(&self) -> Site {
        Site { kind: self.action.kind(), label: self.label, nth: self.nth }
    }
}

/// Enabled actions: scanned while few, a heap beyond. Only their order is moved about, in 16 bytes each; they themselves stay where they
/// are, as what was just written field by field cannot be moved as a whole without a wait.
pub(crate) struct Queue {
    /// Whether the entry at hand is enabled: the only one, which has no rank yet. Most are alone, and never compete.
    is_alone: bool,
    /// That entry.
    at_hand: Entry,
    /// Those who compete, in no order; empty where there are many.
    few: Vec<Order>,
    many: BinaryHeap<Reverse<Order>>,
    entries: Vec<Entry>,
    free: Vec<u32>,
    /// Counted from when nobody competed.
    arrivals: u32,
    clock: u64,
    /// How many have joined the many since one of them was taken.
    enabled: u32,
    /// The turn that enables what comes now.
    pub(super) turn: u32,
}

/// When an entry goes: from the upper bits down its key, its arrival, its place among the entries. One number, because it is compared more
/// often than anything else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Order(u128);

impl Order {
    #[inline]
    fn new(key: u64, arrival: u32, place: u32) -> Order {
        Order(u128::from(key) << 64 | u128::from(arrival) << 32 | u128::from(place))
    }

    #[inline]
    const fn key(self) -> u64 {
        (self.0 >> 64) as u64
    }

    #[inline]
    const fn place(self) -> u32 {
        self.0 as u32
    }
}

/// Measured: a scan wins up to about this many.
const SCAN_MAX: usize = 24;
/// So many are a crowd to the chooser.
const CROWD_MIN: u32 = 256;

impl Default for Queue {
    fn default() -> Queue {
        Queue {
            is_alone: false,
            at_hand: Entry::CLOCK,
            few: Vec::new(),
            many: BinaryHeap::new(),
            entries: Vec::new(),
            free: Vec::new(),
            arrivals: 0,
            clock: 0,
            enabled: 0,
            turn: 0,
        }
    }
}

impl Queue {
    #[inline]
    pub(crate) fn push<C: Choose>(&mut self, action: Action, label: Label, nth: u32, chooser: &mut C) {
        if self.is_empty() {
            self.is_alone = true;
            self.at_hand = Entry { label, nth, turn: self.turn, action };
        } else {
            self.compete(action, label, nth, chooser);
        }
    }

    #[inline(never)]
    fn compete<C: Choose>(&mut self, action: Action, label: Label, nth: u32, chooser: &mut C) {
        if core::mem::replace(&mut self.is_alone, false) {
            self.forget_who_competed();
            let Entry { nth, turn, label, action } = self.at_hand;
            let rank = chooser.rank(self.at_hand.site());
            self.enter(rank, action, label, nth, turn);
        }
        let site = Site { kind: action.kind(), label, nth };
        let rank = if self.many.is_empty() { chooser.rank(site) } else { self.rank_among_many(site, chooser) };
        self.enter(rank, action, label, nth, self.turn);
    }

    #[inline(always)]
    fn enter(&mut self, rank: u16, action: Action, label: Label, nth: u32, turn: u32) {
        let entry = Entry { label, nth, turn, action };
        let place = match self.free.pop() {
            Some(place) => {
                self.entries[place as usize] = entry;
                place
            }
            None => {
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
        };
        self.arrivals += 1;
        let order = Order::new(self.clock + u64::from(rank), self.arrivals, place);
        if self.many.is_empty() && self.few.len() < SCAN_MAX {
            self.few.push(order);
        } else {
            self.join_many(order);
        }
    }

    #[cold]
    fn join_many(&mut self, order: Order) {
        self.many.extend(self.few.drain(..).chain([order]).map(Reverse));
    }

    #[cold]
    fn rank_among_many<C: Choose>(&mut self, action: Site, chooser: &mut C) -> u16 {
        let crowd = Crowd { waiting: self.many.len() as u32, nth: self.enabled };
        self.enabled += 1;
        if crowd.waiting < CROWD_MIN { chooser.rank(action) } else { chooser.rank_in_crowd(action, crowd) }
    }

    /// Takes the next; `None` where nothing is enabled.
    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<&Entry> {
        if core::mem::replace(&mut self.is_alone, false) {
            self.clock = 0;
            Some(&self.at_hand)
        } else if self.is_contested() {
            Some(self.pop_least())
        } else {
            None
        }
    }

    /// Whether two or more are enabled, so that somebody has to choose.
    #[inline]
    pub(super) fn is_contested(&self) -> bool {
        !self.few.is_empty() || !self.many.is_empty()
    }

    /// Takes all of them, the next to go first.
    pub(super) fn take_all(&mut self, into: &mut Vec<Entry>) {
        if core::mem::replace(&mut self.is_alone, false) {
            into.push(self.at_hand);
        }
        self.few.sort_unstable();
        into.extend(self.few.drain(..).map(|order| self.entries[order.place() as usize]));
        while let Some(Reverse(order)) = self.many.pop() {
            into.push(self.entries[order.place() as usize]);
        }
        self.forget_who_competed();
        (self.clock, self.enabled) = (0, 0);
    }

    /// The entry as one that was taken.
    pub(crate) fn hand(&mut self, entry: Entry) -> &Entry {
        self.at_hand = entry;
        &self.at_hand
    }

    #[inline(always)]
    fn pop_least(&mut self) -> &Entry {
        if self.few.is_empty() {
            return self.pop_of_many();
        }
        let order = self.few.swap_remove(self.least());
        self.taken(order)
    }

    /// It stays readable until somebody else takes its place.
    #[inline(always)]
    fn taken(&mut self, order: Order) -> &Entry {
        self.clock = if self.is_contested() { order.key() } else { 0 };
        self.free.push(order.place());
        &self.entries[order.place() as usize]
    }

    #[cold]
    fn pop_of_many(&mut self) -> &Entry {
        self.enabled = 0;
        let Reverse(order) = self.many.pop().expect("some compete");
        if !self.many.is_empty() {
            return self.taken(order);
        }
        // The room of a hundred thousand is not kept while they sleep.
        (self.clock, self.at_hand) = (0, self.entries[order.place() as usize]);
        self.forget_who_competed();
        &self.at_hand
    }

    /// The least of the few. Which it is, no processor can guess: hence without a branch.
    #[inline]
    fn least(&self) -> usize {
        let (mut least, mut order) = (0, Order(u128::MAX));
        for (at, &other) in self.few.iter().enumerate() {
            let is_less = other < order;
            least = select_unpredictable(is_less, at, least);
            order = Order(select_unpredictable(is_less, other.0, order.0));
        }
        least
    }

    /// Nobody competes: places are given anew, from the first one on.
    #[inline]
    fn forget_who_competed(&mut self) {
        self.arrivals = 0;
        if self.entries.capacity() > ROOM_KEPT {
            (self.entries, self.free, self.many) = (Vec::new(), Vec::new(), BinaryHeap::new());
        } else {
            self.entries.clear();
            self.free.clear();
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        !self.is_alone && !self.is_contested()
    }

    pub(crate) fn clear(&mut self) {
        self.is_alone = false;
        self.few.clear();
        self.many.clear();
        self.forget_who_competed();
        (self.clock, self.enabled, self.turn) = (0, 0, 0);
    }
}

#[cfg(test)]
mod tests;
