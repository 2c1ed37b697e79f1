//! The workloads on Shakedown. What is particular to it stands in `rt`.
#[path = "../../common/mod.rs"]
mod common;
mod kernel;
mod rt;
#[path = "../../common/workloads.rs"]
mod workloads;
#[path = "../../common/zoo/mod.rs"]
mod zoo;

fn main() {
    if !kernel::main() && !zoo::main() {
        common::cli::main(workloads::run);
    }
}
