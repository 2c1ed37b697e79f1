//! Seeded ranks: every answer is a pure function of (seed, site). The default strategy.
//!
//! A seed also draws its style, because no single distribution of ranks finds everything: uniform ranks act like random priorities,
//! exponential ones like a random walk, and sparse ones stay close to first come, first served.
//!
//! In a crowd of hundreds most compete with their neighbours alone: what follows from a step with the next to go, and of what one step
//! enables each with those beside it, while these dozens as a whole come in any order. So whatever goes next was in use a moment ago,
//! and ten thousand processes do not drive each other out of the processor's caches. One action in a few competes with all of them.

use super::values::Values;
use crate::random::Random;
use shakedown_core::choose::{Ask, Choose, Crowd};
use shakedown_core::site::{Label, Site};

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

/// So many compete with each other in a crowd.
const NEIGHBOURS: u32 = 32;
/// One action in 64 competes with the whole crowd. The bits beside those that are asked whether a sparse one is late.
const FAR_MASK: u64 = 63;

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

    fn rank_in_crowd(&mut self, action: Site, crowd: Crowd) -> u16 {
        let rank = self.rank(action);
        if self.random.at(action) >> 3 & FAR_MASK == 0 {
            return rank;
        }
        // As many stand within this rank as do within the whole one among so many neighbours.
        let near = (u32::from(rank) * NEIGHBOURS / crowd.waiting.max(NEIGHBOURS)) as u16;
        if crowd.nth < NEIGHBOURS {
            return near;
        }
        let dozen = action.nth.rotate_left(16) ^ (crowd.nth / NEIGHBOURS);
        self.rank(Site { label: Label::ROOT, nth: dozen, ..action }).saturating_add(near)
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
    fn in_a_crowd_most_that_follows_goes_soon_and_any_two_that_came_together_go_in_either_order() {
        let alone = Crowd { waiting: 10_000, nth: 0 };
        let follows =
            (0..64).flat_map(|seed| (0..100).map(move |nth| Seeded::new(seed).rank_in_crowd(site(nth), alone)));
        // A rank of 4 096 is passed by a hundredth of the crowd at least, whatever the style.
        let late = follows.filter(|rank| *rank > 4096).count();
        assert!((10..320).contains(&late), "{late} of 6 400 let hundreds pass");

        let burst = |seed, nth: u32| {
            let label = Label::ROOT.child("worker", nth);
            Seeded::new(seed).rank_in_crowd(Site { label, ..site(0) }, Crowd { waiting: 10_000, nth })
        };
        for (one, other) in [(1000, 1001), (1000, 9000), (40, 5000)] {
            let swapped = (0..300).filter(|seed| burst(*seed, other) < burst(*seed, one)).count();
            assert!((60..200).contains(&swapped), "{other} goes before {one} in {swapped} of 300");
        }
    }

    #[test]
    fn minus_log2_falls_as_its_argument_grows() {
        assert_eq!(minus_log2(u64::MAX), 0);
        assert!(minus_log2(1 << 63) > minus_log2(u64::MAX) && minus_log2(1 << 62) > minus_log2(1 << 63));
        assert!(u32::from(minus_log2(0)) <= 65_535);
    }
}
