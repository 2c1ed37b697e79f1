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
    // Whoever picks has taken in what the world had for it, and whoever plays the same run by ranks is to stand at the same place.
    host.alternatives();
    let site = crash_after(host.last_step());
    let strikes = host.world().borrow_mut().chooser().draw(site, Ask::Chance { per_million: CRASH });
    if strikes == 1 {
        host.crash_host();
    }
}

/// Where it is asked whether the supervisor is killed right after a step, or before the first: by what it has just seen happen, so that
/// steps of others that come or go leave the question alone.
pub fn crash_after(step: Option<Site>) -> Site {
    let supervisor = Label::ROOT.child("the supervisor", 0);
    let (label, nth) = match step {
        None => (supervisor, 0),
        Some(step) => (supervisor.child_hashed(step.label.0, 1 + step.kind as u32), step.nth),
    };
    Site { kind: Kind::Crash, label, nth }
}

/// How likely it is before a step where chance decides; an exploration does not ask.
const CRASH: u32 = 1_000;
