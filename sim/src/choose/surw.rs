//! SURW, selectively uniform random walk (Zhao et al., ASPLOS 2025): the orders of some interesting actions are sampled evenly, and all
//! others go as they like. Which are interesting somebody selects, or each seed draws: all that has to do with one task, machine or process.
//!
//! How many such actions each chain still has to do is known from a calm run before; where that is wrong the sampling is less even.

use super::dice::Dice;
use super::pilot::Interest;
use super::values::Values;
use super::{Pilot, without_clock};
use crate::random::Random;
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::site::{Label, Site};
use std::sync::Arc;

/// SURW under one seed.
#[derive(Clone, Debug)]
pub struct Surw {
    values: Values,
    dice: Dice,
    /// The chains whose actions are interesting.
    interest: Arc<Interest>,
    /// By place, how many actions each of them has probably left.
    left: Vec<u32>,
    /// In all.
    all: u32,
    /// Whose interesting action comes next, where there are any.
    intended: usize,
    /// Which of those enabled are not held, made anew at each pick.
    free: Vec<u32>,
}

/// Room for what is mostly enabled at once.
const FREE_ROOM: usize = 16;

impl Surw {
    /// SURW under this seed; the pilot says who has to do with whom.
    pub fn new(seed: u64, pilot: &Pilot) -> Surw {
        let random = Random::new(seed);
        let mut dice = Dice::new(random);
        let interest = match pilot.chains() {
            0 => Arc::default(),
            n => pilot.interest(dice.below(n)),
        };
        let left = interest.actions.clone();
        let (all, free) = (left.iter().sum(), Vec::with_capacity(FREE_ROOM));
        let mut surw = Surw { values: Values::new(random), dice, interest, left, all, intended: 0, free };
        surw.intend();
        surw
    }

    /// Draws whose turn is next, each as likely as it has actions left.
    fn intend(&mut self) {
        if self.all == 0 {
            return;
        }
        let mut at = self.dice.below(self.all);
        let is_its_turn = |left: &u32| {
            let is_here = at < *left;
            at = at.wrapping_sub(*left);
            is_here
        };
        self.intended = self.left.iter().position(is_its_turn).unwrap_or(0);
    }

    #[inline]
    fn is_held(&self, site: &Site) -> bool {
        self.interest.place(site.label).unwrap_or(self.intended) != self.intended
    }

    /// Notes which of them are not held, and says how many. Which they are nobody can guess: hence without a branch.
    fn find_free(&mut self, enabled: &[Site]) -> u32 {
        self.free.resize(enabled.len(), 0);
        let mut free = 0;
        for (at, site) in enabled.iter().enumerate() {
            self.free[free] = at as u32;
            free += usize::from(!self.is_held(site));
        }
        free as u32
    }

    /// An interesting action runs: it is one less, and the next is drawn.
    fn note(&mut self, label: Label) {
        if let Some(at) = self.interest.place(label) {
            let left = &mut self.left[at];
            // Where there are more than the calm run had, one is always left.
            let now = left.saturating_sub(1).max(1);
            self.all -= *left - now;
            *left = now;
            self.intend();
        }
    }
}

impl Choose for Surw {
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
        let free = self.find_free(enabled);
        let chosen = match free {
            // The intended chain is blocked, or over: another one of those that wait.
            0 => self.dice.below(enabled.len() as u32) as usize,
            free => self.free[self.dice.below(free) as usize] as usize,
        };
        self.note(enabled[chosen].label);
        chosen
    }
}
