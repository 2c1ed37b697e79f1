//! A calm run that is played first, and what it tells of the length and the make of all others: some strategies spread a few events over
//! a run, and must know how long it is.

use super::without_clock;
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::site::{Label, Site};
use std::collections::{BTreeMap, BTreeSet};

/// What a calm run was like. As a chooser, it plays that run.
#[derive(Clone, Debug, Default)]
pub struct Pilot {
    picks: u32,
    chains: BTreeMap<Label, Chain>,
    competed: BTreeSet<Site>,
    running: Option<Label>,
    /// The chains that somebody has selected, if anybody has.
    selected: Option<BTreeSet<Label>>,
}

/// The actions of one task, machine or process.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain {
    /// How many there were, those excepted that were alone.
    pub(super) actions: u32,
    /// Whom they had to do with.
    pub(super) touched: BTreeSet<Label>,
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
    }

    /// The chains that were selected.
    pub(super) fn selected(&self) -> Option<&BTreeSet<Label>> {
        self.selected.as_ref()
    }

    /// Who acted.
    pub(super) fn chains(&self) -> &BTreeMap<Label, Chain> {
        &self.chains
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
