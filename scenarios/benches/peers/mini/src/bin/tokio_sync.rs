//! The floor's executor with tokio's channels: what those cost.
#[path = "../../../common/mod.rs"]
mod common;
#[path = "../executor.rs"]
mod executor;
#[path = "../../../common/workloads.rs"]
mod workloads;

mod rt {
    pub use crate::executor::*;
    pub mod sync {
        pub use tokio::sync::{mpsc, oneshot, watch};
    }
}

fn main() {
    common::cli::main(workloads::run);
}
