//! Weather: once a seed it is drawn how often faults strike, how long things take, and which limits are tiny (swarm testing, Groce et al.,
//! ISSTA 2012). First there is chaos, then it settles: whoever was only slow has time to show it, and whoever hangs is told apart.
//!
//! A fault that strikes at one rate in all runs finds what breaks at that rate; a bug that needs three in a row, or none at all until
//! late, is found where the rate is drawn too.

use super::Seeded;
use crate::random::{Random, below};
use shakedown_core::choose::{Ask, Choose, Crowd};
use shakedown_core::site::{Kind, Label, Site};

/// The weather of one seed.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    order: Seeded,
    random: Random,
    pace: Pace,
    /// From which opportunity on, of each fault and victim, nothing strikes any more.
    settles: u32,
}

/// How long things take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Pace {
    Mixed,
    /// Nearly all as short as may be.
    Quick,
    /// Nearly all as long as may be.
    Slow,
}

impl Weather {
    /// The weather of this seed.
    pub const fn new(seed: u64) -> Weather {
        let random = Random::new(seed);
        let pace = match random.whole(PACE) & 3 {
            0 => Pace::Quick,
            1 => Pace::Slow,
            _ => Pace::Mixed,
        };
        let settles = match random.whole(SETTLES) & 3 {
            0 => 1,
            1 => 4,
            2 => 16,
            _ => 256,
        };
        Weather { order: Seeded::new(seed), random, pace, settles }
    }

    /// How often a fault strikes this victim, for one that strikes so often elsewhere.
    const fn rate(&self, victim: Label, per_million: u32) -> u32 {
        match self.random.whole(RATES ^ victim.0) & 7 {
            0..=2 => 0,
            3..=5 => per_million,
            // Certain it is only where it was before: whoever tries again must be heard some time.
            6 if per_million < NEARLY_ALWAYS / 10 => per_million * 10,
            6 if per_million < NEARLY_ALWAYS => NEARLY_ALWAYS,
            7 if per_million < HALF => HALF,
            _ => per_million,
        }
    }
}

impl Choose for Weather {
    fn rank(&mut self, action: Site) -> u16 {
        self.order.rank(action)
    }

    fn rank_in_crowd(&mut self, action: Site, crowd: Crowd) -> u16 {
        self.order.rank_in_crowd(action, crowd)
    }

    fn draw(&mut self, site: Site, ask: Ask) -> u32 {
        let bits = self.random.at(site);
        match ask {
            Ask::Chance { per_million: 0 } => 0,
            Ask::Chance { per_million } if matches!(site.kind, Kind::Fault | Kind::Crash | Kind::Buggify) => {
                let rate = if site.nth < self.settles { self.rate(site.label, per_million) } else { 0 };
                u32::from(below(bits, 1_000_000) < rate)
            }
            Ask::Span { steps } if self.pace != Pace::Mixed && bits & 7 != 0 => match self.pace {
                Pace::Quick => below(bits, steps / 16 + 1),
                Pace::Slow | Pace::Mixed => steps - below(bits, steps / 16 + 1),
            },
            Ask::Pick { of: 2 } if site.kind == Kind::Limit => (bits & 1) as u32,
            Ask::Chance { .. } | Ask::Pick { .. } | Ask::Span { .. } => self.order.draw(site, ask),
        }
    }
}

const HALF: u32 = 500_000;
const NEARLY_ALWAYS: u32 = 900_000;

const PACE: u64 = 1;
const SETTLES: u64 = 2;
const RATES: u64 = 0x7a7e_0000_0000_0000;

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(victim: &str, nth: u32) -> Site {
        Site { kind: Kind::Fault, label: Label::ROOT.child(victim, 0), nth }
    }

    #[test]
    fn rates_differ_from_seed_to_seed_and_from_victim_to_victim_and_in_the_end_it_settles() {
        let strikes = |seed: u64, victim: &str, from: u32| {
            let mut weather = Weather::new(seed);
            (from..from + 100)
                .filter(|nth| weather.draw(fault(victim, *nth), Ask::Chance { per_million: 50_000 }) == 1)
                .count()
        };
        let early: Vec<usize> = (0..400).map(|seed| strikes(seed, "a", 0)).collect();
        assert!(early.contains(&0) && early.iter().any(|n| *n > 30), "{early:?}");
        assert!((0..400).any(|seed| strikes(seed, "a", 0) == 0 && strikes(seed, "b", 0) > 30));
        let settled = (0..400).filter(|seed| strikes(*seed, "a", 0) > 0 && strikes(*seed, "a", 100) == 0).count();
        assert!(settled > 50, "{settled}");
    }

    #[test]
    fn limits_are_tiny_in_half_of_the_seeds_and_answers_stay_within_what_was_asked() {
        let limit = Site { kind: Kind::Limit, label: Label::ROOT, nth: 0 };
        let tiny = (0..200).filter(|seed| Weather::new(*seed).draw(limit, Ask::Pick { of: 2 }) == 1).count();
        assert!((60..140).contains(&tiny), "{tiny}");
        for seed in 0..200 {
            let mut weather = Weather::new(seed);
            for steps in [1, 15, 16, 1024] {
                let span = Site { kind: Kind::Span, label: Label::ROOT, nth: steps };
                assert!(weather.draw(span, Ask::Span { steps }) <= steps);
            }
        }
    }
}
