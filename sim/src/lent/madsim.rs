//! On madsim: one machine a node, on madsim's clock. Built only with `--cfg madsim`, as madsim itself is.

use super::Lent;
use crate::world::WorldConfig;
use ::madsim::task::spawn_local;
use ::madsim::time::{TimeHandle, sleep};

/// Boots a machine on the node that calls it, with choices from the seed of madsim's runtime.
///
/// # Panics
/// Outside a madsim runtime.
pub fn boot() -> Lent {
    let clock = TimeHandle::current();
    let lent = Lent::new(::madsim::rand::random(), WorldConfig::default(), move || clock.elapsed());
    // The handle of a task that never ends.
    drop(spawn_local(lent.clone().run(sleep)));
    lent
}
