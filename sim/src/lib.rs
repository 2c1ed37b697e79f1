//! # shakedown-sim
//!
//! The seeded world of Shakedown: virtual time, a simulated POSIX process kernel, and the choosers that explore what can happen in it.
//! The machines, the host and the executor are those of `shakedown-core`, unmodified.
//!
//! One simulation is one thread and one stream of choices. A seed generates the stream, a trace replays it, and answer 0 is always calm.
#![forbid(unsafe_code)]

pub mod choose;
pub mod disk;
pub mod explore;
pub mod kernel;
pub mod lent;
mod net;
mod panic;
mod plan;
mod programs;
mod random;
pub mod search;
pub mod shrink;
mod simulator;
mod wake;
mod witness;
mod world;

pub use programs::Programs;
pub use random::Random;
pub use simulator::{Ending, Limits, Run, Simulator};
pub use witness::Seen;
pub use world::{LIMITS, Limit, Moment, SimWorld, WorldConfig, process_label};
