//! The `shakedown` command: scenarios played from a shell, what came of it on stdout, and an exit code for whoever called.
//! A package of its own, so that tests which use the library build neither a command line nor, unless asked, the real backend.
#![forbid(unsafe_code)]

mod check;
mod cli;
mod compare;
mod exit;
mod explore;
mod progress;
mod real;
mod replay;
mod sim;

use std::process::ExitCode;

fn main() -> ExitCode {
    // First of all, before any thread exists: this executable may have been started to be a puppet.
    shakedown::real::puppet::enter();
    cli::main()
}
