//! How a world on Linux is made, and why it could not be.

use shakedown_core::vocab::Errno;
use std::fmt;

/// How a world is to be made.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Config {
    /// What every process of the run carries as `SHAKEDOWN_RUN`. Where none is given, our own such variable, or a new name.
    pub run: Option<String>,
    /// What draws depend on.
    pub seed: u64,
    /// Whether every child of this program that is not a leader is an adopted orphan, so that it may be reaped even where
    /// nothing tells whose it was. Only for programs that start no process in any other way.
    pub owns_all_children: bool,
}

/// Why a world could not be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CannotBegin {
    /// What was tried.
    pub what: &'static str,
    /// What the system said.
    pub errno: Errno,
}

impl fmt::Display for CannotBegin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CannotBegin { what, errno } = self;
        write!(f, "the real backend cannot begin: {what}: {errno} ({})", errno.explain())
    }
}

impl std::error::Error for CannotBegin {}
