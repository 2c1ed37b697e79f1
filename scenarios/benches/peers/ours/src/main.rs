//! The workloads on Shakedown. What is particular to it stands in `rt`.
#[path = "../../common/mod.rs"]
mod common;
mod kernel;
mod rt;
#[path = "../../common/workloads.rs"]
mod workloads;

fn main() {
    if !kernel::main() {
        common::cli::main(workloads::run);
    }
}
