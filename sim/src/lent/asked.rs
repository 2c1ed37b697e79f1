//! What was asked of a lent kernel and is not answered yet: a slot for each, and the future that waits at it.

use super::Lent;
use shakedown_core::ids::{OpId, UnitId};
use shakedown_core::vocab::Completion;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Of one machine.
#[derive(Default)]
pub(super) struct Slots(RefCell<BTreeMap<OpId, Slot>>);

#[derive(Default)]
struct Slot {
    answer: Option<Completion>,
    waiter: Option<Waker>,
}

impl Slots {
    pub(super) fn open(&self, op: OpId) {
        self.0.borrow_mut().insert(op, Slot::default());
    }

    pub(super) fn answer(&self, op: OpId, completion: Completion) {
        let waiter = match self.0.borrow_mut().get_mut(&op) {
            Some(slot) => {
                slot.answer = Some(completion);
                slot.waiter.take()
            }
            // Nobody waits for it any more.
            None => None,
        };
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }

    pub(super) fn close(&self, op: OpId) -> Option<Completion> {
        self.0.borrow_mut().remove(&op)?.answer
    }

    pub(super) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    fn poll(&self, op: OpId, cx: &Context<'_>) -> Poll<Completion> {
        let mut slots = self.0.borrow_mut();
        let Some(slot) = slots.get_mut(&op) else { return Poll::Pending };
        match slot.answer.take() {
            Some(completion) => {
                slots.remove(&op);
                Poll::Ready(completion)
            }
            None => {
                slot.waiter = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// The answer to a request. Dropped, a wait is withdrawn, and an act goes on to its end.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Asked {
    lent: Lent,
    op: OpId,
    unit: UnitId,
    is_wait: bool,
    is_over: bool,
}

impl Asked {
    pub(super) fn new(lent: Lent, op: OpId, unit: UnitId, is_wait: bool) -> Asked {
        Asked { lent, op, unit, is_wait, is_over: false }
    }
}

impl Future for Asked {
    type Output = Completion;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Completion> {
        let polled = self.lent.0.slots.poll(self.op, cx);
        self.is_over |= polled.is_ready();
        polled
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        match (self.is_over, self.is_wait) {
            (true, _) => {}
            (false, true) => self.lent.withdraw(self.op, self.unit),
            (false, false) => drop(self.lent.0.slots.close(self.op)),
        }
    }
}
