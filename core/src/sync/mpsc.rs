//! Many senders, one receiver, first in first out; bounded or not.

use super::{Closed, Place};
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use core::cell::{RefCell, RefMut};
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

struct Shared<T> {
    queue: VecDeque<T>,
    capacity: usize,
    senders: usize,
    receiver_lives: bool,
    receiver: Place,
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
        receiver: Place::default(),
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
            // Outside the borrow: a waker may be anybody's code.
            waker.wake_by_ref();
            let spare = self.0.borrow_mut().receiver.give_back(waker);
            drop(spare);
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
    #[inline]
    pub fn recv(&mut self) -> Recv<'_, T> {
        Recv(self)
    }

    /// What is there now: a message, or nothing yet.
    ///
    /// # Errors
    /// [`Closed`] when all senders are gone and everything was received.
    pub fn try_recv(&mut self) -> Result<Option<T>, Closed> {
        let mut shared = self.0.borrow_mut();
        let message = shared.next()?;
        if message.is_some() {
            has_room(shared);
        }
        Ok(message)
    }
}

/// The wait of [`Receiver::recv`]. A future by name: an async function around it has a state of its own to go on from, at every message.
pub struct Recv<'a, T>(&'a mut Receiver<T>);

impl<T> Future for Recv<'_, T> {
    type Output = Option<T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut shared = self.0.0.borrow_mut();
        match shared.next() {
            Ok(None) => {
                shared.receiver.wait(cx.waker());
                Poll::Pending
            }
            Ok(Some(message)) => {
                has_room(shared);
                Poll::Ready(Some(message))
            }
            Err(Closed) => Poll::Ready(None),
        }
    }
}

impl<T> Shared<T> {
    /// The next message, or nothing yet.
    #[inline]
    fn next(&mut self) -> Result<Option<T>, Closed> {
        match self.queue.pop_front() {
            Some(message) => Ok(Some(message)),
            None if self.senders == 0 => Err(Closed),
            None => Ok(None),
        }
    }
}

/// A message was taken, and there is room. All who wait for it are woken: the one that came first may have been dropped since, and its
/// wake-up would be lost.
#[inline]
fn has_room<T>(mut shared: RefMut<'_, Shared<T>>) {
    if !shared.waiting_senders.is_empty() {
        let senders = core::mem::take(&mut shared.waiting_senders);
        drop(shared);
        senders.into_iter().for_each(Waker::wake);
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let (queue, receiver, wakers) = {
            let mut shared = self.0.borrow_mut();
            shared.receiver_lives = false;
            let receiver = core::mem::take(&mut shared.receiver);
            (core::mem::take(&mut shared.queue), receiver, core::mem::take(&mut shared.waiting_senders))
        };
        drop((queue, receiver));
        for waker in wakers {
            waker.wake();
        }
    }
}
