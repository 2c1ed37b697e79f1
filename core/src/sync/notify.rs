//! A wake-up without a value, kept if nobody waits.

use alloc::collections::VecDeque;
use alloc::rc::Rc;
use core::cell::{Cell, RefCell};
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

struct Waiter {
    notified: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

#[derive(Default)]
struct Shared {
    permit: Cell<bool>,
    waiting: RefCell<VecDeque<Rc<Waiter>>>,
}

/// Wakes one waiter, or the next one to come; cheap to clone.
#[derive(Clone, Default)]
pub struct Notify(Rc<Shared>);

impl Notify {
    /// One without a permit.
    pub fn new() -> Notify {
        Notify::default()
    }

    /// Wakes the waiter that came first; without one, the next wait returns at once. Permits do not add up.
    pub fn notify_one(&self) {
        match self.0.waiting.borrow_mut().pop_front() {
            Some(waiter) => wake(&waiter),
            None => self.0.permit.set(true),
        }
    }

    /// Wakes all that wait now, and leaves no permit.
    pub fn notify_waiters(&self) {
        let waiting = core::mem::take(&mut *self.0.waiting.borrow_mut());
        waiting.iter().for_each(wake);
    }

    /// Waits for a permit.
    pub fn notified(&self) -> Notified {
        Notified { shared: self.0.clone(), waiter: None }
    }
}

fn wake(waiter: &Rc<Waiter>) {
    waiter.notified.set(true);
    let waker = waiter.waker.borrow_mut().take();
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// The wait of [`Notify::notified`]. Dropped after it was chosen but before it was polled, it hands its permit on.
pub struct Notified {
    shared: Rc<Shared>,
    waiter: Option<Rc<Waiter>>,
}

impl Future for Notified {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if let Some(waiter) = &this.waiter {
            if waiter.notified.get() {
                this.waiter = None;
                return Poll::Ready(());
            }
            super::remember(&mut waiter.waker.borrow_mut(), cx.waker());
            return Poll::Pending;
        }
        if this.shared.permit.take() {
            return Poll::Ready(());
        }
        let waiter = Rc::new(Waiter { notified: Cell::new(false), waker: RefCell::new(Some(cx.waker().clone())) });
        this.shared.waiting.borrow_mut().push_back(waiter.clone());
        this.waiter = Some(waiter);
        Poll::Pending
    }
}

impl Drop for Notified {
    fn drop(&mut self) {
        let Some(waiter) = self.waiter.take() else { return };
        if waiter.notified.get() {
            Notify(self.shared.clone()).notify_one();
        } else {
            self.shared.waiting.borrow_mut().retain(|w| !Rc::ptr_eq(w, &waiter));
        }
    }
}
