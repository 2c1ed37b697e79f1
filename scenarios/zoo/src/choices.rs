//! What answers the questions of a case's runs: a strategy, one that is written down, so that its failure can be shrunk, or all in turn.

use shakedown_core::choose::{Ask, Choose};
use shakedown_core::site::{Label, Site};
use shakedown_core::time::{Duration, DurationRange, Instant};
use shakedown_sim::choose::{Bytes, Chooser, Record};
use shakedown_sim::explore::Tree;

/// A chooser, recorded or not. A hunt plays thousands of runs and looks into few of them.
#[derive(Clone)]
pub enum Choices {
    /// As it is.
    Free(Chooser),
    /// Written down.
    Recorded(Box<Record<Chooser>>),
    /// One after the other, all that are within bounds.
    Explored(Tree),
    /// Out of bytes, as a fuzzer gives them.
    Given(Bytes),
}

macro_rules! each {
    ($self:expr, $chooser:ident => $body:expr) => {
        match $self {
            Choices::Free($chooser) => $body,
            Choices::Recorded($chooser) => $body,
            Choices::Explored($chooser) => $body,
            Choices::Given($chooser) => $body,
        }
    };
}

impl Choose for Choices {
    fn rank(&mut self, action: Site) -> u16 {
        each!(self, chooser => chooser.rank(action))
    }

    fn draw(&mut self, site: Site, ask: Ask) -> u32 {
        each!(self, chooser => chooser.draw(site, ask))
    }

    fn span(&mut self, site: Site, range: DurationRange, now: Instant) -> Duration {
        each!(self, chooser => chooser.span(site, range, now))
    }

    fn picks(&self) -> bool {
        each!(self, chooser => chooser.picks())
    }

    fn may_be_late(&self) -> bool {
        each!(self, chooser => chooser.may_be_late())
    }

    fn pick(&mut self, enabled: &[Site]) -> usize {
        each!(self, chooser => chooser.pick(enabled))
    }

    fn touched(&mut self, label: Label) {
        each!(self, chooser => chooser.touched(label));
    }
}
