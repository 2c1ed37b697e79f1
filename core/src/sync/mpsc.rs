//! Many senders, one receiver, first in first out; bounded or not.

use super::{Closed, remember};
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use core::cell::RefCell;
use core::future::poll_fn;
use core::task::{Poll, Waker};

struct Shared<T> {
    queue: VecDeque<T>,
    capacity: usize,
    senders: usize,
    receiver_lives: bool,
    receiver: Option<Waker>,
    waiting_senders: VecDeque<Waker>,
}

/// The sending half; cheap to clone.
pub struct Sender<T>(Rc<RefCell<Shared<T>>>);

/// The receiving half.
pub struct Receiver<T>(Rc<RefCell<Shared<T>>>);

/// A channel that never makes a sender wait.
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    bounded(usize::MAX)
}

/// A channel that holds at most `capacity` messages.
///
/// # Panics
/// If `capacity` is 0.
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a channel without room can carry nothing; use sync::oneshot for a rendezvous");
    let shared = Rc::new(RefCell::new(Shared {
        queue: VecDeque::new(),
        capacity,
        senders: 1,
        receiver_lives: true,
        receiver: None,
        waiting_senders: VecDeque::new(),
    }));
    (Sender(shared.clone()), Receiver(shared))
}

impl<T> Sender<T> {
    /// Sends without waiting.
    ///
    /// # Errors
    /// Hands the message back if the receiver is gone or the channel is full.
    pub fn try_send(&self, message: T) -> Result<(), T> {
        let waker = {
            let mut shared = self.0.borrow_mut();
            if !shared.receiver_lives || shared.queue.len() >= shared.capacity {
                return Err(message);
            }
            shared.queue.push_back(message);
            shared.receiver.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Sends, waiting for room. Dropped while waiting, it sends nothing.
    ///
    /// # Errors
    /// Hands the message back if the receiver is gone.
    pub async fn send(&self, message: T) -> Result<(), T> {
        let mut message = Some(message);
        poll_fn(|cx| {
            let Some(m) = message.take() else { return Poll::Ready(Ok(())) };
            if !self.0.borrow().receiver_lives {
                return Poll::Ready(Err(m));
            }
            match self.try_send(m) {
                Ok(()) => Poll::Ready(Ok(())),
                Err(m) => {
                    message = Some(m);
                    let mut shared = self.0.borrow_mut();
                    if !shared.waiting_senders.iter().any(|w| w.will_wake(cx.waker())) {
                        shared.waiting_senders.push_back(cx.waker().clone());
                    }
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.borrow_mut().senders += 1;
        Sender(self.0.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let waker = {
            let mut shared = self.0.borrow_mut();
            shared.senders -= 1;
            if shared.senders == 0 { shared.receiver.take() } else { None }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Receiver<T> {
    /// The next message, or `None` when all senders are gone and everything was received. Dropped while waiting, it loses nothing.
    pub async fn recv(&mut self) -> Option<T> {
        poll_fn(|cx| match self.try_recv() {
            Ok(Some(message)) => Poll::Ready(Some(message)),
            Err(Closed) => Poll::Ready(None),
            Ok(None) => {
                remember(&mut self.0.borrow_mut().receiver, cx.waker());
                Poll::Pending
            }
        })
        .await
    }

    /// What is there now: a message, or nothing yet.
    ///
    /// # Errors
    /// [`Closed`] when all senders are gone and everything was received.
    pub fn try_recv(&mut self) -> Result<Option<T>, Closed> {
        let (message, waker) = {
            let mut shared = self.0.borrow_mut();
            match shared.queue.pop_front() {
                Some(message) => (message, shared.waiting_senders.pop_front()),
                None if shared.senders == 0 => return Err(Closed),
                None => return Ok(None),
            }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(Some(message))
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let (queue, wakers) = {
            let mut shared = self.0.borrow_mut();
            shared.receiver_lives = false;
            (core::mem::take(&mut shared.queue), core::mem::take(&mut shared.waiting_senders))
        };
        drop(queue);
        for waker in wakers {
            waker.wake();
        }
    }
}
