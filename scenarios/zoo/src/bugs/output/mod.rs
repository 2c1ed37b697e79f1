//! What is read, how far, and who is taken for the end of it (BUGS.md, B1).

use crate::case::Case;

mod exit_is_taken_for_the_end_of_output;

pub(super) fn cases() -> Vec<Case> {
    vec![exit_is_taken_for_the_end_of_output::case()]
}
