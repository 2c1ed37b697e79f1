//! Seeded ranks: every answer is a pure function of (seed, site). The default strategy.
//!
//! A seed also draws its style, because no single distribution of ranks finds everything: uniform ranks act like random priorities,
//! exponential ones like a random walk, and sparse ones stay close to first come, first served.

use super::values::Values;
use crate::random::Random;
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::site::Site;

/// The chooser of one seed.
#[derive(Clone, Copy, Debug)]
pub struct Seeded {
    random: Random,
    values: Values,
    style: Style,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Style {
    /// Random priorities.
    Uniform,
    /// −log2 of a uniform number: a random walk.
    Exponential,
    /// One action in eight is late.
    Sparse,
}

impl Seeded {
    /// The chooser of this seed.
    pub const fn new(seed: u64) -> Seeded {
        let random = Random::new(seed);
        let style = match random.whole(0) % 4 {
            0 => Style::Uniform,
            1 => Style::Sparse,
            _ => Style::Exponential,
        };
        Seeded { random, values: Values::new(random), style }
    }
}

/// −log2(u) in units of 1/1024, for u in (0, 1]: 0 to 64 · 1024.
const fn minus_log2(bits: u64) -> u16 {
    let bits = bits | 1;
    let zeros = bits.leading_zeros();
    // The ten bits after the leading one approximate the fraction linearly.
    let fraction = ((bits << zeros) >> 53) & 0x3ff;
    (zeros * 1024 + (1023 - fraction as u32)) as u16
}

impl Choose for Seeded {
    fn rank(&mut self, action: Site) -> u16 {
        let bits = self.random.at(action);
        match self.style {
            Style::Uniform => (bits >> 48) as u16,
            Style::Exponential => minus_log2(bits),
            Style::Sparse if bits & 7 == 0 => (bits >> 48) as u16,
            Style::Sparse => 0,
        }
    }

    fn draw(&mut self, site: Site, ask: Ask) -> u32 {
        self.values.draw(site, ask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_core::site::{Kind, Label};

    fn site(nth: u32) -> Site {
        Site { kind: Kind::Span, label: Label::ROOT, nth }
    }

    #[test]
    fn answers_stay_within_what_was_asked() {
        for seed in 0..200 {
            let mut chooser = Seeded::new(seed);
            for nth in 0..50 {
                assert!(chooser.draw(site(nth), Ask::Pick { of: 3 }) < 3);
                assert!(chooser.draw(site(nth), Ask::Span { steps: 10 }) <= 10);
                assert_eq!(chooser.draw(site(nth), Ask::Chance { per_million: 0 }), 0);
                assert_eq!(chooser.draw(site(nth), Ask::Chance { per_million: 1_000_000 }), 1);
            }
        }
    }

    #[test]
    fn the_same_site_gets_the_same_answer_whatever_was_asked_before() {
        let (mut a, mut b) = (Seeded::new(9), Seeded::new(9));
        (0..100).for_each(|nth| {
            a.rank(site(nth));
        });
        assert_eq!(a.rank(site(7)), b.rank(site(7)));
    }

    #[test]
    fn minus_log2_falls_as_its_argument_grows() {
        assert_eq!(minus_log2(u64::MAX), 0);
        assert!(minus_log2(1 << 63) > minus_log2(u64::MAX) && minus_log2(1 << 62) > minus_log2(1 << 63));
        assert!(u32::from(minus_log2(0)) <= 65_535);
    }
}
