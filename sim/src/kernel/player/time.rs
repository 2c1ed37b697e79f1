//! The verbs that take time: `sleep`, `busy`, `hang`.
//! A sleep ends at an instant, whatever happens meanwhile; being busy takes processor time, of which a handler or a stop uses none.

use super::{Kernel, Played};
use crate::kernel::process::{Progress, Wait};
use shakedown_core::choose::Choose;
use shakedown_core::ids::ProcId;
use shakedown_core::puppet::Verb;
use shakedown_core::site::{Kind, Site};
use shakedown_core::time::{Duration, DurationRange};

impl Kernel {
    /// nanosleep(2), which goes on to its old end after a handler, and also while its process is stopped.
    pub(super) fn sleep(&mut self, id: ProcId, range: &DurationRange, choose: &mut impl Choose) -> Played {
        let until = match *self.progress(id) {
            Progress::Until(until) => until,
            Progress::Fresh | Progress::Hanging | Progress::Wrote(_) => {
                self.now.after(self.draw_span(id, range, choose))
            }
            Progress::Left(_) | Progress::Awaiting(_) | Progress::Locking(_) => {
                unreachable!("no such progress of a sleep")
            }
        };
        if until <= self.now {
            return Played::Done;
        }
        *self.progress(id) = Progress::Until(until);
        self.sleep_until(id, until);
        Played::Unfinished
    }

    /// Computes. Every process has a processor of its own, so that processor time passes as time does.
    pub(super) fn busy(&mut self, id: ProcId, range: &DurationRange, choose: &mut impl Choose) -> Played {
        let until = match *self.progress(id) {
            Progress::Until(until) => until,
            Progress::Left(left) => self.now.after(left),
            Progress::Fresh | Progress::Hanging | Progress::Wrote(_) => {
                self.now.after(self.draw_span(id, range, choose))
            }
            Progress::Awaiting(_) | Progress::Locking(_) => unreachable!("no such progress of being busy"),
        };
        self.charge(id);
        if until <= self.now {
            return Played::Done;
        }
        *self.progress(id) = Progress::Until(until);
        let looks = self.start_computing(id, until);
        self.sleep_until(id, looks);
        self.entry_mut(id).busy = true;
        Played::Unfinished
    }

    /// A handler or a stop takes the processor away: the rest is kept.
    pub(in crate::kernel) fn pause_being_busy(&mut self, id: ProcId) {
        if !std::mem::take(&mut self.entry_mut(id).busy) {
            return;
        }
        self.charge(id);
        let now = self.now;
        if let Progress::Until(until) = *self.progress(id) {
            *self.progress(id) = Progress::Left(until.since(now));
            self.disarm(id);
            self.entry_mut(id).wait = Wait::Ever;
        }
    }

    /// It has the processor again.
    pub(in crate::kernel) fn go_on_being_busy(&mut self, id: ProcId) {
        if self.entry(self.process_of(id)).hold.is_held() {
            return;
        }
        if let Some(Progress::Left(left)) = self.entry(id).frames.last().map(|frame| frame.progress) {
            let until = self.now.after(left);
            *self.progress(id) = Progress::Until(until);
            let looks = self.start_computing(id, until);
            self.sleep_until(id, looks);
            self.entry_mut(id).busy = true;
        }
    }

    fn draw_span(&mut self, id: ProcId, range: &DurationRange, choose: &mut impl Choose) -> Duration {
        if range.steps() == 0 {
            return range.min;
        }
        let now = self.now;
        let own = self.entry_mut(id);
        let site = Site { kind: Kind::Span, label: own.label, nth: own.spans };
        own.spans += 1;
        choose.span(site, *range, now)
    }

    /// Whoever comes to `hang` waits there within the same step: nobody can tell one who is about to wait for ever from one who does. But a
    /// crash can come between the two, and who has made a thread has its mask still to open.
    pub(super) fn hang_at_once(&mut self, id: ProcId) {
        let own = self.entry(id);
        let is_next = own.frames.last().is_some_and(|frame| matches!(frame.block.get(frame.at), Some(Verb::Hang)));
        if is_next && !own.mask.starting && !self.may_crash(id) {
            self.hang(id);
        }
    }

    pub(super) fn hang(&mut self, id: ProcId) -> Played {
        *self.progress(id) = Progress::Hanging;
        self.entry_mut(id).wait = Wait::Ever;
        Played::Unfinished
    }
}
