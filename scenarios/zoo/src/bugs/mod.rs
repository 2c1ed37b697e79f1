//! What goes wrong, one folder a kind, one file a bug.
//!
//! Its shape is that of a public one, and its file tells the story. It is written as people write it, not as a test would have it.

use crate::case::Case;

mod budget;
mod order;
mod output;
mod races;
mod reaping;
mod scope;
mod spawn;
mod time;

/// All of them, in the order in which `BUGS.md` tells of them.
pub(crate) fn cases() -> Vec<Case> {
    let kinds = [
        output::cases(),
        reaping::cases(),
        scope::cases(),
        spawn::cases(),
        races::cases(),
        order::cases(),
        budget::cases(),
        time::cases(),
    ];
    kinds.into_iter().flatten().collect()
}
