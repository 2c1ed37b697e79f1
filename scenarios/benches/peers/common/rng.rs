//! The generator behind all model randomness: one stream a (seed, task).
//! Never the peer's own generator, so that every peer does the same logical work in whatever order it schedules.

/// xorshift64*, seeded by a splitmix of seed and stream.
#[derive(Clone, Copy)]
pub struct Rng(u64);

impl Rng {
    pub const fn new(seed: u64, stream: u64) -> Self {
        let stream = stream.wrapping_add(1).wrapping_mul(0xD1B5_4A32_D192_ED03);
        let mut z = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(stream);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Rng((z ^ (z >> 31)) | 1)
    }

    #[inline]
    pub fn next(&mut self) -> u64 {
        let mut x = self.0;
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0 = x;
        x.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Uniform in `0..bound`.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// Uniform in `low..=high`.
    #[inline]
    pub fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }
}
