//! The one queue of enabled actions. Which goes next is a choice: the least (key, arrival) runs, and a key is clock + rank.
//!
//! The clock is the key of the last action that ran, zero when the queue has emptied. All ranks zero is first in, first out.
//! A rank is asked when an action first has to compete; an action that is alone costs no choice.

use crate::choose::Choose;
use crate::ids::{ActorId, TaskId};
use crate::site::{Kind, Label, Site};
use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::{Ordering, Reverse};

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
    key: u64,
    arrival: u32,
    nth: u32,
    pub(crate) label: Label,
    pub(crate) action: Action,
}

impl Entry {
    /// The next deadline, which competes only where the chooser picks.
    pub(crate) const CLOCK: Entry = Entry { key: 0, arrival: 0, nth: 0, label: Label::ROOT, action: Action::Clock };

    pub(crate) const fn site(&self) -> Site {
        Site { kind: self.action.kind(), label: self.label, nth: self.nth }
    }

    fn order(&self) -> (u64, u32) {
        (self.key, self.arrival)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

/// Enabled actions: scanned while few, a heap beyond.
#[derive(Default)]
pub(crate) struct Queue {
    /// The only entry, which has no rank yet. Most are alone, and never see one of the lists.
    alone: Option<Entry>,
    few: Vec<Entry>,
    many: BinaryHeap<Reverse<Entry>>,
    clock: u64,
    /// Counted from when the queue was last empty.
    arrivals: u32,
}

/// Measured: a scan wins up to about this many.
const SCAN_MAX: usize = 24;
/// A heap of so many is kept when it is empty; the room of a greater burst is given back.
const ROOM_KEPT: usize = 1024;

impl Queue {
    #[inline]
    pub(crate) fn push<C: Choose>(&mut self, action: Action, label: Label, nth: u32, chooser: &mut C) {
        let entry = Entry { key: self.clock, arrival: 0, label, nth, action };
        if self.is_empty() {
            self.alone = Some(entry);
        } else {
            self.compete(entry, chooser);
        }
    }

    fn compete<C: Choose>(&mut self, mut entry: Entry, chooser: &mut C) {
        let mut rank = |e: &Entry| u64::from(chooser.rank(e.site()));
        if let Some(mut first) = self.alone.take() {
            first.key += rank(&first);
            self.arrivals = 0;
            self.few.push(first);
        }
        entry.key += rank(&entry);
        self.arrivals += 1;
        entry.arrival = self.arrivals;
        if self.many.is_empty() && self.few.len() < SCAN_MAX {
            self.few.push(entry);
        } else {
            self.many.extend(self.few.drain(..).map(Reverse));
            self.many.push(Reverse(entry));
        }
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Entry> {
        match self.alone.take() {
            Some(entry) => {
                self.clock = 0;
                Some(entry)
            }
            None if self.is_empty() => None,
            None => self.pop_least(),
        }
    }

    fn pop_least(&mut self) -> Option<Entry> {
        let entry = if self.many.is_empty() {
            let least = if self.few.len() == 1 { 0 } else { self.least() };
            self.few.swap_remove(least)
        } else {
            let entry = self.many.pop()?.0;
            if self.many.is_empty() && self.many.capacity() > ROOM_KEPT {
                self.many = BinaryHeap::new();
            }
            entry
        };
        self.clock = if self.is_empty() { 0 } else { entry.key };
        Some(entry)
    }

    fn least(&self) -> usize {
        let mut least = 0;
        for (i, entry) in self.few.iter().enumerate().skip(1) {
            if entry.order() < self.few[least].order() {
                least = i;
            }
        }
        least
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.alone.is_none() && self.few.is_empty() && self.many.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.alone = None;
        self.few.clear();
        self.many.clear();
        (self.clock, self.arrivals) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choose::{Ask, Calm};

    struct Counting(u32, u16);
    impl Choose for Counting {
        fn rank(&mut self, _: Site) -> u16 {
            self.0 += 1;
            self.1
        }
        fn draw(&mut self, _: Site, _: Ask) -> u32 {
            0
        }
    }

    fn drain(queue: &mut Queue) -> Vec<u32> {
        core::iter::from_fn(|| queue.pop())
            .map(|e| match e.action {
                Action::Step(n) => n,
                other => panic!("only steps were pushed, not {other:?}"),
            })
            .collect()
    }

    #[test]
    fn calm_is_first_in_first_out_for_few_and_for_many() {
        for n in [3u32, 24, 25, 1000] {
            let mut queue = Queue::default();
            (0..n).for_each(|i| queue.push(Action::Step(i), Label(u64::from(i)), 0, &mut Calm));
            assert_eq!(drain(&mut queue), (0..n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_action_that_is_alone_asks_no_choice_and_a_second_asks_for_both() {
        let (mut queue, mut chooser) = (Queue::default(), Counting(0, 3));
        queue.push(Action::Step(0), Label(0), 0, &mut chooser);
        assert_eq!((chooser.0, drain(&mut queue)), (0, Vec::from([0])));
        queue.push(Action::Step(1), Label(0), 1, &mut chooser);
        queue.push(Action::Step(2), Label(0), 2, &mut chooser);
        assert_eq!((chooser.0, drain(&mut queue)), (2, Vec::from([1, 2])));
    }

    #[test]
    fn a_late_arrival_competes_from_the_clock_on() {
        let (mut queue, mut chooser) = (Queue::default(), Counting(0, 10));
        queue.push(Action::Step(0), Label(0), 0, &mut chooser);
        queue.push(Action::Step(1), Label(0), 1, &mut chooser);
        assert_eq!(queue.pop().map(|e| e.action), Some(Action::Step(0)));
        chooser.1 = 0;
        queue.push(Action::Step(2), Label(0), 2, &mut chooser);
        assert_eq!(drain(&mut queue), [1, 2], "rank 0 ties with one that already waited");
    }
}
