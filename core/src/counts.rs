//! How many of each name there have been: the n-th of a label. Who has few names is scanned, who has many is looked up, so that
//! a session of ten thousand workers costs no more for each of them than one of ten.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Counts by the hash of a name.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    few: Vec<(u64, u32)>,
    many: BTreeMap<u64, u32>,
}

/// Names up to this number are scanned.
const FEW_MAX: usize = 16;

impl Counts {
    /// Counts one more of this name; how many there were before.
    #[inline]
    pub fn next(&mut self, name: u64) -> u32 {
        if let Some((_, count)) = self.few.iter_mut().find(|(known, _)| *known == name) {
            *count += 1;
            return *count - 1;
        }
        if self.few.len() < FEW_MAX {
            self.few.push((name, 1));
            return 0;
        }
        let count = self.many.entry(name).or_insert(0);
        *count += 1;
        *count - 1
    }

    /// None of any name; its room is kept.
    #[inline]
    pub fn clear(&mut self) {
        self.few.clear();
        // To clear an empty map costs a hundred instructions.
        if !self.many.is_empty() {
            self.many.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_counted_by_itself_however_many_there_are() {
        let mut counts = Counts::default();
        for round in 0..3 {
            for name in 0..100 {
                assert_eq!(counts.next(name), round);
            }
        }
        counts.clear();
        assert_eq!((counts.next(7), counts.next(99)), (0, 0));
    }
}
