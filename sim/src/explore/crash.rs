//! The end of the supervisor as a choice of its own: before each step of the time in which it may be killed, it is or it is not. A moment that
//! is drawn meets a step by luck; this meets each.

use crate::world::SimWorld;
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::host::Host;
use shakedown_core::machine::Machine;
use shakedown_core::site::{Kind, Label, Site};
use shakedown_core::time::{DurationRange, Instant};
use shakedown_core::world::World;

/// To be called before each step: asks whether the supervisor is killed before this one, where that may be so at this time, counted from the
/// start. Who comes after is said by [`Host::recovers_at_once`] or [`Host::after_crash`].
pub fn perhaps_crash<C: Choose + 'static, A: Machine>(host: &mut Host<SimWorld<C>, A>, within: &[DurationRange]) {
    let since = host.now().since(Instant::ZERO);
    if !within.iter().any(|range| range.min <= since && since <= range.max) {
        return;
    }
    let site = Site { kind: Kind::Crash, label: Label::ROOT.child("the supervisor", 0), nth: host.steps() as u32 };
    let strikes = host.world().borrow_mut().chooser().draw(site, Ask::Chance { per_million: CRASH });
    if strikes == 1 {
        host.crash_host();
    }
}

/// How likely it is before a step where chance decides; an exploration does not ask.
const CRASH: u32 = 1_000;
