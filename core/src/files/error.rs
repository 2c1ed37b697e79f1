//! What went wrong with a file: which call, on which path, and what to do about it.

use crate::vocab::Errno;
use alloc::sync::Arc;
use core::fmt;

/// A call about files failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileError {
    /// The call: `open`, `append`, `rename`.
    pub what: &'static str,
    /// On which path, as it was given.
    pub path: Arc<str>,
    /// What the system said.
    pub errno: Errno,
    /// Whether the path leads out of the folder that it is bound to.
    pub is_outside: bool,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FileError { what, path, errno, is_outside } = self;
        if *is_outside {
            return write!(f, "{what} `{path}`: the path leaves its folder; `files().unrestricted()` is the way out");
        }
        write!(f, "{what} `{path}`: {errno} ({})", errno.explain())
    }
}

impl core::error::Error for FileError {}
