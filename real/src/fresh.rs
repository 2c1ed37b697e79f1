//! Names that nobody else on this machine has: of runs, and of the sockets that puppets report to.

use std::sync::atomic::{AtomicU32, Ordering};

/// A name that no other run of this machine has: our pid, the time, and a count.
pub(crate) fn fresh_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{:x}-{:x}-{count:x}", std::process::id(), time.as_nanos())
}
