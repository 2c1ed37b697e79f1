//! The oracles of the program that this command is a part of. Every file that is read may name them, whichever command reads it.

use shakedown::format::{Options, Setting};
use shakedown::oracle::Oracles;
use std::sync::OnceLock;

static OWN: OnceLock<Oracles> = OnceLock::new();

/// Makes them known: once, before any file is read.
pub(crate) fn register(oracles: Oracles) {
    OWN.get_or_init(|| oracles);
}

/// What is added to a file that is read: the oracles, and what the command line sets.
pub(crate) fn options(set: &[Setting]) -> Options {
    Options { oracles: OWN.get().cloned().unwrap_or_default(), set: set.to_vec() }
}
