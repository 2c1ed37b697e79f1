//! Writes down what another chooser answers: done when a failure is run again, never in a sweep.

use shakedown_core::choose::{Ask, Choose};
use shakedown_core::site::{Kind, Site};

/// One recorded choice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer {
    /// Where it was asked.
    pub site: Site,
    /// What was answered; 0 is calm, anything else a surprise.
    pub answer: u32,
}

impl Answer {
    /// Whether the choice was about order, not about data.
    pub const fn is_order(&self) -> bool {
        matches!(self.site.kind, Kind::Poll | Kind::Mail | Kind::Tick | Kind::Step)
    }
}

/// A chooser that records another.
#[derive(Clone, Debug)]
pub struct Record<C> {
    inner: C,
    answers: Vec<Answer>,
}

impl<C> Record<C> {
    /// Records this chooser.
    pub fn new(inner: C) -> Record<C> {
        Record { inner, answers: Vec::new() }
    }

    /// What was answered so far, in order.
    pub fn answers(&self) -> &[Answer] {
        &self.answers
    }

    /// Surprises of order and of values.
    pub fn surprises(&self) -> (u32, u32) {
        let order = self.answers.iter().filter(|a| a.answer != 0 && a.is_order()).count() as u32;
        let values = self.answers.iter().filter(|a| a.answer != 0 && !a.is_order()).count() as u32;
        (order, values)
    }
}

impl<C: Choose> Choose for Record<C> {
    fn rank(&mut self, action: Site) -> u16 {
        let rank = self.inner.rank(action);
        self.answers.push(Answer { site: action, answer: u32::from(rank) });
        rank
    }

    fn draw(&mut self, site: Site, ask: Ask) -> u32 {
        let answer = self.inner.draw(site, ask);
        self.answers.push(Answer { site, answer });
        answer
    }
}
