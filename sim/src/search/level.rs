//! The levels of a search: first the runs that never deviate from the way that is tried first, then those that do so once, and so on.
//! Depth first alone may stay long behind a first bad guess, where the deepest choices are tried out before the first is put in doubt.
//!
//! This is limited discrepancy search (Harvey and Ginsberg 1995). A state counts as known only to runs that may deviate no more often from
//! there on than an earlier one. The last level leaves out nothing, and it alone can say that all was tried: which way is tried first
//! depends on the run that has led to a state, and so a state may be known on a level although not all that the level allows was
//! tried from there.

use super::path::NO_LIMIT;

/// What the runs of one level may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Level {
    /// Which guess of the goal's they follow.
    pub(super) guess: u32,
    /// How often they may deviate from it.
    pub(super) deviations: u32,
}

impl Level {
    /// All runs.
    pub(super) const ALL: Level = Level { guess: LAST_GUESS, deviations: NO_LIMIT };
}

/// The levels before the last, where runs that deviate late are to come first.
pub(super) fn levels(deviates_late: bool, guesses: u32) -> impl Iterator<Item = Level> {
    let most = if deviates_late { DEVIATIONS_MAX } else { 0 };
    let each = move |deviations| (0..guesses.max(1)).rev().map(move |guess| Level { guess, deviations });
    (0..most).flat_map(each)
}

/// The guess that is sound where others fail: the first, as it is the most cautious.
const LAST_GUESS: u32 = 0;

/// A level of more deviations is hardly smaller than all of them together.
const DEVIATIONS_MAX: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_deviations_come_before_many_and_every_guess_before_more_of_them() {
        let first: Vec<(u32, u32)> = levels(true, 2).take(4).map(|level| (level.deviations, level.guess)).collect();
        assert_eq!(first, [(0, 1), (0, 0), (1, 1), (1, 0)]);
        assert_eq!(levels(true, 1).count(), DEVIATIONS_MAX as usize);
        assert_eq!(levels(false, 2).count(), 0, "there is only the last");
    }
}
