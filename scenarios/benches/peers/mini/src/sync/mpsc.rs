//! An unbounded queue.
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

struct Shared<T> {
    queue: VecDeque<T>,
    waiting: Option<Waker>,
    sending: bool,
    receiving: bool,
}

pub struct UnboundedSender<T>(Rc<RefCell<Shared<T>>>);

pub struct UnboundedReceiver<T>(Rc<RefCell<Shared<T>>>);

pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let shared = Shared { queue: VecDeque::new(), waiting: None, sending: true, receiving: true };
    let shared = Rc::new(RefCell::new(shared));
    (UnboundedSender(shared.clone()), UnboundedReceiver(shared))
}

impl<T> UnboundedSender<T> {
    pub fn send(&self, value: T) -> Result<(), T> {
        let waiting = {
            let mut shared = self.0.borrow_mut();
            if !shared.receiving {
                return Err(value);
            }
            shared.queue.push_back(value);
            shared.waiting.take()
        };
        if let Some(waker) = waiting {
            waker.wake();
        }
        Ok(())
    }
}

impl<T> Drop for UnboundedSender<T> {
    fn drop(&mut self) {
        let waiting = {
            let mut shared = self.0.borrow_mut();
            shared.sending = false;
            shared.waiting.take()
        };
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

impl<T> Drop for UnboundedReceiver<T> {
    fn drop(&mut self) {
        self.0.borrow_mut().receiving = false;
    }
}

impl<T> UnboundedReceiver<T> {
    pub async fn recv(&mut self) -> Option<T> {
        poll_fn(|task| {
            let mut shared = self.0.borrow_mut();
            if let Some(value) = shared.queue.pop_front() {
                return Poll::Ready(Some(value));
            }
            if !shared.sending {
                return Poll::Ready(None);
            }
            shared.waiting = Some(task.waker().clone());
            Poll::Pending
        })
        .await
    }
}
