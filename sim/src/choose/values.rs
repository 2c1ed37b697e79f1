//! Answers about values, as a pure function of (seed, site): the same under every strategy of order, so that two strategies can be
//! compared seed by seed.

use crate::random::{Random, below};
use shakedown_core::choose::Ask;
use shakedown_core::site::{Kind, Site};

/// The values of one seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values {
    random: Random,
}

impl Values {
    pub(super) const fn new(random: Random) -> Values {
        Values { random }
    }

    pub(super) fn draw(self, site: Site, ask: Ask) -> u32 {
        let bits = self.random.at(site);
        match ask {
            // Limits are as they are: a weather of its own makes them small.
            Ask::Pick { .. } if site.kind == Kind::Limit => 0,
            // Most durations are drawn freely; one in four ties with a deadline where it can.
            Ask::Pick { .. } if site.kind == Kind::Tie && bits & 3 != 0 => 0,
            Ask::Pick { of } if site.kind == Kind::Tie => 1 + below(bits, of - 1),
            Ask::Pick { of } => below(bits, of),
            Ask::Chance { per_million } => u32::from(below(bits, 1_000_000) < per_million),
            // The ends of a range are where deadlines tie: an eighth of the answers each.
            Ask::Span { steps } => match bits & 7 {
                0 => 0,
                1 => steps,
                _ => below(bits, steps + 1),
            },
        }
    }
}
