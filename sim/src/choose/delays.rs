//! Delay bounding at random (Emmi, Qadeer and Rakamarić, POPL 2011): the natural run, first come first served, in which a few actions are
//! late. Most bugs need one or two; `explore` tries all of them, this samples where there are too many.

use super::Pilot;
use super::dice::Dice;
use super::values::Values;
use crate::random::Random;
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::site::Site;

/// A natural run with a few delays.
#[derive(Clone, Debug)]
pub struct Delays {
    values: Values,
    dice: Dice,
    /// Which of the actions that compete are late, the last first.
    late: Vec<u32>,
    asked: u32,
}

/// How many delays are drawn at most.
const DELAYS_MAX: u32 = 4;

impl Delays {
    /// The delays of this seed, for runs about as long as the pilot's.
    pub fn new(seed: u64, pilot: &Pilot) -> Delays {
        let random = Random::new(seed);
        let mut dice = Dice::new(random);
        let delays = 1 + dice.below(DELAYS_MAX);
        let mut late: Vec<u32> = (0..delays).map(|_| dice.below(pilot.competed().max(1))).collect();
        late.sort_unstable_by(|a, b| b.cmp(a));
        late.dedup();
        Delays { values: Values::new(random), dice, late, asked: 0 }
    }
}

impl Choose for Delays {
    fn rank(&mut self, _: Site) -> u16 {
        let is_late = self.late.last() == Some(&self.asked);
        self.asked += 1;
        if !is_late {
            return 0;
        }
        self.late.pop();
        // Later than whatever is enabled now, and by chance later than others that are late.
        1 + self.dice.below(u32::from(u16::MAX)) as u16
    }

    fn draw(&mut self, site: Site, ask: Ask) -> u32 {
        self.values.draw(site, ask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_core::site::{Kind, Label};

    #[test]
    fn few_are_late_and_all_others_come_in_their_order() {
        for seed in 0..100 {
            let mut delays = Delays::new(seed, &Pilot::default());
            let site = |nth| Site { kind: Kind::Poll, label: Label::ROOT, nth };
            let late = (0..10_000).filter(|nth| delays.rank(site(*nth)) != 0).count();
            assert!((1..=DELAYS_MAX as usize).contains(&late), "seed {seed}: {late}");
        }
    }
}
