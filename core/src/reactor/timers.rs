//! Every deadline of a host in one list: sleeping tasks and machines alike. A timer is a slot, never a box.

use crate::ids::{ActorId, TaskId};
use crate::tie::TIES_MAX;
use crate::time::Instant;
use alloc::collections::{BTreeMap, BinaryHeap};
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::num::{NonZeroU32, NonZeroU64};
use core::task::Waker;

/// Whom a timer wakes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// A task whose own waker polled the sleep.
    Task(TaskId),
    /// A machine's deadline.
    Actor(ActorId),
    /// Somebody else's waker, as the sleep was polled inside a combinator with wakers of its own: [`Timers::take_waker`] has it. It stands
    /// apart, because tens of thousands of timers may be armed and next to none of them holds a waker.
    Waker(u32),
}

struct Slot {
    /// The sequence number it was armed with; 0 while free.
    armed: u32,
    target: Target,
}

/// A timer that was armed: from the upper bits down the sequence number it was armed with, and its slot. One word, so that none is one
/// too: a sleep is moved right after it was made, and of what was written by halves a processor cannot read the whole at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TimerId(NonZeroU64);

impl TimerId {
    #[inline]
    fn new(seq: NonZeroU32, slot: u32) -> TimerId {
        let word = u64::from(seq.get()) << 32 | u64::from(slot);
        TimerId(NonZeroU64::new(word).unwrap_or(NonZeroU64::MIN))
    }

    #[inline]
    const fn seq(self) -> u32 {
        (self.0.get() >> 32) as u32
    }

    #[inline]
    const fn slot(self) -> u32 {
        self.0.get() as u32
    }
}

/// When a timer fires: from the upper bits down its instant, the sequence number it was armed with, its slot. One number, because it is
/// compared more often than anything else, and equal instants fire in the order of arming.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Due(u128);

impl Due {
    #[inline]
    fn new(at: Instant, timer: TimerId) -> Due {
        Due(u128::from(at.as_nanos()) << 64 | u128::from(timer.0.get()))
    }

    #[inline]
    const fn at(self) -> Instant {
        Instant::from_nanos((self.0 >> 64) as u64)
    }

    #[inline]
    const fn slot(self) -> u32 {
        self.0 as u32
    }

    /// Whether it was not cancelled meanwhile: its slot is still armed with the same number.
    #[inline]
    fn is_armed(self, slots: &[Slot]) -> bool {
        slots[self.slot() as usize].armed == (self.0 >> 32) as u32
    }
}

/// All that is due, cancelled ones among it until they surface: sorted while it is little, a heap beyond.
#[derive(Default)]
struct Dues {
    /// The first to fire at the end, where most that are new belong: a task that was just woken sleeps again, and not for long. Empty
    /// where there are many.
    few: Vec<Due>,
    many: BinaryHeap<Reverse<Due>>,
}

/// Measured: sorting wins up to about this many.
const SORTED_MAX: usize = 32;

impl Dues {
    #[inline]
    fn push(&mut self, due: Due) {
        if !self.many.is_empty() {
            self.many.push(Reverse(due));
        } else if self.few.len() < SORTED_MAX {
            let mut at = self.few.len();
            self.few.push(due);
            while let Some(&earlier) = self.few.get(at.wrapping_sub(1))
                && earlier < due
            {
                self.few[at] = earlier;
                at -= 1;
            }
            self.few[at] = due;
        } else {
            self.many = self.few.drain(..).chain([due]).map(Reverse).collect();
        }
    }

    #[inline]
    fn first(&self) -> Option<Due> {
        match self.few.last() {
            Some(due) => Some(*due),
            None => self.many.peek().map(|&Reverse(due)| due),
        }
    }

    /// Takes the first out.
    #[inline]
    fn pop(&mut self) {
        if self.few.pop().is_none() {
            self.many.pop();
        }
    }

    fn len(&self) -> usize {
        self.few.len() + self.many.len()
    }

    /// In no particular order, but the first ones early.
    fn iter(&self) -> impl Iterator<Item = Due> {
        self.few.iter().rev().copied().chain(self.many.iter().map(|&Reverse(due)| due))
    }

