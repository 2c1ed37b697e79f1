//! The workloads on turmoil. What is particular to it stands in `rt`.
#[path = "../../common/mod.rs"]
mod common;
mod rt;
#[path = "../../common/workloads.rs"]
mod workloads;
#[path = "../../common/zoo/mod.rs"]
mod zoo;

fn main() {
    if !zoo::main() {
        common::cli::main(workloads::run);
    }
}
