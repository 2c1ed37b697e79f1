//! Wakers for one thread: a linked list through the wakers themselves, without a lock.
//!
//! The atomics are only loaded and stored, never exchanged: within a simulation there is one thread. A wake from another thread is an
//! escape out of the simulation; it is noted, and fails the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::task::{Wake, Waker};

thread_local! {
    /// Its address tells threads apart, at the price of one instruction.
    static MARK: u8 = const { 0 };
}

fn this_thread() -> usize {
    MARK.with(|mark| std::ptr::from_ref(mark).addr())
}

/// Ends the list.
const END: u32 = u32::MAX;
/// Marks a waker that is not in the list.
const OUT: u32 = u32::MAX - 1;

#[derive(Debug)]
struct List {
    thread: usize,
    /// The waker that was woken last; each links to the one woken before it.
    newest: AtomicU32,
    escaped: AtomicBool,
}

#[derive(Debug)]
struct SlotWaker {
    slot: u32,
    older: AtomicU32,
    list: Arc<List>,
}

/// The wakers of a host, and who was woken.
#[derive(Debug)]
pub(crate) struct Wakes {
    list: Arc<List>,
    wakers: Vec<Arc<SlotWaker>>,
    /// Taken from the list, the oldest at the end.
    batch: Vec<u32>,
}

impl Wakes {
    pub(crate) fn new() -> Wakes {
        let list = List { thread: this_thread(), newest: AtomicU32::new(END), escaped: AtomicBool::new(false) };
        Wakes { list: Arc::new(list), wakers: Vec::new(), batch: Vec::new() }
    }

    /// The waker of a slot, made when first asked for; slots come in order.
    pub(crate) fn add(&mut self, slot: u32) -> Waker {
        if let Some(known) = self.wakers.get(slot as usize) {
            return known.clone().into();
        }
        let waker = Arc::new(SlotWaker { slot, older: AtomicU32::new(OUT), list: self.list.clone() });
        self.wakers.push(waker.clone());
        waker.into()
    }

    /// The next that was woken, in the order of waking, each once.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<u32> {
        if self.batch.is_empty() {
            let mut slot = self.list.newest.load(Relaxed);
            if slot == END {
                return None;
            }
            self.list.newest.store(END, Relaxed);
            while slot != END {
                self.batch.push(slot);
                let older = &self.wakers[slot as usize].older;
                slot = older.load(Relaxed);
                older.store(OUT, Relaxed);
            }
        }
        self.batch.pop()
    }

    /// Whether another thread has woken a task since the last question.
    pub(crate) fn take_escape(&self) -> bool {
        self.list.escaped.swap(false, Relaxed)
    }
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if this_thread() != self.list.thread {
            self.list.escaped.store(true, Relaxed);
        } else if self.older.load(Relaxed) == OUT {
            self.older.store(self.list.newest.load(Relaxed), Relaxed);
            self.list.newest.store(self.slot, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wakes_come_in_order_and_each_once() {
        let mut wakes = Wakes::new();
        let wakers: Vec<Waker> = (0..3).map(|slot| wakes.add(slot)).collect();
        for slot in [2, 0, 2, 1] {
            wakers[slot].wake_by_ref();
        }
        assert_eq!([wakes.pop(), wakes.pop()], [Some(2), Some(0)]);
        wakers[2].wake_by_ref();
        assert_eq!([wakes.pop(), wakes.pop(), wakes.pop()], [Some(1), Some(2), None]);
    }

    #[test]
    fn a_wake_from_another_thread_is_noted_as_an_escape() {
        let mut wakes = Wakes::new();
        let waker = wakes.add(0);
        std::thread::scope(|scope| {
            scope.spawn(|| waker.wake_by_ref());
        });
        assert_eq!((wakes.pop(), wakes.take_escape(), wakes.take_escape()), (None, true, false));
    }
}
