//! Writes down what another chooser answers: done when a failure is run again, never in a sweep.
//!
//! Every record is one of ranks and values. What a chooser has picked is written down as the ranks that lead to the same order, as small
//! as they can be: so every run is replayed, shrunk and explained in one way, whatever strategy has found it.

use super::without_clock;
use shakedown_core::choose::{Ask, Choose, Crowd};
use shakedown_core::site::{Kind, Label, Site};
use shakedown_core::time::{Duration, DurationRange, Instant};

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
    spans: Vec<Span>,
    order: Order,
}

/// A duration that was drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// Where it was asked.
    pub site: Site,
    /// Between what.
    pub range: DurationRange,
    /// When it began.
    pub at: Instant,
}

impl<C> Record<C> {
    /// Records this chooser.
    pub fn new(inner: C) -> Record<C> {
        Record { inner, answers: Vec::new(), spans: Vec::new(), order: Order::default() }
    }

    /// The recorded chooser.
    pub fn inner(&self) -> &C {
        &self.inner
    }

    /// The durations that were drawn so far, in order.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// What was answered so far, in order.
    pub fn answers(&self) -> Vec<Answer> {
        let mut answers = self.answers.clone();
        // What is still waiting has been overtaken by all that ran.
        for waiting in &self.order.waiting {
            answers[waiting.answer].answer = self.order.key + 1 - waiting.from;
        }
        answers
    }

    /// Surprises of order and of values.
    pub fn surprises(&self) -> (u32, u32) {
        let answers = self.answers();
        let order = answers.iter().filter(|a| a.answer != 0 && a.is_order()).count() as u32;
        let values = answers.iter().filter(|a| a.answer != 0 && !a.is_order()).count() as u32;
        (order, values)
    }
}

/// The order that was picked, as the queue of a host would keep it: the least (key, arrival) runs, and a key is rank + the key of
/// whatever ran last before the arrival.
#[derive(Clone, Debug, Default)]
struct Order {
    waiting: Vec<Waiting>,
    /// The key of what ran last.
    key: u32,
    /// The latest arrival among those that ran with that key.
    latest: u32,
    arrivals: u32,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    site: Site,
    /// Where its answer stands in the record.
    answer: usize,
    arrival: u32,
    /// The key of what had run last when it arrived.
    from: u32,
}

impl Order {
    /// Whoever was left alone has run without being picked.
    fn miss(&mut self, enabled: &[Site], answers: &mut [Answer]) {
        let gone = self.waiting.iter().map(|waiting| waiting.site).find(|site| !enabled.contains(site));
        if let Some(site) = gone {
            self.run(site, answers);
        }
    }

    fn arrive(&mut self, enabled: &[Site], answers: &mut Vec<Answer>) {
        for site in enabled {
            if self.waiting.iter().any(|waiting| waiting.site == *site) {
                continue;
            }
            self.arrivals += 1;
            self.waiting.push(Waiting { site: *site, answer: answers.len(), arrival: self.arrivals, from: self.key });
            answers.push(Answer { site: *site, answer: 0 });
        }
    }

    /// Its key is the least with which it can run now: the last one's, or one more where somebody who came later has run before.
    fn run(&mut self, site: Site, answers: &mut [Answer]) {
        let Some(at) = self.waiting.iter().position(|waiting| waiting.site == site) else { return };
        let waiting = self.waiting.swap_remove(at);
        if waiting.arrival < self.latest {
            self.key += 1;
            self.latest = 0;
        }
        self.latest = self.latest.max(waiting.arrival);
        answers[waiting.answer].answer = self.key - waiting.from;
    }
}

impl<C: Choose> Choose for Record<C> {
    fn rank(&mut self, action: Site) -> u16 {
        let rank = self.inner.rank(action);
        self.answers.push(Answer { site: action, answer: u32::from(rank) });
        rank
    }

    fn rank_in_crowd(&mut self, action: Site, crowd: Crowd) -> u16 {
        let rank = self.inner.rank_in_crowd(action, crowd);
        self.answers.push(Answer { site: action, answer: u32::from(rank) });
        rank
    }

    fn draw(&mut self, site: Site, ask: Ask) -> u32 {
        let answer = self.inner.draw(site, ask);
        self.answers.push(Answer { site, answer });
        answer
    }

    fn span(&mut self, site: Site, range: DurationRange, now: Instant) -> Duration {
        self.spans.push(Span { site, range, at: now });
        range.at(self.draw(site, Ask::Span { steps: range.steps() }))
    }

    fn picks(&self) -> bool {
        self.inner.picks()
    }

    fn may_be_late(&self) -> bool {
        self.inner.may_be_late()
    }

    fn pick(&mut self, enabled: &[Site]) -> usize {
        let chosen = self.inner.pick(enabled);
        let actions = without_clock(enabled);
        self.order.miss(actions, &mut self.answers);
        // What is alone is no choice.
        if actions.len() > 1 {
            self.order.arrive(actions, &mut self.answers);
        }
        self.order.run(enabled[chosen], &mut self.answers);
        chosen
    }

    fn touched(&mut self, label: Label) {
        self.inner.touched(label);
    }
}
