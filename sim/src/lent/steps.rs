//! The steps that processes of a lent kernel can take now. Which goes next is a choice, as it is in our own simulator: the least (key,
//! arrival) runs, and a key is clock + rank.

use shakedown_core::choose::Choose;
use shakedown_core::site::{Kind, Label, Site};

/// Steps that are enabled, in the order of their arrival.
#[derive(Default)]
pub(super) struct Steps {
    enabled: Vec<(u64, u32)>,
    clock: u64,
}

impl Steps {
    pub(super) fn add(&mut self, step: u32, label: Label, nth: u32, chooser: &mut impl Choose) {
        let rank = chooser.rank(Site { kind: Kind::Step, label, nth });
        self.enabled.push((self.clock + u64::from(rank), step));
    }

    pub(super) fn next(&mut self) -> Option<u32> {
        let (at, _) = self.enabled.iter().enumerate().min_by_key(|(_, (key, _))| *key)?;
        let (key, step) = self.enabled.remove(at);
        self.clock = if self.enabled.is_empty() { 0 } else { key };
        Some(step)
    }
}
