//! Spawned tasks and their results. A task is two allocations: its future, and the place where its result is waited for.

use crate::ids::TaskId;
use crate::reactor::{Reactor, Run};
use alloc::boxed::Box;
use alloc::rc::Rc;
use core::cell::Cell;
use core::future::Future;
use core::num::NonZeroU32;
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

/// A future, its result and whoever waits for it. Cells, not `RefCell`s: everything is taken out while it is looked at.
pub(crate) struct Body<F: Future> {
    future: Cell<Option<Pin<Box<F>>>>,
    progress: Cell<Progress<F::Output>>,
    /// The number of the task that waits for it, plus one: half of an `Option<TaskId>`.
    joiner: Cell<Option<NonZeroU32>>,
}

impl<F: Future> Body<F> {
    pub(crate) fn new(future: F) -> Body<F> {
        Body {
            future: Cell::new(Some(Box::pin(future))),
            progress: Cell::new(Progress::Running),
            joiner: Cell::new(None),
        }
    }
}

impl<F: Future> Run for Body<F> {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        // Taken out while it runs, so that it can be ended by itself.
        let Some(mut future) = self.future.take() else { return Poll::Ready(()) };
        match future.as_mut().poll(cx) {
            Poll::Ready(value) => {
                drop(future);
                self.progress.set(Progress::Returned(value));
                Poll::Ready(())
            }
            Poll::Pending => {
                self.future.set(Some(future));
                Poll::Pending
            }
        }
    }

    fn end(&self) -> bool {
        match self.future.take() {
            Some(future) => {
                drop(future);
                self.progress.set(Progress::Aborted);
                true
            }
            None => false,
        }
    }

    fn take_joiner(&self) -> Option<TaskId> {
        self.joiner.take().map(|n| TaskId(n.get() - 1))
    }
}

/// The view of a body that knows only its result.
pub(crate) trait Joinable<T>: Run {
    /// The result of this task, for which whoever has this waker waits from now on where there is none yet.
    fn poll_join(&self, task: TaskId, reactor: &Reactor, waker: &Waker) -> Poll<Result<T, Aborted>>;
    fn is_over(&self) -> bool;
}

impl<F: Future> Joinable<F::Output> for Body<F> {
    fn poll_join(&self, task: TaskId, reactor: &Reactor, waker: &Waker) -> Poll<Result<F::Output, Aborted>> {
        match self.progress.replace(Progress::Taken) {
            Progress::Running => {
                self.progress.set(Progress::Running);
                let joiner = reactor.joins(task, waker);
                self.joiner.set(joiner.and_then(|joiner| NonZeroU32::new(joiner.0 + 1)));
                Poll::Pending
            }
            Progress::Returned(value) => Poll::Ready(Ok(value)),
            Progress::Aborted => Poll::Ready(Err(Aborted)),
            Progress::Taken => panic!("a join handle was polled again after it had given its result"),
        }
    }

    fn is_over(&self) -> bool {
        let progress = self.progress.replace(Progress::Taken);
        let over = !matches!(progress, Progress::Running);
        self.progress.set(progress);
        over
    }
}

/// Waits for a task's result. Dropping it lets the task run on.
pub struct JoinHandle<T> {
    body: Rc<dyn Joinable<T>>,
    reactor: Rc<Reactor>,
    /// The slot it runs in, while it does.
    task: TaskId,
}

impl<T: 'static> JoinHandle<T> {
    pub(crate) fn new(body: Rc<dyn Joinable<T>>, reactor: Rc<Reactor>, task: TaskId) -> JoinHandle<T> {
        JoinHandle { body, reactor, task }
    }

    /// Drops the task's future at the end of this turn; who joins gets [`Aborted`]. Does nothing if it is over.
    pub fn abort(&self) {
        if !self.body.is_over() {
            self.reactor.doom(self.task, self.body.clone());
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
        self.body.poll_join(self.task, &self.reactor, cx.waker())
    }
}
