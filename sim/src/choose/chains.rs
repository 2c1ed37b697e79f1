//! What a strategy keeps for each chain, by its label: looked up for everything enabled at every pick, and so neither a tree nor sorted.
//! Labels are hashes already, hence the place of one is its lowest bits, or the next that is free.

use shakedown_core::site::Label;

/// A table by label.
#[derive(Clone, Debug, Default)]
pub(super) struct Chains<T> {
    /// A power of two of them, never full.
    slots: Vec<Slot<T>>,
    used: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot<T> {
    is_taken: bool,
    label: Label,
    kept: T,
}

/// Room for the chains of a small session.
const FIRST: usize = 32;

impl<T: Copy + Default> Chains<T> {
    pub(super) const fn new() -> Chains<T> {
        Chains { slots: Vec::new(), used: 0 }
    }

    /// A table for so many chains with so much room that next to none of them shares its place: then a processor guesses where each is.
    pub(super) fn roomy(chains: usize) -> Chains<T> {
        Chains { slots: vec![Slot::default(); (chains * 8).next_power_of_two()], used: 0 }
    }

    /// What is kept for a chain; `first` where it is new.
    #[inline(always)]
    pub(super) fn of(&mut self, label: Label, first: impl FnOnce() -> T) -> &mut T {
        let at = match self.find(label) {
            Some(at) => at,
            None => self.add(label, first()),
        };
        &mut self.slots[at].kept
    }

    /// What is kept for a chain, if anything is.
    #[inline]
    pub(super) fn get(&self, label: Label) -> Option<T> {
        self.find(label).map(|at| self.slots[at].kept)
    }

    #[inline(always)]
    fn find(&self, label: Label) -> Option<usize> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = label.0 as usize & mask;
        while self.slots.get(at)?.is_taken {
            if self.slots[at].label == label {
                return Some(at);
            }
            at = (at + 1) & mask;
        }
        None
    }

    #[cold]
    fn add(&mut self, label: Label, kept: T) -> usize {
        if self.used * 4 >= self.slots.len() * 3 {
            let room = (self.slots.len() * 2).max(FIRST);
            let slots = std::mem::replace(&mut self.slots, vec![Slot::default(); room]);
            for slot in slots.into_iter().filter(|slot| slot.is_taken) {
                self.put(slot);
            }
        }
        self.used += 1;
        self.put(Slot { is_taken: true, label, kept })
    }

    /// Into the first place that is free.
    fn put(&mut self, slot: Slot<T>) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = slot.label.0 as usize & mask;
        while self.slots[at].is_taken {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn each_label_keeps_its_own_however_many_there_are_and_wherever_they_stand() {
        let (mut chains, mut known) = (Chains::new(), BTreeMap::new());
        for n in 0..5_000u64 {
            // Many of them want the same place.
            let label = Label((n * 7_919 % 613) << (n % 3 * 20));
            *chains.of(label, || 0u64) += n;
            *known.entry(label).or_insert(0) += n;
        }
        known.into_iter().for_each(|(label, sum)| assert_eq!(chains.get(label), Some(sum)));
        assert_eq!((chains.get(Label(u64::MAX)), Chains::<u64>::new().get(Label(1))), (None, None));
    }
}
