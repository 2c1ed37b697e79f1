//! The workloads on shuttle. What is particular to it stands in `rt`; the virtual time it lacks in `clock`.
mod clock;
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
