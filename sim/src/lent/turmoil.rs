//! On turmoil: one machine a host, on that host's paused tokio clock. It works on any current-thread tokio runtime whose clock is paused.

use super::Lent;
use crate::world::WorldConfig;
use tokio::time::Instant as Paused;

/// Boots a machine on the host that calls it. When turmoil crashes the host, the machine stands still, as its disk would.
///
/// # Panics
/// Outside a tokio runtime and its `LocalSet`: turmoil's hosts and clients have both.
pub fn boot(seed: u64) -> Lent {
    let began = Paused::now();
    let lent = Lent::new(seed, WorldConfig::default(), move || began.elapsed());
    tokio::task::spawn_local(lent.clone().run(tokio::time::sleep));
    lent
}
