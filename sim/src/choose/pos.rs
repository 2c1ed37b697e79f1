//! POS, partial order sampling (Yuan, Yang and Gu, CAV 2018): each enabled action has a random priority of its own, the highest runs, and
//! those that race with it draw again. Every partial order of a terminating program keeps a lower-bounded probability, without parameters.
//!
//! Two actions race where they have to do with the same object. What an action has to do with is known only after it has run, so a
//! chain is taken to touch what it has touched before in this run: too often a race rather than too seldom.

use super::chains::Chains;
use super::values::Values;
use super::without_clock;
use crate::random::Random;
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::site::{Label, Site, mix};
use std::hint::select_unpredictable;

/// POS under one seed.
#[derive(Clone, Debug)]
pub struct Pos {
    values: Values,
    random: Random,
    chains: Chains<Chain>,
    /// Who was chosen last; what it touches is still being told.
    running: Option<Label>,
    /// What it has touched, itself included.
    touched: Objects,
}

#[derive(Clone, Copy, Debug, Default)]
struct Chain {
    /// How often its action has drawn again.
    draws: u64,
    /// What it has touched so far, itself included.
    objects: Objects,
}

/// A set of labels, as a Bloom filter of one word: a label too many is a race too many, which costs evenness, never coverage.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Objects(u64);

impl Objects {
    const fn of(label: Label) -> Objects {
        Objects(1 << (mix(label.0) >> 58))
    }

    const fn with(self, other: Objects) -> Objects {
        Objects(self.0 | other.0)
    }

    const fn meets(self, other: Objects) -> bool {
        self.0 & other.0 != 0
    }
}

impl Pos {
    /// POS under this seed.
    pub const fn new(seed: u64) -> Pos {
        let random = Random::new(seed);
        Pos { values: Values::new(random), random, chains: Chains::new(), running: None, touched: Objects(0) }
    }

    #[inline(always)]
    fn chain(&mut self, label: Label) -> &mut Chain {
        self.chains.of(label, || Chain { draws: 0, objects: Objects::of(label) })
    }

    /// The action that was chosen last has run: from here on its chain is known to touch what that has. Says what, for those that race.
    fn settle(&mut self) -> Objects {
        let Some(ran) = self.running.take() else { return Objects::default() };
        let touched = self.touched;
        let chain = self.chain(ran);
        chain.objects = chain.objects.with(touched);
        touched
    }

    /// The priority of an action, drawn again where it races with what has just touched this. The least goes first.
    #[inline(always)]
    fn priority(&mut self, site: &Site, touched: Objects) -> u64 {
        let chain = self.chain(site.label);
        chain.draws += u64::from(chain.objects.meets(touched));
        let draws = chain.draws;
        mix(self.random.at(*site) ^ mix(draws))
    }
}

impl Choose for Pos {
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
        let touched = self.settle();
        let (mut chosen, mut least) = (0, u64::MAX);
        for (at, site) in enabled.iter().enumerate() {
            let priority = self.priority(site, touched);
            let is_less = priority < least;
            chosen = select_unpredictable(is_less, at, chosen);
            least = select_unpredictable(is_less, priority, least);
        }
        let label = enabled[chosen].label;
        (self.running, self.touched) = (Some(label), Objects::of(label));
        chosen
    }

    fn touched(&mut self, label: Label) {
        self.touched = self.touched.with(Objects::of(label));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_core::site::Kind;

    fn site(name: &str) -> Site {
        Site { kind: Kind::Poll, label: Label::ROOT.child(name, 0), nth: 0 }
    }

    #[test]
    fn only_those_that_race_with_what_ran_draw_again() {
        let [ran, races, apart] = ["ran", "races", "apart"].map(site);
        let mut pos = Pos::new(1);
        pos.running = Some(ran.label);
        pos.touched(ran.label);
        pos.touched(races.label);
        let before = [races, apart].map(|site| pos.priority(&site, Objects::default()));
        let touched = pos.settle();
        let after = [races, apart].map(|site| pos.priority(&site, touched));
        assert_ne!(before[0], after[0]);
        assert_eq!(before[1], after[1]);
    }

    #[test]
    fn each_of_the_orders_of_three_comes() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let mut pos = Pos::new(seed);
            let mut left = vec!["a", "b", "c"];
            let mut order = Vec::new();
            while left.len() > 1 {
                let sites: Vec<Site> = left.iter().map(|name| site(name)).collect();
                order.push(left.remove(pos.pick(&sites)));
            }
            seen.insert(order);
        }
        assert_eq!(seen.len(), 6);
    }
}
