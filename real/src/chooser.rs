//! Draws for real runs: order is left to the machine (every rank 0), values come from a seed and the site that asks.
//! So a real run is not reproducible, but what it draws is.

use shakedown_core::choose::{Ask, Choose};
use shakedown_core::site::{Kind, Site, mix};
use shakedown_core::time::{Duration, DurationRange};

/// A chooser whose draws are a function of the seed and the site.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RealChooser {
    seed: u64,
}

impl RealChooser {
    /// A chooser of this seed.
    pub const fn new(seed: u64) -> RealChooser {
        RealChooser { seed }
    }

    /// A stream of draws of its own, for the `nth` use of it.
    pub const fn stream(&self, nth: u64) -> SplitMix64 {
        SplitMix64 { state: mix(self.seed ^ nth.wrapping_mul(GAMMA)) }
    }
}

impl Choose for RealChooser {
    fn rank(&mut self, _: Site) -> u16 {
        0
    }

    fn draw(&mut self, site: Site, ask: Ask) -> u32 {
        let bits = mix(self.seed ^ site.hash());
        match ask {
            // What ends together with what, the machine decides.
            Ask::Pick { .. } if site.kind == Kind::Tie => 0,
            Ask::Chance { .. } if site.kind == Kind::Buggify => 0,
            Ask::Pick { .. } | Ask::Span { .. } => below(bits, u64::from(ask.max()) + 1),
            Ask::Chance { per_million } => u32::from(below(bits, 1_000_000) < per_million),
        }
    }
}

/// The generator of Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        mix(self.state)
    }

    /// A duration out of a range, each step of its grid as likely as the others.
    pub fn duration(&mut self, range: DurationRange) -> Duration {
        range.at(below(self.bits(), u64::from(range.steps()) + 1))
    }
}

/// A number below `of`, at most 2³², by multiplication (Lemire 2019); its bias of at most 2⁻³² is of no account here.
fn below(bits: u64, of: u64) -> u32 {
    ((u128::from(bits) * u128::from(of)) >> 64) as u32
}

/// 2⁶⁴ divided by the golden ratio.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_core::site::{Kind, Label};

    #[test]
    fn draws_stay_in_bounds_and_repeat() {
        let mut chooser = RealChooser::new(7);
        for nth in 0..1000 {
            let site = Site { kind: Kind::Span, label: Label::ROOT, nth };
            for ask in [Ask::Pick { of: 3 }, Ask::Span { steps: 9 }, Ask::Chance { per_million: 500_000 }] {
                let answer = chooser.draw(site, ask);
                assert!(answer <= ask.max());
                assert_eq!(answer, RealChooser::new(7).draw(site, ask));
            }
            assert_eq!(chooser.draw(site, Ask::Chance { per_million: 0 }), 0);
        }
    }
}
