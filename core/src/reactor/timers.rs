//! Every deadline of a host in one heap: sleeping tasks and machines alike. A timer is a slot, never a box.

use crate::ids::{ActorId, TaskId};
use crate::tie::TIES_MAX;
use crate::time::Instant;
use alloc::collections::{BTreeMap, BinaryHeap};
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::num::NonZeroU32;
use core::task::Waker;

/// Whom a timer wakes.
pub(crate) enum Target {
    /// A task whose own waker polled the sleep.
    Task(TaskId),
    /// Somebody else's waker: the sleep was polled inside a combinator with wakers of its own.
    Waker(Waker),
    /// A machine's deadline.
    Actor(ActorId),
}

/// Whom a slot wakes: half of a [`Target`], because tens of thousands of timers may be armed and next to none of them holds a waker.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aim {
    Task(TaskId),
    Actor(ActorId),
    /// The waker that stands under the slot's number in [`Timers::foreign`].
    Foreign,
}

struct Slot {
    /// The sequence number it was armed with; 0 while free.
    armed: u32,
    aim: Aim,
}

/// A timer that was armed: a slot and the sequence number it was armed with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TimerId {
    slot: u32,
    seq: NonZeroU32,
}

#[derive(Default)]
pub(crate) struct Timers {
    /// (instant, sequence and slot): equal instants fire in the order of arming. Cancelled entries stay until they surface.
    heap: BinaryHeap<Reverse<(u64, u64)>>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    foreign: BTreeMap<u32, Waker>,
    seq: u32,
    cancelled: usize,
}

impl Timers {
    #[inline]
    pub(crate) fn arm(&mut self, at: Instant, target: Target) -> TimerId {
        let seq = NonZeroU32::new(self.seq.wrapping_add(1)).unwrap_or(NonZeroU32::MIN);
        self.seq = seq.get();
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(Slot { armed: 0, aim: Aim::Foreign });
                self.slots.len() as u32 - 1
            }
        };
        let aim = self.aim(slot, target);
        self.slots[slot as usize] = Slot { armed: seq.get(), aim };
        self.heap.push(Reverse((at.as_nanos(), u64::from(seq.get()) << 32 | u64::from(slot))));
        TimerId { slot, seq }
    }

    #[inline]
    fn aim(&mut self, slot: u32, target: Target) -> Aim {
        match target {
            Target::Task(task) => Aim::Task(task),
            Target::Actor(actor) => Aim::Actor(actor),
            Target::Waker(waker) => {
                self.foreign.insert(slot, waker);
                Aim::Foreign
            }
        }
    }

    #[inline]
    fn target(&mut self, slot: u32, aim: Aim) -> Option<Target> {
        match aim {
            Aim::Task(task) => Some(Target::Task(task)),
            Aim::Actor(actor) => Some(Target::Actor(actor)),
            Aim::Foreign => self.foreign.remove(&slot).map(Target::Waker),
        }
    }

    /// Forgets a timer. What it would have woken is handed back, to be dropped outside any borrow.
    #[inline]
    pub(crate) fn cancel(&mut self, id: TimerId) -> Option<Target> {
        let slot = &mut self.slots[id.slot as usize];
        if slot.armed != id.seq.get() {
            return None;
        }
        slot.armed = 0;
        let aim = slot.aim;
        self.free.push(id.slot);
        self.cancelled += 1;
        if self.cancelled > 64 && self.cancelled > self.heap.len() / 2 {
            self.sweep();
        }
        self.target(id.slot, aim)
    }

    /// Points a timer that is still armed at another target. What it would have woken before is handed back.
    pub(crate) fn retarget(&mut self, id: TimerId, target: Target) -> Option<Target> {
        let slot = &self.slots[id.slot as usize];
        match target {
            Target::Task(task) if slot.aim == Aim::Task(task) => return None,
            Target::Task(_) | Target::Actor(_) | Target::Waker(_) => {}
        }
        if slot.armed != id.seq.get() {
            return None;
        }
        let before = self.target(id.slot, slot.aim);
        self.slots[id.slot as usize].aim = self.aim(id.slot, target);
        before
    }

    /// The next instant at which something fires.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Instant> {
        while let Some(&Reverse((at, key))) = self.heap.peek() {
            if self.slots[key as u32 as usize].armed == (key >> 32) as u32 {
                return Some(Instant::from_nanos(at));
            }
            self.heap.pop();
            self.cancelled -= 1;
        }
        None
    }

    /// The earliest deadlines found between these two instants, neither included, in order and each once.
    pub(crate) fn between(&self, after: Instant, before: Instant) -> [Option<Instant>; TIES_MAX] {
        let mut found = [None; TIES_MAX];
        for &Reverse((at, key)) in self.heap.iter().take(SEEN_MAX) {
            let at = Instant::from_nanos(at);
            let is_armed = self.slots[key as u32 as usize].armed == (key >> 32) as u32;
            if at <= after || at >= before || !is_armed || found.contains(&Some(at)) {
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
    #[inline]
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Target> {
        while let Some(&Reverse((at, key))) = self.heap.peek() {
            if at > now.as_nanos() {
                return None;
            }
            self.heap.pop();
            let slot = &mut self.slots[key as u32 as usize];
            if slot.armed == (key >> 32) as u32 {
                slot.armed = 0;
                let aim = slot.aim;
                self.free.push(key as u32);
                return self.target(key as u32, aim);
            }
            self.cancelled -= 1;
        }
        None
    }

    /// The tasks that sleep, and until when, for reports.
    pub(crate) fn sleepers(&self) -> impl Iterator<Item = (TaskId, Instant)> {
        self.heap.iter().filter_map(|&Reverse((at, key))| {
            let slot = &self.slots[key as u32 as usize];
            match slot.aim {
                Aim::Task(task) if slot.armed == (key >> 32) as u32 => Some((task, Instant::from_nanos(at))),
                Aim::Task(_) | Aim::Actor(_) | Aim::Foreign => None,
            }
        })
    }

    /// How many are armed.
    pub(crate) fn armed(&self) -> usize {
        self.heap.len() - self.cancelled
    }

    fn sweep(&mut self) {
        let slots = &self.slots;
        self.heap.retain(|&Reverse((_, key))| slots[key as u32 as usize].armed == (key >> 32) as u32);
        self.cancelled = 0;
    }

    /// Empty again, with its room kept.
    pub(crate) fn clear(&mut self) {
        self.heap.clear();
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

/// The heap is looked through so far: its front holds the earliest, and a crowd of timers must not make each draw slow.
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
        assert!(timers.heap.len() < 200);
        assert_eq!(timers.next(), None);
    }
}
