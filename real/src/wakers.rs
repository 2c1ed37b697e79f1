//! Wakers of a host's tasks: a wake from any thread enters the slot into a box, once, and rings the host's bell.

use crate::mailbox::{Bell, Mailbox};
use crate::sync::{AtomicBool, Ordering};
use shakedown_core::ids::TaskId;
use std::sync::Arc;
use std::task::{Wake, Waker};

/// All slots of one host.
pub(crate) struct Wakers {
    slots: Vec<Arc<Slot>>,
    woken: Arc<Mailbox<TaskId>>,
}

struct Slot {
    id: TaskId,
    is_queued: AtomicBool,
    woken: Arc<Mailbox<TaskId>>,
}

impl Wakers {
    pub(crate) fn new(bell: Arc<Bell>) -> Wakers {
        // Each slot stands in the box once at most.
        Wakers { slots: Vec::new(), woken: Arc::new(Mailbox::new(bell, usize::MAX)) }
    }

    /// The waker of a slot; slots are numbered densely from 0.
    pub(crate) fn waker(&mut self, id: TaskId) -> Waker {
        while self.slots.len() <= id.index() {
            let id = TaskId(self.slots.len() as u32);
            self.slots.push(Arc::new(Slot { id, is_queued: AtomicBool::new(false), woken: self.woken.clone() }));
        }
        Waker::from(self.slots[id.index()].clone())
    }

    /// The slot that was woken first, each once.
    pub(crate) fn next_woken(&mut self) -> Option<TaskId> {
        let id = self.woken.take()?;
        // A swap, not a store: whoever finds the slot queued up to here does not queue it again, and what he did before his wake is to be
        // seen by the poll that follows. (As a store it lost wakes: loom found it.)
        self.slots[id.index()].is_queued.swap(false, Ordering::AcqRel);
        Some(id)
    }
}

impl Wake for Slot {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_queued.swap(true, Ordering::AcqRel) {
            let _ = self.woken.post(self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_woken_once_until_it_is_taken() {
        let mut wakers = Wakers::new(Arc::default());
        let (first, second) = (wakers.waker(TaskId(0)), wakers.waker(TaskId(3)));
        second.wake_by_ref();
        std::thread::scope(|scope| scope.spawn(|| first.wake_by_ref()).join()).unwrap();
        second.wake_by_ref();
        assert_eq!(
            [wakers.next_woken(), wakers.next_woken(), wakers.next_woken()],
            [Some(TaskId(3)), Some(TaskId(0)), None]
        );
        second.wake_by_ref();
        assert_eq!(wakers.next_woken(), Some(TaskId(3)));
    }
}
