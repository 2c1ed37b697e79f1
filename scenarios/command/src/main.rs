//! The `shakedown` command, without oracles of its own.
#![forbid(unsafe_code)]

use shakedown::oracle::Oracles;
use std::process::ExitCode;

fn main() -> ExitCode {
    shakedown_cli::main(Oracles::new())
}
