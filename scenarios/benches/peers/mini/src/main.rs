//! The floor: a hand-written executor with channels of its own, nothing recorded, no oracle, no limit.
#[path = "../../common/mod.rs"]
mod common;
mod executor;
pub mod sync;
#[path = "../../common/workloads.rs"]
mod workloads;

mod rt {
    pub use crate::executor::*;
    pub use crate::sync;
}

fn main() {
    common::cli::main(workloads::run);
}
