//! Time passing in a task.

use crate::reactor::{Reactor, Target, TimerId};
use crate::time::Instant;
use alloc::rc::Rc;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

/// Waits until an instant. A slot among the host's timers, freed when it is dropped.
pub struct Sleep {
    reactor: Rc<Reactor>,
    at: Instant,
    timer: Option<TimerId>,
}

impl Sleep {
    #[inline]
    pub(crate) fn new(reactor: Rc<Reactor>, at: Instant) -> Sleep {
        Sleep { reactor, at, timer: None }
    }

    /// When it ends.
    pub fn until(&self) -> Instant {
        self.at
    }
}

impl Future for Sleep {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.reactor.now.get() >= this.at {
            // It has fired: when the clock moves, what is due is taken out before anybody is polled.
            this.timer = None;
            return Poll::Ready(());
        }
        let target = match this.reactor.task_of(cx.waker()) {
            Some(task) => Target::Task(task),
            None => Target::Waker(cx.waker().clone()),
        };
        let stale = match this.timer {
            None => {
                this.timer = Some(this.reactor.timers.borrow_mut().arm(this.at, target));
                None
            }
            Some(timer) => this.reactor.timers.borrow_mut().retarget(timer, target),
        };
        drop(stale);
        Poll::Pending
    }
}

impl Drop for Sleep {
    #[inline]
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            let target = self.reactor.timers.borrow_mut().cancel(timer);
            drop(target);
        }
    }
}
