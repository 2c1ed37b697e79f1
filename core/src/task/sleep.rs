//! Time passing in a task.

use crate::reactor::{Reactor, Target, TimerId};
use crate::time::Instant;
use alloc::rc::Rc;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

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

    /// It is polled inside a combinator that has wakers of its own.
    #[cold]
    fn poll_inside(&mut self, waker: Waker) {
        let mut timers = self.reactor.timers.borrow_mut();
        let stale = match self.timer {
            None => {
                self.timer = Some(timers.arm_waker(self.at, waker));
                None
            }
            Some(timer) => timers.retarget_waker(timer, waker),
        };
        drop(timers);
        drop(stale);
    }

    /// When it ends.
    pub fn until(&self) -> Instant {
        self.at
    }
}

impl Future for Sleep {
    type Output = ();

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.reactor.now.get() >= this.at {
            // It has fired: when the clock moves, what is due is taken out before anybody is polled.
            this.timer = None;
            return Poll::Ready(());
        }
        match (this.timer, this.reactor.task_of(cx.waker())) {
            (None, Some(task)) => {
                let mut timers = this.reactor.timers.borrow_mut();
                this.timer = Some(timers.arm(this.at, Target::Task(task)));
            }
            (Some(timer), Some(task)) => {
                let stale = this.reactor.timers.borrow_mut().retarget(timer, task);
                drop(stale);
            }
            (_, None) => this.poll_inside(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    #[inline]
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            let waker = self.reactor.timers.borrow_mut().cancel(timer);
            drop(waker);
        }
    }
}
