//! Cancellation that carries its cause, and passes from a task to what it spawns.

use crate::signal::Signal;
use crate::vocab::Requester;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

/// Why a task is asked to end.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Cause {
    /// Its unit was sent this signal.
    Signalled(Signal),
    /// A stop, for this requester.
    Stop(Requester),
    /// The task that would have used its work was cancelled.
    Parent,
}

#[derive(Default)]
struct Shared {
    cause: Cell<Option<Cause>>,
    /// How often it was asked.
    asked: Cell<u32>,
    waiting: RefCell<Vec<Waker>>,
    parent: Option<CancelSource>,
}

/// Cancels; cheap to clone. Cancelling twice keeps the first cause.
#[derive(Clone, Default)]
pub struct CancelSource(Rc<Shared>);

impl CancelSource {
    /// One that nobody else can cancel.
    pub fn new() -> CancelSource {
        CancelSource::default()
    }

    /// One that is also cancelled when this one is.
    #[must_use]
    pub fn child(&self) -> CancelSource {
        CancelSource(Rc::new(Shared { parent: Some(self.clone()), ..Shared::default() }))
    }

    /// Asks to end.
    pub fn cancel(&self, cause: Cause) {
        if self.0.cause.get().is_none() {
            self.0.cause.set(Some(cause));
        }
        self.0.asked.set(self.0.asked.get() + 1);
        let waiting = core::mem::take(&mut *self.0.waiting.borrow_mut());
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Why, if it was cancelled: its own cause, or the nearest ancestor's.
    pub fn cause(&self) -> Option<Cause> {
        match (self.0.cause.get(), &self.0.parent) {
            (Some(cause), _) => Some(cause),
            (None, Some(parent)) => parent.cause(),
            (None, None) => None,
        }
    }

    /// How often [`cancel`](Self::cancel) was called on this very source.
    pub(crate) fn asked(&self) -> u32 {
        self.0.asked.get()
    }

    /// Whether somebody waits, or has waited, until it is cancelled.
    pub(crate) fn is_awaited(&self) -> bool {
        !self.0.waiting.borrow().is_empty()
    }

    /// Waits until it is cancelled.
    pub fn cancelled(&self) -> Cancelled {
        Cancelled { source: self.clone() }
    }

    pub(crate) fn register(&self, waker: &Waker) {
        let mut waiting = self.0.waiting.borrow_mut();
        if !waiting.iter().any(|w| w.will_wake(waker)) {
            waiting.push(waker.clone());
        }
        drop(waiting);
        if let Some(parent) = &self.0.parent {
            parent.register(waker);
        }
    }
}

/// The wait of [`CancelSource::cancelled`].
pub struct Cancelled {
    source: CancelSource,
}

impl Future for Cancelled {
    type Output = Cause;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Cause> {
        match self.source.cause() {
            Some(cause) => Poll::Ready(cause),
            None => {
                self.source.register(cx.waker());
                Poll::Pending
            }
        }
    }
}
