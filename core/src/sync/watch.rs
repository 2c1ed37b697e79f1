//! The latest value, and a wake-up when it changes.

use super::Closed;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Ref, RefCell};
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

struct Shared<T> {
    value: T,
    version: u64,
    sender_lives: bool,
    waiting: Vec<Waker>,
}

/// Sets the value.
pub struct Sender<T>(Rc<RefCell<Shared<T>>>);

/// Sees the value; each clone remembers which version it has seen.
pub struct Receiver<T> {
    shared: Rc<RefCell<Shared<T>>>,
    seen: u64,
    /// Where it stood in the list of those who wait, so that it is searched once only.
    place: usize,
}

/// A watched value.
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let shared = Rc::new(RefCell::new(Shared { value, version: 0, sender_lives: true, waiting: Vec::new() }));
    (Sender(shared.clone()), Receiver { shared, seen: 0, place: 0 })
}

impl<T> Sender<T> {
    /// Sets the value and wakes whoever waits for a change, in the order in which they came.
    pub fn send(&self, value: T) {
        let (old, waiting) = {
            let mut shared = self.0.borrow_mut();
            shared.version += 1;
            (core::mem::replace(&mut shared.value, value), core::mem::take(&mut shared.waiting))
        };
        drop(old);
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let waiting = {
            let mut shared = self.0.borrow_mut();
            shared.sender_lives = false;
            core::mem::take(&mut shared.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Receiver { shared: self.shared.clone(), seen: self.seen, place: 0 }
    }
}

impl<T> Receiver<T> {
    /// The value as it is now.
    ///
    /// # Panics
    /// [`Sender::send`] panics while the returned guard is held: copy the value out and let go.
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref::map(self.shared.borrow(), |s| &s.value)
    }

    /// Waits until the value is another than the last one seen, and marks it seen.
    ///
    /// # Errors
    /// [`Closed`] if the sender is gone and nothing new is there.
    #[inline]
    pub fn changed(&mut self) -> Changed<'_, T> {
        Changed(self)
    }
}

/// Waits until a watched value is another: see [`Receiver::changed`]. One word, as a select in a loop moves it about each time round.
#[must_use = "a future does nothing until it is awaited"]
pub struct Changed<'a, T>(&'a mut Receiver<T>);

impl<T> Future for Changed<'_, T> {
    type Output = Result<(), Closed>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        let Receiver { shared, seen, place } = &mut *self.0;
        let mut shared = shared.borrow_mut();
        if shared.version != *seen {
            *seen = shared.version;
            return Poll::Ready(Ok(()));
        }
        if !shared.sender_lives {
            return Poll::Ready(Err(Closed));
        }
        // Who asks again, as in a loop around a select, stands there still.
        let stands_there = |w: &Waker| w.will_wake(cx.waker());
        if !shared.waiting.get(*place).is_some_and(stands_there) && !shared.waiting.iter().any(stands_there) {
            *place = shared.waiting.len();
            shared.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }
}
