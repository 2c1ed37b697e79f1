//! Digests of states, for searches that must know a state when they meet it again. Equal states have equal digests; that two others
//! share one is as likely as a guess of 64 bits.

use crate::site::mix;
use crate::time::Instant;
use core::hash::Hasher;

/// A digest in the making. What is put in counts in its order; where order means nothing, digests of the parts are summed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digest(u64);

impl Digest {
    /// Of nothing yet; digests of different kinds of things begin with different words.
    pub const fn of(kind: u64) -> Digest {
        Digest(mix(kind ^ 0x9e37_79b9_7f4a_7c15))
    }

    /// Takes a number.
    #[inline]
    pub const fn number(&mut self, n: u64) -> &mut Digest {
        self.0 = mix(self.0.rotate_left(23) ^ n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        self
    }

    /// Takes bytes, and how many they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Digest {
        self.number(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.number(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.number(u64::from_le_bytes(last))
    }

    /// Takes an instant by its distance from `now`: how far in the past it lies means nothing, because what is due may be late anyhow.
    pub fn instant(&mut self, now: Instant, at: Instant) -> &mut Digest {
        self.number(if at == Instant::NEVER { u64::MAX } else { at.as_nanos().saturating_sub(now.as_nanos()) })
    }

    /// The digest of what was put in so far.
    pub const fn value(self) -> u64 {
        self.0
    }
}

/// So that whatever derives `Hash` can be put in. It is fed numbers and bytes, never addresses.
impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        self.bytes(bytes);
    }

    fn write_u8(&mut self, n: u8) {
        self.number(u64::from(n));
    }

    fn write_u32(&mut self, n: u32) {
        self.number(u64::from(n));
    }

    fn write_u64(&mut self, n: u64) {
        self.number(n);
    }

    fn write_usize(&mut self, n: usize) {
        self.number(n as u64);
    }

    fn write_isize(&mut self, n: isize) {
        self.number(n as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_in_order_length_or_kind_differs() {
        let of = |kind, numbers: &[u64]| {
            let mut digest = Digest::of(kind);
            numbers.iter().for_each(|n| {
                digest.number(*n);
            });
            digest.value()
        };
        let all = [of(0, &[]), of(1, &[]), of(0, &[0]), of(0, &[0, 0]), of(0, &[1, 2]), of(0, &[2, 1])];
        for (i, one) in all.iter().enumerate() {
            assert!(!all[..i].contains(one), "{i}");
        }
        let bytes = |text: &[u8]| Digest::of(0).bytes(text).value();
        assert!(bytes(b"a") != bytes(b"a\0") && bytes(b"12345678") != bytes(b"123456789"));
    }

    #[test]
    fn an_instant_counts_by_its_distance_and_not_at_all_once_it_is_past() {
        let (zero, five, nine) = (Instant::ZERO, Instant::from_nanos(5), Instant::from_nanos(9));
        let at = |now, at| Digest::of(0).instant(now, at).value();
        assert_eq!(at(zero, zero), at(nine, five));
        assert_eq!(at(zero, Instant::from_nanos(4)), at(five, nine));
        assert!(at(zero, five) != at(zero, nine));
        assert_eq!(at(zero, Instant::NEVER), at(five, Instant::NEVER));
    }
}
