//! How many of each name there have been: the n-th of a label. Who has few names is scanned, who has many is looked up, so that
//! a session of ten thousand workers costs no more for each of them than one of ten.

use alloc::vec::Vec;

/// Counts by the hash of a name.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Scanned; empty where there are many.
    few: Vec<(u64, u32)>,
    /// A table with open addresses, of a power of two, at most three quarters full: a name stands at its hash or, where others stand
    /// there, at the next free place, whose count is zero. A tree would cost ten times as much.
    many: Vec<(u64, u32)>,
    /// How many names are in the table.
    used: usize,
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
        if self.used == 0 && self.few.len() < FEW_MAX {
            self.few.push((name, 1));
            return 0;
        }
        self.next_of_many(name)
    }

    fn next_of_many(&mut self, name: u64) -> u32 {
        if self.used == 0 || (self.used + 1) * 4 > self.many.len() * 3 {
            self.spread();
        }
        let place = place(&mut self.many, name);
        *place = (name, place.1 + 1);
        self.used += usize::from(place.1 == 1);
        place.1 - 1
    }

    /// Gives all names a table that has room for one more.
    fn spread(&mut self) {
        let known = core::mem::take(&mut self.few).into_iter().chain(core::mem::take(&mut self.many));
        let known: Vec<(u64, u32)> = known.filter(|(_, count)| *count > 0).collect();
        self.used = known.len();
        self.many.resize((self.used * 2).next_power_of_two(), (0, 0));
        for (name, count) in known {
            *place(&mut self.many, name) = (name, count);
        }
    }

    /// None of any name; the room for few is kept.
    #[inline]
    pub fn clear(&mut self) {
        self.few.clear();
        if self.used > 0 {
            self.used = 0;
            self.many = Vec::new();
        }
    }
}

/// Where a name stands in a table that is not full, or is to stand.
fn place(table: &mut [(u64, u32)], name: u64) -> &mut (u64, u32) {
    let mask = table.len() - 1;
    let mut at = name as usize & mask;
    while table[at].1 > 0 && table[at].0 != name {
        at = (at + 1) & mask;
    }
    &mut table[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_counted_by_itself_however_many_there_are() {
        let mut counts = Counts::default();
        for names in [100, 5, 1000] {
            for round in 0..3 {
                for name in 0..names {
                    // As hashes do, some agree in their lower half.
                    assert_eq!(counts.next((name << 40) | (name & 63)), round);
                }
            }
            counts.clear();
        }
        assert_eq!((counts.next(7), counts.next(99)), (0, 0));
    }
}