    fn retain(&mut self, keep: impl Fn(Due) -> bool) {
        self.few.retain(|&due| keep(due));
        self.many.retain(|&Reverse(due)| keep(due));
    }

    fn clear(&mut self) {
        self.few.clear();
        self.many.clear();
    }
}

#[derive(Default)]
pub(crate) struct Timers {
    dues: Dues,
    slots: Vec<Slot>,
    free: Vec<u32>,
    foreign: BTreeMap<u32, Waker>,
    seq: u32,
    cancelled: usize,
}

impl Timers {
    /// Arms a timer for a task or a machine.
    #[inline]
    pub(crate) fn arm(&mut self, at: Instant, target: Target) -> TimerId {
        let timer = self.take_slot();
        self.slots[timer.slot() as usize] = Slot { armed: timer.seq(), target };
        self.dues.push(Due::new(at, timer));
        timer
    }

    /// Arms a timer for anybody else.
    pub(crate) fn arm_waker(&mut self, at: Instant, waker: Waker) -> TimerId {
        let timer = self.take_slot();
        self.foreign.insert(timer.slot(), waker);
        self.slots[timer.slot() as usize] = Slot { armed: timer.seq(), target: Target::Waker(timer.slot()) };
        self.dues.push(Due::new(at, timer));
        timer
    }

    #[inline]
    fn take_slot(&mut self) -> TimerId {
        let seq = NonZeroU32::new(self.seq.wrapping_add(1)).unwrap_or(NonZeroU32::MIN);
        self.seq = seq.get();
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(Slot { armed: 0, target: Target::Waker(0) });
                self.slots.len() as u32 - 1
            }
        };
        TimerId::new(seq, slot)
    }

    /// The waker of a timer that has fired.
    pub(crate) fn take_waker(&mut self, target: u32) -> Option<Waker> {
        self.foreign.remove(&target)
    }

    /// The waker of a target that no timer has any more, to be dropped outside any borrow.
    #[inline]
    fn left_by(&mut self, target: Target) -> Option<Waker> {
        match target {
            Target::Task(_) | Target::Actor(_) => None,
            Target::Waker(at) => self.take_waker(at),
        }
    }

    /// Forgets a timer. A waker that it held is handed back, to be dropped outside any borrow.
    #[inline]
    pub(crate) fn cancel(&mut self, id: TimerId) -> Option<Waker> {
        let slot = &mut self.slots[id.slot() as usize];
        if slot.armed != id.seq() {
            return None;
        }
        slot.armed = 0;
        let target = slot.target;
        self.free.push(id.slot());
        self.cancelled += 1;
        if self.cancelled > 64 && self.cancelled > self.dues.len() / 2 {
            self.sweep();
        }
        self.left_by(target)
    }

    /// Points a timer that is still armed at a task. A waker that it held is handed back.
    pub(crate) fn retarget(&mut self, id: TimerId, task: TaskId) -> Option<Waker> {
        let slot = &mut self.slots[id.slot() as usize];
        if slot.armed != id.seq() {
            return None;
        }
        let before = core::mem::replace(&mut slot.target, Target::Task(task));
        self.left_by(before)
    }

    /// The same, at anybody else.
    pub(crate) fn retarget_waker(&mut self, id: TimerId, waker: Waker) -> Option<Waker> {
        let slot = &mut self.slots[id.slot() as usize];
        if slot.armed != id.seq() {
            return Some(waker);
        }
        slot.target = Target::Waker(id.slot());
        self.foreign.insert(id.slot(), waker)
    }

    /// The next instant at which something fires.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Option<Instant> {
        while let Some(due) = self.dues.first() {
            if due.is_armed(&self.slots) {
                return Some(due.at());
            }
            self.dues.pop();
            self.cancelled -= 1;
        }
        None
    }

    /// The earliest deadlines found between these two instants, neither included, in order and each once.
    pub(crate) fn between(&self, after: Instant, before: Instant) -> [Option<Instant>; TIES_MAX] {
        let mut found = [None; TIES_MAX];
        for due in self.dues.iter().take(SEEN_MAX) {
            let at = due.at();
            if at <= after || at >= before || !due.is_armed(&self.slots) || found.contains(&Some(at)) {
                continue;
            }
            // Into its place, and the last one out.
            let place = found.iter().position(|other| other.is_none_or(|other| at < other));
            if let Some(place) = place {
                found[place..].rotate_right(1);
                found[place] = Some(at);
            }
        }
        found
    }

    /// Takes the first timer that is due at `now`.
    #[inline(always)]
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Target> {
        while let Some(due) = self.dues.first() {
            if due.at() > now {
                return None;
            }
            self.dues.pop();
            if due.is_armed(&self.slots) {
                let slot = &mut self.slots[due.slot() as usize];
                slot.armed = 0;
                self.free.push(due.slot());
                return Some(slot.target);
            }
            self.cancelled -= 1;
        }
        None
    }

    /// The tasks that sleep, and until when, for reports.
    pub(crate) fn sleepers(&self) -> impl Iterator<Item = (TaskId, Instant)> {
        self.dues.iter().filter_map(|due| match self.slots[due.slot() as usize].target {
            Target::Task(task) if due.is_armed(&self.slots) => Some((task, due.at())),
            Target::Task(_) | Target::Actor(_) | Target::Waker(_) => None,
        })
    }

    /// How many are armed.
    pub(crate) fn armed(&self) -> usize {
        self.dues.len() - self.cancelled
    }

    fn sweep(&mut self) {
        let slots = &self.slots;
        self.dues.retain(|due| due.is_armed(slots));
        self.cancelled = 0;
    }

    /// Empty again, with its room kept.
    pub(crate) fn clear(&mut self) {
        self.dues.clear();
        self.slots.clear();
        self.free.clear();
        // To clear an empty map costs a hundred instructions.
        if !self.foreign.is_empty() {
            self.foreign.clear();
        }
        self.seq = 0;
        self.cancelled = 0;
    }
}

