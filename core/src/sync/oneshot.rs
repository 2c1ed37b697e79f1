//! One value, once.

use super::{Closed, remember};
use alloc::rc::Rc;
use core::cell::RefCell;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

struct Shared<T> {
    value: Option<T>,
    waker: Option<Waker>,
    sender_lives: bool,
    receiver_lives: bool,
}

/// Sends the value.
pub struct Sender<T>(Rc<RefCell<Shared<T>>>);

/// Waits for the value; a future.
pub struct Receiver<T>(Rc<RefCell<Shared<T>>>);

/// A channel for one value.
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Rc::new(RefCell::new(Shared { value: None, waker: None, sender_lives: true, receiver_lives: true }));
    (Sender(shared.clone()), Receiver(shared))
}

impl<T> Sender<T> {
    /// Sends the value.
    ///
    /// # Errors
    /// Hands it back if the receiver is gone.
    pub fn send(self, value: T) -> Result<(), T> {
        let mut shared = self.0.borrow_mut();
        if !shared.receiver_lives {
            return Err(value);
        }
        shared.value = Some(value);
        Ok(())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let waker = {
            let mut shared = self.0.borrow_mut();
            shared.sender_lives = false;
            shared.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.borrow_mut().receiver_lives = false;
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, Closed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut shared = self.0.borrow_mut();
        if let Some(value) = shared.value.take() {
            return Poll::Ready(Ok(value));
        }
        if !shared.sender_lives {
            return Poll::Ready(Err(Closed));
        }
        remember(&mut shared.waker, cx.waker());
        Poll::Pending
    }
}
