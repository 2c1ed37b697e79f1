//! Turns of a host whose chooser picks: everything enabled stands in one list, first come first, and the next deadline at its end.
//! Strategies that must see all that can happen (a search, bounded delays) decide here what does; ranks are not asked.

use super::Host;
use super::queue::Entry;
use crate::choose::Choose;
use crate::machine::Machine;
use crate::site::Site;
use crate::world::World;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// What is enabled, in the order of its arrival.
#[derive(Default)]
pub(super) struct Picking {
    enabled: Vec<Entry>,
    /// The same as the chooser sees it, the clock included where it competes.
    sites: Vec<Site>,
    /// Whether the chooser may let a deadline come first.
    may_be_late: bool,
}

impl Picking {
    /// A world whose clock runs by itself is not asked: its deadlines come when they come.
    pub(super) fn asked_for<W: World>(world: &mut W) -> Option<Box<Picking>> {
        let may_be_late = world.chooser().may_be_late();
        let asked = world.chooser().picks() && !world.is_patient();
        asked.then(|| Box::new(Picking { may_be_late, ..Picking::default() }))
    }
}

impl<W: World, A: Machine> Host<W, A> {
    /// Between what the next [`step`](Host::step) chooses, the coming of a deadline included: nothing where nothing is enabled or the
    /// chooser does not pick. With two or more the chooser is asked.
    pub fn alternatives(&mut self) -> &[Site] {
        self.absorb_more();
        self.line_up();
        self.picking.as_ref().map_or(&[], |picking| &picking.sites)
    }

    /// Takes the next action as the chooser picks it; `None` where nothing is enabled.
    ///
    /// # Panics
    /// Where the chooser picks what was not offered.
    pub(super) fn pick(&mut self) -> Option<&Entry> {
        let offered = self.line_up();
        let picking = self.picking.as_mut()?;
        let at = match offered {
            0 => return None,
            1 => 0,
            _ => self.world.borrow_mut().chooser().pick(&picking.sites),
        };
        assert!(at < offered, "the chooser picked number {at} of {offered}");
        picking.sites.remove(at);
        let entry = if at < picking.enabled.len() { picking.enabled.remove(at) } else { Entry::CLOCK };
        Some(self.queue.hand(entry))
    }

    fn line_up(&mut self) -> usize {
        let Some(mut picking) = self.picking.take() else { return 0 };
        let Picking { enabled, sites, may_be_late } = &mut *picking;
        // What is still enabled stands there from the pick before.
        sites.truncate(enabled.len());
        for entry in core::iter::from_fn(|| self.queue.pop().copied()) {
            sites.push(entry.site());
            enabled.push(entry);
        }
        // Once everybody in charge has come to an end, nobody waits for a deadline any more.
        if *may_be_late && !enabled.is_empty() && self.next_deadline().is_some() && !self.is_over() {
            sites.push(Entry::CLOCK.site());
        }
        let offered = picking.sites.len();
        self.picking = Some(picking);
        offered
    }
}
