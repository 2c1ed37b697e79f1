//! The random stream. It is a file format: the same seed means the same run in every version, so it is ours, and held by golden vectors.

use shakedown_core::site::{Site, mix};

/// Answers as a pure function of (seed, site): no state, so that an unrelated edit of the program leaves all other answers alone.
#[derive(Clone, Copy, Debug)]
pub struct Random {
    key: u64,
}

impl Random {
    /// The stream of this seed.
    pub const fn new(seed: u64) -> Random {
        // Neighbouring seeds must differ in every bit.
        Random { key: mix(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x5bd1_e995_9d1b_54a5)) }
    }

    /// 64 bits for this site.
    pub const fn at(self, site: Site) -> u64 {
        mix(site.hash() ^ self.key)
    }

    /// 64 bits of the seed alone, for what is drawn once a run.
    pub const fn whole(self, which: u64) -> u64 {
        mix(self.key ^ which.wrapping_mul(0xa076_1d64_78bd_642f))
    }
}

/// `bits` scaled to 0..n, without the bias of a remainder.
pub(crate) const fn below(bits: u64, n: u32) -> u32 {
    (((bits >> 32) * n as u64) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_core::site::{Kind, Label};

    #[test]
    fn the_stream_is_a_file_format() {
        let site = |nth| Site { kind: Kind::Poll, label: Label::ROOT.child("api", 0), nth };
        let got: Vec<u64> =
            [(0, 0), (0, 1), (1, 0), (42, 7)].map(|(seed, nth)| Random::new(seed).at(site(nth))).to_vec();
        assert_eq!(got, GOLDEN, "got {got:#018x?}: a change here breaks every seed that anybody wrote down");
    }

    #[test]
    fn below_stays_below_and_reaches_both_ends() {
        assert_eq!((below(0, 7), below(u64::MAX, 7)), (0, 6));
    }

    const GOLDEN: [u64; 4] = [0xaee1f4cd40684fab, 0x5a5b059be70ddd3f, 0x48e34f16d5e55b96, 0x60bb28c066b2ae4c];
}
