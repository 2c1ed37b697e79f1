//! A calm run that is played first, and what it tells of the length and the make of all others: some strategies spread a few events over
//! a run, and must know how long it is.

use super::chains::Chains;
use super::without_clock;
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::site::{Label, Site};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

/// What a calm run was like. As a chooser, it plays that run.
#[derive(Clone, Debug, Default)]
pub struct Pilot {
    picks: u32,
    chains: BTreeMap<Label, Chain>,
    competed: BTreeSet<Site>,
    running: Option<Label>,
    /// The chains that somebody has selected, if anybody has.
    selected: Option<BTreeSet<Label>>,
    /// Made of all this when somebody first asks: thousands of runs ask after one that is calm.
    interests: OnceLock<Vec<Arc<Interest>>>,
}

/// The actions of one task, machine or process.
#[derive(Clone, Debug, Default)]
struct Chain {
    /// How many there were, those excepted that were alone.
    actions: u32,
    /// Whom they had to do with.
    touched: BTreeSet<Label>,
}

/// Chains that are interesting together: those that have to do with one of them, or that somebody has selected.
#[derive(Debug, Default)]
pub(super) struct Interest {
    /// The place of each in the order of their labels.
    places: Chains<u32>,
    /// By place, how many actions there were, and at least one.
    pub(super) actions: Vec<u32>,
}

impl Interest {
    fn of(chains: &[(Label, u32)]) -> Arc<Interest> {
        let mut places = Chains::roomy(chains.len());
        chains.iter().zip(0..).for_each(|((label, _), at)| *places.of(*label, || 0) = at);
        Arc::new(Interest { places, actions: chains.iter().map(|(_, actions)| (*actions).max(1)).collect() })
    }

    /// The place of a chain, if it is one of them.
    #[inline]
    pub(super) fn place(&self, chain: Label) -> Option<usize> {
        self.places.get(chain).map(|at| at as usize)
    }
}

/// A run of which nothing is known is taken to be so long.
const UNKNOWN_PICKS: u32 = 100;

impl Pilot {
    /// How often there were two or more actions to choose from.
    pub fn picks(&self) -> u32 {
        if self.picks == 0 { UNKNOWN_PICKS } else { self.picks }
    }

    /// How many actions were not alone.
    pub fn competed(&self) -> u32 {
        if self.picks == 0 { UNKNOWN_PICKS } else { self.competed.len() as u32 }
    }

    /// From here on these chains are those that matter.
    pub fn select(&mut self, chains: impl IntoIterator<Item = Label>) {
        self.selected = Some(chains.into_iter().collect());
        self.interests = OnceLock::new();
    }

    /// How many chains have acted.
    pub(super) fn chains(&self) -> u32 {
        self.chains.len() as u32
    }

    /// The chains that have to do with the `nth` of [`chains`](Self::chains), or those that were selected.
    pub(super) fn interest(&self, nth: u32) -> Arc<Interest> {
        let interests = self.interests.get_or_init(|| self.find_interests());
        interests[if self.selected.is_some() { 0 } else { nth as usize }].clone()
    }

    fn find_interests(&self) -> Vec<Arc<Interest>> {
        let of = |label: &Label| (*label, self.chains[label].actions);
        if let Some(selected) = &self.selected {
            let chains: Vec<_> = selected.iter().filter(|label| self.chains.contains_key(label)).map(of).collect();
            return vec![Interest::of(&chains)];
        }
        let mut about: BTreeMap<Label, Vec<(Label, u32)>> = self.chains.keys().map(|l| (*l, Vec::new())).collect();
        for (label, chain) in &self.chains {
            for whom in chain.touched.iter().filter(|whom| *whom != label).chain([label]) {
                about.entry(*whom).and_modify(|chains| chains.push(of(label)));
            }
        }
        about.values().map(|chains| Interest::of(chains)).collect()
    }
}

impl Choose for Pilot {
    fn rank(&mut self, _: Site) -> u16 {
        0
    }

    fn draw(&mut self, _: Site, _: Ask) -> u32 {
        0
    }

    fn picks(&self) -> bool {
        true
    }

    fn pick(&mut self, enabled: &[Site]) -> usize {
        let enabled = without_clock(enabled);
        if let [first, _, ..] = enabled {
            self.picks += 1;
            self.interests = OnceLock::new();
            self.competed.extend(enabled);
            self.chains.entry(first.label).or_default().actions += 1;
            self.running = Some(first.label);
        }
        0
    }

    fn touched(&mut self, label: Label) {
        if let Some(chain) = self.running.and_then(|running| self.chains.get_mut(&running)) {
            chain.touched.insert(label);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_core::site::Kind;

    fn label(name: &str) -> Label {
        Label::ROOT.child(name, 0)
    }

    #[test]
    fn interesting_are_all_that_have_to_do_with_one_chain_or_those_that_were_selected() {
        let mut pilot = Pilot::default();
        let site = |name| Site { kind: Kind::Poll, label: label(name), nth: 0 };
        for (acts, touches) in [("a", "b"), ("a", "a"), ("b", "b"), ("c", "nobody who acts")] {
            pilot.pick(&[site(acts), site("late")]);
            pilot.touched(label(touches));
        }
        let names = ["a", "b", "c"];
        let known = |interest: &Interest| {
            names.map(|name| interest.place(label(name)).map_or(0, |at| interest.actions[at])).to_vec()
        };
        let mut about: Vec<_> = (0..pilot.chains()).map(|nth| known(&pilot.interest(nth))).collect();
        about.sort();
        assert_eq!(about, [[0, 0, 1], [2, 0, 0], [2, 1, 0]]);
        pilot.select(["c", "b", "late"].map(label));
        assert_eq!(known(&pilot.interest(2)), [0, 1, 1]);
    }
}
