//! A stream of random numbers for strategies that are asked in the order of the run: theirs are not keyed by sites, because what they
//! choose among is different in every run. A recording of them is replayed by sites all the same.

use crate::random::{Random, below};

/// Numbers of one seed, one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dice {
    random: Random,
    thrown: u64,
}

impl Dice {
    pub(super) const fn new(random: Random) -> Dice {
        Dice { random, thrown: 0 }
    }

    /// 64 bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.thrown += 1;
        self.random.whole(STREAM + self.thrown)
    }

    /// A number below `n`, which is not 0.
    pub(super) fn below(&mut self, n: u32) -> u32 {
        below(self.bits(), n)
    }
}

/// Apart from what a seed draws as a whole.
const STREAM: u64 = 1 << 32;
