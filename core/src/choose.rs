//! The only source of nondeterminism. Every answer 0 is the calm one: first in first out, shortest, no fault.

use crate::site::{Label, Site};
use crate::time::{Duration, DurationRange, Instant};

/// The shape of a question about data.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ask {
    /// One of `of` alternatives: 0..of.
    Pick {
        /// How many there are; at least 2 when asked.
        of: u32,
    },
    /// No (0) or yes (1), yes with this probability in a million.
    Chance {
        /// From 0 to 1 000 000.
        per_million: u32,
    },
    /// A place on a range: 0..=steps.
    Span {
        /// At most 1 024.
        steps: u32,
    },
}

impl Ask {
    /// The greatest answer.
    pub const fn max(self) -> u32 {
        match self {
            Ask::Pick { of } => of.saturating_sub(1),
            Ask::Chance { .. } => 1,
            Ask::Span { steps } => steps,
        }
    }
}

/// Where an action stands that has to compete with hundreds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Crowd {
    /// How many wait already.
    pub waiting: u32,
    /// How many the same step has enabled before it: one that stops ten thousand workers enables as many.
    pub nth: u32,
}

/// Answers every question that a run leaves open. Implementations are the strategies of exploration.
pub trait Choose {
    /// The rank of an action, 0 (first come, first served) to 65 535 (last). Asked when an action first has to compete.
    fn rank(&mut self, action: Site) -> u16;

    /// As [`rank`](Self::rank), and asked in its place where hundreds wait.
    fn rank_in_crowd(&mut self, action: Site, crowd: Crowd) -> u16 {
        let _ = crowd;
        self.rank(action)
    }

    /// An answer to `ask`, from 0 to [`Ask::max`]. Asked only where there is more than one answer.
    fn draw(&mut self, site: Site, ask: Ask) -> u32;

    /// A duration of `range`, which begins `now`. Asked only where there is more than one.
    fn span(&mut self, site: Site, range: DurationRange, now: Instant) -> Duration {
        let _ = now;
        range.at(self.draw(site, Ask::Span { steps: range.steps() }))
    }

    /// Whether it decides itself what runs next, by [`pick`](Self::pick), instead of by ranks. The same throughout a run. A clock that
    /// runs by itself cannot be picked: on such a world ranks decide.
    fn picks(&self) -> bool {
        false
    }

    /// Whether it may let a deadline come although something is enabled, so that everything may be late, by as much as it likes. One that
    /// never does is not offered it.
    fn may_be_late(&self) -> bool {
        true
    }

    /// Which of these runs next, by its index; 0, first come first served, is calm. Asked only where there are two or more. Where a
    /// deadline [may come](Self::may_be_late) although something is enabled, it is the last of them, of
    /// [`Kind::Clock`](crate::site::Kind::Clock).
    fn pick(&mut self, enabled: &[Site]) -> usize {
        let _ = enabled;
        0
    }

    /// The action that was picked last has to do with whom this label names: it woke them, told them something, signalled them. Told only
    /// to a chooser that picks.
    fn touched(&mut self, label: Label) {
        let _ = label;
    }
}

/// The calm run: every answer is 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calm;

impl Choose for Calm {
    fn rank(&mut self, _: Site) -> u16 {
        0
    }

    fn draw(&mut self, _: Site, _: Ask) -> u32 {
        0
    }
}

impl<C: Choose + ?Sized> Choose for &mut C {
    fn rank(&mut self, action: Site) -> u16 {
        (**self).rank(action)
    }

    fn rank_in_crowd(&mut self, action: Site, crowd: Crowd) -> u16 {
        (**self).rank_in_crowd(action, crowd)
    }

    fn draw(&mut self, site: Site, ask: Ask) -> u32 {
        (**self).draw(site, ask)
    }

    fn picks(&self) -> bool {
        (**self).picks()
    }

    fn may_be_late(&self) -> bool {
        (**self).may_be_late()
    }

    fn pick(&mut self, enabled: &[Site]) -> usize {
        (**self).pick(enabled)
    }

    fn span(&mut self, site: Site, range: DurationRange, now: Instant) -> Duration {
        (**self).span(site, range, now)
    }

    fn touched(&mut self, label: Label) {
        (**self).touched(label);
    }
}
