//! The way to one leaf of the tree of choices, and the way from there to the next: depth first, by re-execution from the start.

use shakedown_core::choose::{Ask, Choose};
use shakedown_core::site::{Kind, Label, Site};
use shakedown_core::time::{Duration, DurationRange, Instant};
use std::sync::Arc;

/// When the next deadline may come although something is enabled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lateness {
    /// Any time: every step and timer may be late by any span, as on a real machine, where a duration means "at least".
    Unbounded,
    /// Never: all is done at the instant at which it can be, as in a sweep.
    None,
}

/// Whose drawn durations are tried out, beside the shortest: where everything may be late, a duration matters only to a machine that
/// compares it with others of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Spans {
    /// Nobody's.
    Shortest,
    /// Those of this machine, which does something else at each of these instants: they end before and after each of them, and of the
    /// spans that it has drawn earlier, in every order.
    Beside(Label, Arc<[Instant]>),
    /// All, so many of each.
    All(u32),
}

/// Where a run may go one way or another, and which of them have been tried.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Fork {
    /// Alternatives there are.
    of: u32,
    /// The one that is taken now; those before it are done.
    taken: u32,
    /// In which order they are tried; empty where that is their own.
    order: Vec<u32>,
    /// Deviations before this fork.
    deviations: u32,
    /// What an alternative stands for: with questions about spans, so many answers lie between two alternatives.
    stride: u32,
}

/// A chooser that follows a path and goes on calmly, leaving a fork wherever there was another way.
#[derive(Clone, Debug)]
pub struct Path {
    forks: Vec<Fork>,
    /// How many of them this run has passed.
    at: usize,
    /// How often this run has not gone the way that is tried first.
    deviations: u32,
    /// How often a run may; [`NO_LIMIT`] is any number.
    limit: u32,
    /// In which order the alternatives of the next pick are tried.
    order: Vec<u32>,
    lateness: Lateness,
    spans: Spans,
    /// When the spans end that this run has drawn beside others.
    ends: Vec<Instant>,
    /// Who was picked last.
    stepped: Option<Site>,
}

impl Path {
    pub(super) fn new(lateness: Lateness, spans: Spans) -> Path {
        Path {
            forks: Vec::new(),
            at: 0,
            deviations: 0,
            limit: NO_LIMIT,
            order: Vec::new(),
            lateness,
            spans,
            ends: Vec::new(),
            stepped: None,
        }
    }

    /// Starts anew with the first path, and runs may deviate so often.
    pub(super) fn restart(&mut self, limit: u32) {
        self.forks.clear();
        self.limit = limit;
    }

    /// How often this run may still deviate.
    pub(super) fn left(&self) -> u32 {
        if self.limit == NO_LIMIT { NO_LIMIT } else { self.limit - self.deviations }
    }

    /// The alternatives of the next pick are tried in this order.
    pub(super) fn try_in_order(&mut self, order: impl IntoIterator<Item = u32>) {
        self.order.clear();
        self.order.extend(order);
    }

    /// Who was picked since this was last asked.
    pub(super) fn take_stepped(&mut self) -> Option<Site> {
        self.stepped.take()
    }

    /// Back to the start of the same path.
    pub(super) fn rewind(&mut self) {
        self.at = 0;
        self.deviations = 0;
        self.ends.clear();
    }

    /// Whether the run goes where none has been: all earlier choices are made.
    pub(super) fn is_at_frontier(&self) -> bool {
        self.at == self.forks.len()
    }

    /// Turns to the next way that was not tried; false where there is none.
    pub(super) fn turn(&mut self) -> bool {
        // Forks that this run has not reached again are none: it was cut before.
        self.forks.truncate(self.at);
        while let Some(fork) = self.forks.last_mut() {
            if fork.taken + 1 < fork.of && fork.deviations < self.limit {
                fork.taken += 1;
                return true;
            }
            self.forks.pop();
        }
        false
    }

    fn spread(&mut self, steps: u32, tries: u32) -> u32 {
        match tries.min(steps + 1) {
            0 | 1 => 0,
            tries => self.take(tries, steps / (tries - 1)),
        }
    }

    fn take(&mut self, of: u32, stride: u32) -> u32 {
        self.pass(of, stride, Vec::new())
    }

    fn pass(&mut self, of: u32, stride: u32, order: Vec<u32>) -> u32 {
        if self.at == self.forks.len() {
            self.forks.push(Fork { of, taken: 0, order, deviations: self.deviations, stride });
        }
        let fork = &self.forks[self.at];
        debug_assert_eq!((fork.of, fork.stride), (of, stride), "a run that is repeated comes to the same forks");
        self.at += 1;
        self.deviations += u32::from(fork.taken > 0);
        fork.order.get(fork.taken as usize).copied().unwrap_or(fork.taken) * fork.stride
    }
}

