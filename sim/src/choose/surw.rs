//! SURW, selectively uniform random walk (Zhao et al., ASPLOS 2025): the orders of some interesting actions are sampled evenly, and all
//! others go as they like. Which are interesting somebody selects, or each seed draws: all that has to do with one task, machine or process.
//!
//! How many such actions each chain still has to do is known from a calm run before; where that is wrong the sampling is less even.

use super::dice::Dice;
use super::values::Values;
use super::{Pilot, without_clock};
use crate::random::Random;
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::site::{Label, Site};
use std::collections::BTreeSet;

/// SURW under one seed.
#[derive(Clone, Debug)]
pub struct Surw {
    values: Values,
    dice: Dice,
    /// The interesting chains in the order of their labels, and how many actions each has probably left.
    left: Vec<(Label, u32)>,
    /// In all.
    all: u32,
    /// Whose interesting action comes next.
    intended: Option<Label>,
}

impl Surw {
    /// SURW under this seed; the pilot says who has to do with whom.
    pub fn new(seed: u64, pilot: &Pilot) -> Surw {
        let random = Random::new(seed);
        let mut dice = Dice::new(random);
        let chains = pilot.chains();
        let about = match chains.len() as u32 {
            0 => None,
            n => chains.keys().nth(dice.below(n) as usize).copied(),
        };
        let concerns = |label: Label, touched: &BTreeSet<Label>| match pilot.selected() {
            Some(selected) => selected.contains(&label),
            None => about.is_some_and(|about| about == label || touched.contains(&about)),
        };
        let left: Vec<(Label, u32)> = chains
            .iter()
            .filter(|(label, chain)| concerns(**label, &chain.touched))
            .map(|(label, chain)| (*label, chain.actions.max(1)))
            .collect();
        let all = left.iter().map(|(_, left)| left).sum();
        let mut surw = Surw { values: Values::new(random), dice, left, all, intended: None };
        surw.intend();
        surw
    }

    /// Draws whose turn is next, each as likely as it has actions left.
    fn intend(&mut self) {
        if self.all == 0 {
            self.intended = None;
            return;
        }
        let mut at = self.dice.below(self.all);
        self.intended = self.left.iter().find_map(|(label, left)| {
            if at < *left {
                return Some(*label);
            }
            at -= left;
            None
        });
    }

    fn place(&self, label: Label) -> Option<usize> {
        self.left.binary_search_by_key(&label, |(label, _)| *label).ok()
    }

    fn is_held(&self, site: &Site) -> bool {
        self.intended.is_some_and(|intended| intended != site.label) && self.place(site.label).is_some()
    }

    /// An interesting action runs: it is one less, and the next is drawn.
    fn note(&mut self, label: Label) {
        if let Some(at) = self.place(label) {
            let left = &mut self.left[at].1;
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
        let free = enabled.iter().filter(|site| !self.is_held(site)).count() as u32;
        let chosen = if free == 0 {
            // The intended chain is blocked, or over: another one of those that wait.
            self.dice.below(enabled.len() as u32) as usize
        } else {
            let nth = self.dice.below(free) as usize;
            // Mostly nobody is held.
            if free as usize == enabled.len() {
                nth
            } else {
                (0..enabled.len()).filter(|at| !self.is_held(&enabled[*at])).nth(nth).unwrap_or(0)
            }
        };
        self.note(enabled[chosen].label);
        chosen
    }
}
