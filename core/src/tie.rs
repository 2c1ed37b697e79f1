//! Deadlines that a drawn duration may end together with. Which of two comes first when they come together is where lifecycles break,
//! and two durations drawn apart next to never meet: so a duration may be drawn to end exactly at a deadline that stands already.

use crate::choose::{Ask, Choose, Crowd};
use crate::reactor::Timers;
use crate::site::{Kind, Label, Site};
use crate::time::{Duration, DurationRange, Instant};
use core::cell::RefCell;

/// The deadlines of a host, as whoever draws a duration may see them.
#[derive(Clone, Copy)]
pub struct Deadlines<'a>(Option<&'a RefCell<Timers>>);

impl<'a> Deadlines<'a> {
    /// None: for a world whose owner keeps timers elsewhere.
    pub const NONE: Deadlines<'static> = Deadlines(None);

    pub(crate) fn new(timers: &'a RefCell<Timers>) -> Deadlines<'a> {
        Deadlines(Some(timers))
    }
}

/// A chooser whose durations may tie.
pub struct Tying<'a, C: ?Sized> {
    chooser: &'a mut C,
    deadlines: Deadlines<'a>,
}

/// So many deadlines are offered, the earliest of those that were found.
pub const TIES_MAX: usize = 3;

impl<'a, C: Choose + ?Sized> Tying<'a, C> {
    /// This chooser, beside these deadlines.
    pub fn new(chooser: &'a mut C, deadlines: Deadlines<'a>) -> Tying<'a, C> {
        Tying { chooser, deadlines }
    }

    /// The instant it ties with, if it does.
    fn tie(&mut self, site: Site, range: DurationRange, now: Instant) -> Option<Instant> {
        let near = self.deadlines.0?.borrow().between(now.after(range.min), now.after(range.max));
        let of = near.iter().flatten().count() as u32;
        if of == 0 {
            return None;
        }
        let answer = self.chooser.draw(Site { kind: Kind::Tie, ..site }, Ask::Pick { of: of + 1 });
        near.get((answer as usize).wrapping_sub(1)).copied().flatten()
    }
}

impl<C: Choose + ?Sized> Choose for Tying<'_, C> {
    fn rank(&mut self, action: Site) -> u16 {
        self.chooser.rank(action)
    }

    fn rank_in_crowd(&mut self, action: Site, crowd: Crowd) -> u16 {
        self.chooser.rank_in_crowd(action, crowd)
    }

    fn draw(&mut self, site: Site, ask: Ask) -> u32 {
        self.chooser.draw(site, ask)
    }

    fn span(&mut self, site: Site, range: DurationRange, now: Instant) -> Duration {
        match self.tie(site, range, now) {
            Some(at) => at.since(now),
            None => self.chooser.span(site, range, now),
        }
    }

    fn picks(&self) -> bool {
        self.chooser.picks()
    }

    fn may_be_late(&self) -> bool {
        self.chooser.may_be_late()
    }

    fn pick(&mut self, enabled: &[Site]) -> usize {
        self.chooser.pick(enabled)
    }

    fn touched(&mut self, label: Label) {
        self.chooser.touched(label);
    }
}
