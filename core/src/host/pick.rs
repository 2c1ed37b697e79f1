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
    /// A world whose clock runs by itself is not asked: its deadlines come when they come. `before` is that of an earlier run.
    pub(super) fn asked_for<W: World>(world: &mut W, before: Option<Box<Picking>>) -> Option<Box<Picking>> {
        if !world.chooser().picks() || world.is_patient() {
            return None;
        }
        let mut picking = before.unwrap_or_default();
        picking.enabled.clear();
        picking.sites.clear();
        picking.may_be_late = world.chooser().may_be_late();
        Some(picking)
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
    // Out of the turn of all others, who would pay for its registers.
    #[inline(never)]
    pub(super) fn pick(&mut self) -> Option<&Entry> {
        let picking = self.picking.as_ref()?;
        // Mostly it is alone, and need not line up.
        if picking.enabled.is_empty() && !picking.may_be_late && !self.queue.is_contested() {
            return self.queue.pop();
        }
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

    /// Everything enabled stands in the list; how many may be picked.
    fn line_up(&mut self) -> usize {
        let Some(Picking { enabled, sites, may_be_late }) = self.picking.as_deref_mut() else { return 0 };
        // What is still enabled stands there from the pick before.
        sites.truncate(enabled.len());
        self.queue.take_all(enabled);
        sites.extend(enabled[sites.len()..].iter().map(Entry::site));
        let offered = sites.len();
        // Once everybody in charge has come to an end, nobody waits for a deadline any more.
        if !*may_be_late || enabled.is_empty() || self.next_deadline().is_none() || self.is_over() {
            return offered;
        }
        self.picking.iter_mut().for_each(|picking| picking.sites.push(Entry::CLOCK.site()));
        offered + 1
    }
}
