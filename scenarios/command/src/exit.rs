//! Exit codes, and which one counts when several apply.

use std::process::ExitCode;

/// How a command went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// All held.
    Held,
    /// An expectation or an oracle failed.
    Failed,
    /// The command line makes no sense.
    Usage,
    /// A scenario file cannot be used.
    BadFile,
    /// Nothing ran.
    NothingRan,
    /// A `sometimes` was never seen, or the budget ended.
    Inconclusive,
    /// A run could not be repeated.
    NotDeterministic,
    /// The machine lacks what the real backend needs.
    Lacking,
    /// A bug of ours.
    Bug,
    /// Interrupted; what was found is printed.
    Interrupted,
    /// As [`Interrupted`](Exit::Interrupted), by TERM.
    Terminated,
}

impl Exit {
    /// The process's exit code.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Exit::Held => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::BadFile => 3,
            Exit::NothingRan => 4,
            Exit::Inconclusive => 5,
            Exit::NotDeterministic => 6,
            Exit::Lacking => 7,
            Exit::Bug => 70,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        }
    }

    /// Of several, the first of 70, 130, 143, 2, 3, 6, 1, 5, 7, 4, 0.
    #[must_use]
    pub(crate) fn worst(self, other: Exit) -> Exit {
        const ORDER: [Exit; 11] = [
            Exit::Bug,
            Exit::Interrupted,
            Exit::Terminated,
            Exit::Usage,
            Exit::BadFile,
            Exit::NotDeterministic,
            Exit::Failed,
            Exit::Inconclusive,
            Exit::Lacking,
            Exit::NothingRan,
            Exit::Held,
        ];
        ORDER.into_iter().find(|exit| *exit == self || *exit == other).unwrap_or(Exit::Bug)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_codes_the_contracts_order_decides() {
        assert_eq!(Exit::Failed.worst(Exit::NotDeterministic), Exit::NotDeterministic);
        assert_eq!(Exit::Held.worst(Exit::NothingRan), Exit::NothingRan);
        assert_eq!(Exit::Inconclusive.worst(Exit::Failed), Exit::Failed);
        assert_eq!(Exit::Lacking.worst(Exit::Inconclusive), Exit::Inconclusive);
    }
}