/// Where a span may end among these instants: as soon as it can, and once between each two of them that follow, as late as it can there,
/// so that spans which are drawn later find room before it and after.
fn beside(soonest: Instant, latest: Instant, mut others: Vec<Instant>) -> Vec<Instant> {
    others.retain(|other| *other > soonest);
    others.sort_unstable();
    others.dedup();
    let mut ends = vec![soonest];
    let mut from = soonest;
    for other in others {
        let room = Duration::from_micros(1).min(other.since(from) / 2);
        ends.push(other.before(room));
        from = other;
    }
    ends.push(from.after(Duration::from_millis(1)));
    ends.dedup();
    ends.retain(|end| *end <= latest);
    ends
}

/// Runs may deviate as often as they like.
pub(super) const NO_LIMIT: u32 = u32::MAX;

impl Choose for Path {
    fn rank(&mut self, _: Site) -> u16 {
        0
    }

    fn draw(&mut self, site: Site, ask: Ask) -> u32 {
        match ask {
            // Where everything may be late, whatever can end together does so in some run.
            Ask::Pick { .. } if matches!(site.kind, Kind::Tie | Kind::Limit) => 0,
            Ask::Pick { of } => self.take(of, 1),
            Ask::Chance { per_million: 0 } => 0,
            Ask::Chance { per_million: 1_000_000 } => 1,
            Ask::Chance { .. } => self.take(2, 1),
            Ask::Span { steps } => match self.spans {
                Spans::All(tries) => self.spread(steps, tries),
                Spans::Beside(..) | Spans::Shortest => 0,
            },
        }
    }

    fn span(&mut self, site: Site, range: DurationRange, now: Instant) -> Duration {
        let others = match &self.spans {
            Spans::Beside(label, others) if *label == site.label => others.clone(),
            _ => return range.at(self.draw(site, Ask::Span { steps: range.steps() })),
        };
        let (soonest, latest) = (now.after(range.min), now.after(range.max));
        let ends = beside(soonest, latest, others.iter().chain(&self.ends).copied().collect());
        let end = match ends.len() {
            1 => soonest,
            of => ends[self.take(of as u32, 1) as usize],
        };
        self.ends.push(end);
        end.since(now)
    }

    fn picks(&self) -> bool {
        true
    }

    fn pick(&mut self, enabled: &[Site]) -> usize {
        let has_clock = enabled.last().is_some_and(|site| site.kind == Kind::Clock);
        let of = match self.lateness {
            Lateness::None if has_clock => enabled.len() - 1,
            Lateness::None | Lateness::Unbounded => enabled.len(),
        };
        let mut order = std::mem::take(&mut self.order);
        order.retain(|at| *at < of as u32);
        let at = if of == 1 { 0 } else { self.pass(of as u32, 1, order) as usize };
        self.stepped = enabled.get(at).copied();
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Instant {
        Instant::ZERO.after(Duration::from_micros(micros))
    }

    #[test]
    fn a_span_ends_before_and_after_each_of_the_others_but_not_after_its_latest() {
        for (soonest, latest, others, ends) in [
            (700, u64::MAX / 1000, vec![], vec![at(700), at(1700)]),
            (700, u64::MAX / 1000, vec![at(700), at(500)], vec![at(700), at(1700)]),
            (700, u64::MAX / 1000, vec![at(1000), at(900), at(1000)], vec![at(700), at(899), at(999), at(2000)]),
            (700, 950, vec![at(1000), at(900)], vec![at(700), at(899)]),
            (10, 10, vec![at(20)], vec![at(10)]),
        ] {
            assert_eq!(beside(at(soonest), at(latest), others.clone()), ends, "{others:?}");
        }
    }

    /// All orders of a fixed instant and two spans that are drawn one after the other.
    #[test]
    fn spans_that_are_drawn_beside_others_end_in_every_order() {
        let (label, fixed) = (Label::ROOT, at(300));
        let range = DurationRange { min: Duration::from_micros(200), ..DurationRange::up_to(Duration::from_secs(1)) };
        let mut path = Path::new(Lateness::Unbounded, Spans::Beside(label, Arc::new([fixed])));
        let mut orders = std::collections::BTreeSet::new();
        loop {
            let mut ends: Vec<(Instant, char)> = vec![(fixed, 'f')];
            for (nth, name) in ['a', 'b'].into_iter().enumerate() {
                let site = Site { kind: Kind::Span, label, nth: nth as u32 };
                ends.push((Instant::ZERO.after(path.span(site, range, Instant::ZERO)), name));
            }
            ends.sort();
            orders.insert(ends.into_iter().map(|(_, name)| name).collect::<String>());
            if !path.turn() {
                break;
            }
            path.rewind();
        }
        assert_eq!(orders.into_iter().collect::<Vec<_>>(), ["abf", "afb", "baf", "bfa", "fab", "fba"]);
    }
}
