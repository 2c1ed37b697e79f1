//! Replays recorded choices by their sites. What the record does not know is answered calmly, never with fresh randomness.

use super::Answer;
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::site::Site;
use std::collections::BTreeMap;

/// A recorded stream of choices.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    answers: BTreeMap<Site, u32>,
    missing: u32,
}

impl Trace {
    /// The trace of these answers. Of two for the same site the last counts.
    pub fn new(answers: &[Answer]) -> Trace {
        Trace { answers: answers.iter().map(|a| (a.site, a.answer)).collect(), missing: 0 }
    }

    /// How many questions the record had no answer for: more than none means that the program has changed.
    pub fn missing(&self) -> u32 {
        self.missing
    }

    fn answer(&mut self, site: Site) -> u32 {
        match self.answers.get(&site) {
            Some(answer) => *answer,
            None => {
                self.missing += 1;
                0
            }
        }
    }
}

impl Choose for Trace {
    fn rank(&mut self, action: Site) -> u16 {
        u16::try_from(self.answer(action)).unwrap_or(u16::MAX)
    }

    fn draw(&mut self, site: Site, ask: Ask) -> u32 {
        self.answer(site).min(ask.max())
    }
}
