//! PCT, probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi and Nagarakatte, ASPLOS 2010): strict random priorities, and a
//! few moments at which whoever runs drops below all others. A bug of depth d is found with a probability of at least 1/(n·k^(d−1)).
//!
//! Priorities are held by chains (the actions of one task, machine or process), because here each of them is born and dies within a run.
//! The depth is drawn from 1 to 4 by the seed, so that nobody has to know it.

use super::dice::Dice;
use super::values::Values;
use super::{Pilot, without_clock};
use crate::random::Random;
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::site::{Label, Site, mix};

/// PCT under one seed.
#[derive(Clone, Debug)]
pub struct Pct {
    values: Values,
    priorities: u64,
    /// At which picks whoever is chosen drops, the last first.
    changes: Vec<u32>,
    picks: u32,
    /// Those that have dropped, the first one highest of them.
    dropped: Vec<Label>,
    /// Who was chosen last, and how often in a row.
    row: (Label, u32),
}

/// Who is chosen so often in a row, while others could run, drops too: a task that polls would else hold up everybody for ever.
const IN_A_ROW_MAX: u32 = 64;

/// Depths that are drawn.
const DEPTH_MAX: u32 = 4;

impl Pct {
    /// PCT under this seed, for runs about as long as the pilot's.
    pub fn new(seed: u64, pilot: &Pilot) -> Pct {
        let random = Random::new(seed);
        let mut dice = Dice::new(random);
        let depth = 1 + dice.below(DEPTH_MAX);
        let length = pilot.picks().max(1);
        let mut changes: Vec<u32> = (1..depth).map(|_| dice.below(length)).collect();
        changes.sort_unstable_by(|a, b| b.cmp(a));
        Pct {
            values: Values::new(random),
            priorities: dice.bits(),
            changes,
            picks: 0,
            dropped: Vec::new(),
            row: (Label::ROOT, 0),
        }
    }

    /// The least goes first: those that never dropped by chance, then the others in the order in which they did.
    fn priority(&self, label: Label) -> (usize, u64) {
        match self.dropped.iter().rposition(|other| *other == label) {
            None => (0, mix(label.0 ^ self.priorities)),
            Some(at) => (at + 1, 0),
        }
    }

    fn drop_below_all(&mut self, label: Label) {
        self.dropped.retain(|other| *other != label);
        self.dropped.push(label);
    }
}

impl Choose for Pct {
    fn rank(&mut self, _: Site) -> u16 {
        0
    }

    fn draw(&mut self, site: Site, ask: Ask) -> u32 {
        self.values.draw(site, ask)
    }

    fn picks(&self) -> bool {
        true
    }

    fn pick(&mut self, enabled: &[Site]) -> usize {
        let enabled = without_clock(enabled);
        if enabled.len() == 1 {
            return 0;
        }
        let first = (0..enabled.len()).min_by_key(|at| self.priority(enabled[*at].label));
        let mut chosen = first.unwrap_or(0);
        let mut drops = self.row == (enabled[chosen].label, IN_A_ROW_MAX);
        while self.changes.last().is_some_and(|at| *at <= self.picks) {
            self.changes.pop();
            drops = true;
        }
        if drops {
            self.drop_below_all(enabled[chosen].label);
            chosen = (0..enabled.len()).min_by_key(|at| self.priority(enabled[*at].label)).unwrap_or(chosen);
        }
        self.picks += 1;
        let label = enabled[chosen].label;
        self.row = if self.row.0 == label { (label, self.row.1 + 1) } else { (label, 1) };
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_core::site::Kind;

    fn site(name: &str, nth: u32) -> Site {
        Site { kind: Kind::Poll, label: Label::ROOT.child(name, 0), nth }
    }

    #[test]
    fn whoever_has_the_highest_priority_goes_on_until_a_change() {
        for seed in 0..50 {
            let mut pct = Pct::new(seed, &Pilot::default());
            let changes = pct.changes.len();
            let chosen: Vec<usize> = (0..40).map(|n| pct.pick(&[site("a", n), site("b", n), site("c", n)])).collect();
            let switches = chosen.windows(2).filter(|pair| pair[0] != pair[1]).count();
            assert!(switches <= changes, "seed {seed}: {chosen:?}");
        }
    }

    #[test]
    fn nobody_is_held_up_for_ever() {
        for seed in 0..50 {
            let mut pct = Pct::new(seed, &Pilot::default());
            let chosen: Vec<usize> = (0..200).map(|n| pct.pick(&[site("spins", n), site("waits", 0)])).collect();
            assert!(chosen.contains(&0) && chosen.contains(&1), "seed {seed}");
        }
    }
}
