//! The random walk: of all that is enabled, each is as likely to be next. Fair, without parameters, and the yardstick of all others.

use super::dice::Dice;
use super::values::Values;
use super::without_clock;
use crate::random::Random;
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::site::Site;

/// The random walk of one seed.
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    values: Values,
    dice: Dice,
}

impl Walk {
    /// The walk of this seed.
    pub const fn new(seed: u64) -> Walk {
        let random = Random::new(seed);
        Walk { values: Values::new(random), dice: Dice::new(random) }
    }
}

impl Choose for Walk {
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
        match without_clock(enabled).len() as u32 {
            1 => 0,
            of => self.dice.below(of) as usize,
        }
    }
}
