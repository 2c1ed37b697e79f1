//! The `shakedown` command: scenarios played from a shell, what came of it on stdout, and an exit code for whoever called.
//! A package of its own, so that tests which use the library build neither a command line nor, unless asked, the real backend.
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
mod picture;
mod progress;
mod real;
mod replay;
mod sim;
mod tally;

use std::process::ExitCode;

fn main() -> ExitCode {
    // First of all, before any thread exists: this executable may have been started to be a puppet.
    shakedown::real::puppet::enter();
    cli::main()
}
