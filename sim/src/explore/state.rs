//! What an exploration knows a state by. Whatever is left out here that the future depends on makes it pass over schedules that it should
//! have played: so both futures of states that look alike are played in a test (`scenarios/tests/suite/futures.rs`).

use crate::world::SimWorld;
use shakedown_core::choose::Choose;
use shakedown_core::digest::Digest;
use shakedown_core::host::Host;
use shakedown_core::machine::Machine;
use shakedown_core::time::Instant;
use std::hash::Hash;

/// A state in which there is a choice, by its digests: two runs that come to equal ones go on alike when they choose alike, and are
/// judged alike.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct State {
    /// What is enabled, in the order in which it came: who came first decides what a delay costs.
    pub order: u64,
    /// The machines and their mail.
    pub machines: u64,
    /// The kernel, the disk and what is under way.
    pub world: u64,
    /// All that an oracle or an expectation has seen, if that is kept.
    pub trail: u64,
    /// When.
    pub now: Instant,
}

impl State {
    /// The state before the next step; `None` where that is no choice, and where a state cannot be told, as that of tasks.
    pub fn of_choice<C: Choose + 'static, A: Machine>(host: &mut Host<SimWorld<C>, A>) -> Option<State> {
        let mut order = Digest::of(0);
        let enabled = crate::choose::without_clock(host.alternatives());
        if enabled.len() < 2 {
            return None;
        }
        enabled.iter().for_each(|site| (site.kind, site.label).hash(&mut order));
        let machines = host.fingerprint()?;
        let world = host.world().borrow();
        let (world, trail) = (world.fingerprint(), world.trail());
        Some(State { order: order.value(), machines, world, trail, now: host.now() })
    }

    /// All of it in one number.
    pub fn digest(self) -> u64 {
        let State { order, machines, world, trail, now } = self;
        Digest::of(order).number(machines).number(world).number(trail).number(now.as_nanos()).value()
    }
}
