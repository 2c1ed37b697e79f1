//! Begins anew near the calm run: some of the surprises that are left, and one that is new. Whatever only leaves out and lowers stays where two
//! surprises would have to change at once: durations that meet a moment by their sum, each of which is needed as long as the others stay.
//!
//! Nothing kept comes first: where no single surprise does it, every one was tried. Then one is kept, then two, and so on.

use super::{Played, Shrinker};
use crate::choose::Answer;

impl<F: FnMut(&[Answer]) -> Played> Shrinker<F> {
    /// Looks for fewer surprises than are left, in so many runs at most; whether there are.
    pub(super) fn begin_anew(&mut self, runs_max: u32) -> bool {
        let until = self.runs_max.min(self.runs + runs_max);
        // What comes last is nearest to the failure.
        let left: Vec<Answer> = self.left.iter().rev().copied().collect();
        for kept in 0..left.len().saturating_sub(1) {
            let mut at: Vec<usize> = (0..kept).collect();
            loop {
                let few: Vec<Answer> = at.iter().map(|at| left[*at]).collect();
                if self.add_one(&few, until) {
                    return true;
                }
                if self.runs >= until {
                    return false;
                }
                if !next_of(&mut at, left.len()) {
                    break;
                }
            }
        }
        false
    }

    /// These few, and one more, whatever the run with them asks.
    fn add_one(&mut self, few: &[Answer], until: u32) -> bool {
        let Some(played) = self.play(few) else { return false };
        if played.fails {
            self.left = played.surprises();
            return true;
        }
        let latest = few.iter().filter(|answer| answer.is_order()).map(|answer| answer.answer).max().unwrap_or(0);
        for asked in played.answers.iter().filter(|asked| asked.answer == 0) {
            let values: &[u32] = match asked.is_order() {
                true if latest > 0 => &[1, latest + 1],
                true => &[1],
                false => &[u32::MAX, 1],
            };
            for value in values {
                if self.runs >= until {
                    return false;
                }
                let with = [few, &[Answer { answer: *value, ..*asked }]].concat();
                let Some(played) = self.play(&with) else { return false };
                if played.fails {
                    self.left = played.surprises();
                    return true;
                }
                // The greatest answer is the only one.
                if played.answers.iter().any(|other| other.site == asked.site && other.answer == 1) {
                    break;
                }
            }
        }
        false
    }
}

/// The next way to take so many of `of`, in the order of a dictionary; false where that was the last.
fn next_of(taken: &mut [usize], of: usize) -> bool {
    let n = taken.len();
    let Some(at) = (0..n).rev().find(|at| taken[*at] + n - at < of) else { return false };
    let from = taken[at] + 1;
    taken[at..].iter_mut().zip(from..).for_each(|(taken, to)| *taken = to);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_take_some_comes_once() {
        for (taken, of, ways) in [(0, 4, 1), (1, 4, 4), (2, 4, 6), (3, 4, 4), (4, 4, 1)] {
            let mut at: Vec<usize> = (0..taken).collect();
            let mut seen = vec![at.clone()];
            while next_of(&mut at, of) {
                seen.push(at.clone());
            }
            assert!(seen.is_sorted() && seen.len() == ways, "{taken} of {of}: {seen:?}");
        }
    }
}
