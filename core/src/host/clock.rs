//! The host's clock: when it has to move next, and what its moving enables.
//! It stands still within a turn, so that whatever happens in one instant happens at the same time.

use super::Host;
use super::turn::enable;
use crate::machine::Machine;
use crate::reactor::Target;
use crate::time::Instant;
use crate::world::World;
use core::task::Waker;

/// Where the clock stands after it was moved.
pub(super) struct Moved {
    pub(super) now: Instant,
    /// Whether anything may have come of it but what stands in the queue: mostly timers of tasks and machines have fired, and no more.
    pub(super) stirs: bool,
}

impl<W: World, A: Machine> Host<W, A> {
    /// The next instant at which a timer fires or the world has something to do.
    #[inline(always)]
    pub fn next_deadline(&self) -> Option<Instant> {
        let timer = self.reactor.timers.borrow_mut().next();
        let world = self.world.borrow().deadline();
        match (timer, world) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Moves the clock, as far as it can be moved, and says where it stands.
    #[inline(always)]
    pub(super) fn advance(&mut self, at: Instant) -> Moved {
        let now = {
            let mut world = self.world.borrow_mut();
            world.advance(at);
            world.now()
        };
        // What is enabled from here on, time has enabled.
        self.queue.turn = 0;
        let stirs = self.clock_moved(now);
        Moved { now, stirs: stirs || self.world.borrow().has_ready() }
    }

    /// The deadline comes that [`pick`](Host::pick) has offered.
    pub(super) fn deadline_comes(&mut self) {
        if let Some(at) = self.next_deadline() {
            self.advance(at);
        }
    }

    /// Takes the clock's new reading and enables what is due; whether foreign code has run.
    pub(super) fn clock_moved(&mut self, now: Instant) -> bool {
        self.reactor.now.set(now);
        let mut stirs = false;
        loop {
            // Tasks, by far the most, are enabled within one borrow; a foreign waker may be anybody's code.
            let other = {
                let (mut timers, mut world) = (self.reactor.timers.borrow_mut(), self.world.borrow_mut());
                loop {
                    match timers.pop_due(now) {
                        Some(Target::Task(task)) => enable(&mut self.queue, &self.reactor, task, world.chooser()),
                        other => break other,
                    }
                }
            };
            match other {
                None => return stirs,
                Some(Target::Task(task)) => self.enable_poll(task),
                Some(Target::Waker(target)) => {
                    let waker = self.reactor.timers.borrow_mut().take_waker(target);
                    waker.into_iter().for_each(Waker::wake);
                    stirs = true;
                }
                Some(Target::Actor(actor)) => self.enable_tick(actor),
            }
        }
    }
}
