//! How often, how soon and why something is brought back (BUGS.md, B6).

use crate::case::Case;

mod budget_begins_anew_with_each_window;

pub(super) fn cases() -> Vec<Case> {
    vec![budget_begins_anew_with_each_window::case()]
}
