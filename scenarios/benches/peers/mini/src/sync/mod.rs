//! Channels on `Rc` with the part of tokio's API that the workloads use.

pub mod mpsc;
pub mod oneshot;
pub mod watch;