/// What is due is looked through so far: its front holds the earliest, and a crowd of timers must not make each draw slow.
const SEEN_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_between_two_instants_are_the_earliest_in_order_and_each_once() {
        let mut timers = Timers::default();
        let ids: Vec<_> = [9, 3, 7, 7, 5, 20, 4, 8]
            .map(|at| timers.arm(Instant::from_nanos(at), Target::Task(TaskId(at as u32))))
            .into();
        timers.cancel(ids[4]);
        let found = |after, before| {
            let found = timers.between(Instant::from_nanos(after), Instant::from_nanos(before));
            found.map(|at| at.map(Instant::as_nanos))
        };
        assert_eq!(found(3, 20), [Some(4), Some(7), Some(8)]);
        assert_eq!(found(7, 9), [Some(8), None, None]);
        assert_eq!(found(9, 20), [None; 3]);
    }

    #[test]
    fn equal_instants_fire_in_the_order_of_arming_and_cancelled_ones_never() {
        let mut timers = Timers::default();
        let at = Instant::from_nanos(5);
        let ids: Vec<_> = (0..4).map(|i| timers.arm(at, Target::Task(TaskId(i)))).collect();
        timers.cancel(ids[1]);
        assert_eq!((timers.next(), timers.armed()), (Some(at), 3));
        assert!(timers.pop_due(Instant::from_nanos(4)).is_none());
        let mut fired = Vec::new();
        while let Some(Target::Task(id)) = timers.pop_due(at) {
            fired.push(id.0);
        }
        assert_eq!(fired, [0, 2, 3]);
    }

    #[test]
    fn ten_thousand_cancelled_timers_leave_no_trace() {
        let mut timers = Timers::default();
        for i in 0..10_000u64 {
            let id = timers.arm(Instant::from_nanos(1_000_000 + i), Target::Task(TaskId(0)));
            timers.cancel(id);
        }
        assert!(timers.dues.len() < 200);
        assert_eq!(timers.next(), None);
    }
}
