//! A value whose changes can be awaited.
use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

struct Shared<T> {
    value: T,
    version: u64,
    closed: bool,
    waiting: Vec<Waker>,
}

pub struct Sender<T>(Rc<RefCell<Shared<T>>>);

pub struct Receiver<T> {
    shared: Rc<RefCell<Shared<T>>>,
    seen: u64,
}

pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let shared = Rc::new(RefCell::new(Shared { value, version: 0, closed: false, waiting: Vec::new() }));
    (Sender(shared.clone()), Receiver { shared, seen: 0 })
}

impl<T> Sender<T> {
    pub fn send(&self, value: T) -> Result<(), T> {
        self.change(|shared| {
            shared.value = value;
            shared.version += 1;
        });
        Ok(())
    }

    fn change(&self, change: impl FnOnce(&mut Shared<T>)) {
        let waiting = {
            let mut shared = self.0.borrow_mut();
            change(&mut shared);
            std::mem::take(&mut shared.waiting)
        };
        for waker in waiting {
            waker.wake();
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.change(|shared| shared.closed = true);
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Receiver { shared: self.shared.clone(), seen: self.seen }
    }
}

impl<T> Receiver<T> {
    pub async fn changed(&mut self) -> Result<(), ()> {
        poll_fn(|task| {
            let mut shared = self.shared.borrow_mut();
            if shared.version != self.seen {
                self.seen = shared.version;
                return Poll::Ready(Ok(()));
            }
            if shared.closed {
                return Poll::Ready(Err(()));
            }
            if !shared.waiting.iter().any(|waker| waker.will_wake(task.waker())) {
                shared.waiting.push(task.waker().clone());
            }
            Poll::Pending
        })
        .await
    }
}
