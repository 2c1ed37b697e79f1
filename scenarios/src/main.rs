//! The `shakedown` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    // First of all, before any thread exists: this executable may have been started to be a puppet.
    shakedown::real::puppet::enter();
    shakedown::cli::main()
}
