//! The `shakedown` command: scenarios played from a shell, what came of it on stdout, and an exit code for whoever called.
//! A package of its own, so that tests which use the library build neither a command line nor, unless asked, the real backend.
//!
//! A program that has Rust oracles of its own, which its scenario files name by `check = "…"`, is this command with a `main` of its own:
//!
//! ```no_run
//! use shakedown::core::oracle::Names;
//! use shakedown::oracle::{Oracle, Oracles};
//! use shakedown::sim::Moment;
//!
//! #[derive(Default)]
//! struct Quiet;
//!
//! impl Oracle for Quiet {
//!     fn see(&mut self, _: &Moment, _: &dyn Names) -> Result<(), String> {
//!         Ok(())
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     shakedown_cli::main(Oracles::new().with("quiet", Quiet::default))
//! }
//! ```
#![forbid(unsafe_code)]

/// Prints a line to stdout.
macro_rules! say {
    ($($text:tt)*) => { $crate::output::to_stdout(format_args!("{}\n", format_args!($($text)*))) };
}

/// Prints text that brings its own newlines.
macro_rules! emit {
    ($($text:tt)*) => { $crate::output::to_stdout(format_args!($($text)*)) };
}

mod check;
mod cli;
mod compare;
mod examples;
mod exit;
mod explore;
mod formats;
mod graph;
mod init;
mod interrupt;
mod latest;
mod live;
mod merge;
mod output;
mod own;
mod picture;
mod progress;
mod real;
mod replay;
mod sim;
mod tally;

use shakedown::oracle::Oracles;
use std::process::ExitCode;

/// The command, with these oracles for the files that name them. To be called first of all, before any thread exists: this executable
/// may have been started to be a puppet.
///
/// Takes its arguments from the command line; the exit codes are those of the contract, 0 where all held.
pub fn main(oracles: Oracles) -> ExitCode {
    shakedown::real::puppet::enter();
    own::register(oracles);
    cli::main()
}
