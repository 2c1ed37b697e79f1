//! Spawned tasks and their results. A task is two allocations: its future, and the place where its result is waited for.

use crate::ids::TaskId;
use crate::reactor::{Reactor, Run};
use alloc::boxed::Box;
use alloc::rc::Rc;
use core::cell::{Cell, RefCell};
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

/// A task was ended before it returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Aborted;

impl core::fmt::Display for Aborted {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the task was ended before it returned")
    }
}

impl core::error::Error for Aborted {}

enum Progress<T> {
    Running,
    Returned(T),
    Aborted,
    Taken,
}

/// A future, its result and whoever waits for it.
pub(crate) struct Body<F: Future> {
    future: RefCell<Option<Pin<Box<F>>>>,
    progress: RefCell<Progress<F::Output>>,
    joiner: RefCell<Option<Waker>>,
    slot: Cell<TaskId>,
}

impl<F: Future> Body<F> {
    pub(crate) fn new(future: F, slot: TaskId) -> Body<F> {
        Body {
            future: RefCell::new(Some(Box::pin(future))),
            progress: RefCell::new(Progress::Running),
            joiner: RefCell::new(None),
            slot: Cell::new(slot),
        }
    }

    fn finish(&self, progress: Progress<F::Output>) {
        *self.progress.borrow_mut() = progress;
        let joiner = self.joiner.borrow_mut().take();
        if let Some(joiner) = joiner {
            joiner.wake();
        }
    }
}

impl<F: Future> Run for Body<F> {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        // Taken out while it runs, so that user code is never polled inside a borrow.
        let Some(mut future) = self.future.borrow_mut().take() else { return Poll::Ready(()) };
        match future.as_mut().poll(cx) {
            Poll::Ready(value) => {
                drop(future);
                self.finish(Progress::Returned(value));
                Poll::Ready(())
            }
            Poll::Pending => {
                *self.future.borrow_mut() = Some(future);
                Poll::Pending
            }
        }
    }

    fn end(&self) {
        let future = self.future.borrow_mut().take();
        if future.is_some() {
            drop(future);
            self.finish(Progress::Aborted);
        }
    }

    fn slot(&self) -> TaskId {
        self.slot.get()
    }
}

/// The view of a body that knows only its result.
pub(crate) trait Joinable<T>: Run {
    fn poll_join(&self, cx: &mut Context<'_>) -> Poll<Result<T, Aborted>>;
    fn is_over(&self) -> bool;
}

impl<F: Future> Joinable<F::Output> for Body<F> {
    fn poll_join(&self, cx: &mut Context<'_>) -> Poll<Result<F::Output, Aborted>> {
        let mut progress = self.progress.borrow_mut();
        match core::mem::replace(&mut *progress, Progress::Taken) {
            Progress::Running => {
                *progress = Progress::Running;
                crate::sync::remember(&mut self.joiner.borrow_mut(), cx.waker());
                Poll::Pending
            }
            Progress::Returned(value) => Poll::Ready(Ok(value)),
            Progress::Aborted => Poll::Ready(Err(Aborted)),
            Progress::Taken => panic!("a join handle was polled again after it had given its result"),
        }
    }

    fn is_over(&self) -> bool {
        !matches!(*self.progress.borrow(), Progress::Running)
    }
}

/// Waits for a task's result. Dropping it lets the task run on.
pub struct JoinHandle<T> {
    body: Rc<dyn Joinable<T>>,
    reactor: Rc<Reactor>,
}

impl<T: 'static> JoinHandle<T> {
    pub(crate) fn new(body: Rc<dyn Joinable<T>>, reactor: Rc<Reactor>) -> JoinHandle<T> {
        JoinHandle { body, reactor }
    }

    /// Drops the task's future at the end of this turn; who joins gets [`Aborted`]. Does nothing if it is over.
    pub fn abort(&self) {
        if !self.body.is_over() {
            self.reactor.doomed.borrow_mut().push(self.body.clone());
        }
    }

    /// Whether it has returned or was aborted.
    pub fn is_over(&self) -> bool {
        self.body.is_over()
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, Aborted>;

    /// # Panics
    /// If polled again after it gave its result.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.body.poll_join(cx)
    }
}
