//! A surprise in words: what went another way than in the calm run.

use super::Dictionary;
use shakedown_core::host::Flown;
use shakedown_core::site::{Kind, Label, Site};
use shakedown_core::time::Instant;
use shakedown_core::vocab::Stimulus;
use shakedown_sim::choose::{Answer, Span};
use shakedown_sim::explore::crash_after;
use shakedown_sim::{LIMITS, Limit};

/// What is known of the run in which it happened.
pub(super) struct Told<'a> {
    pub(super) flight: &'a [Flown],
    pub(super) spans: &'a [Span],
    pub(super) dictionary: &'a Dictionary,
}

impl Told<'_> {
    /// A surprise, as the end of a sentence that begins with its number.
    pub(super) fn words(&self, surprise: &Answer) -> String {
        let Answer { site, answer } = *surprise;
        let who = self.dictionary.name(site.label);
        match site.kind {
            Kind::Poll | Kind::Mail | Kind::Tick | Kind::Step => self.order(site, who),
            Kind::Span => match self.span(site) {
                Some(span) if who == "outside" => {
                    let what = Stimulus::word_of(site.nth);
                    format!("the {what} comes after {:?} of {}", span.range.at(answer), range(span))
                }
                Some(span) => format!("{who} takes {:?} of {}", span.range.at(answer), range(span)),
                None => format!("{who} draws {answer}"),
            },
            Kind::Tie if who == "outside" => {
                format!("the {} comes together with another deadline", Stimulus::word_of(site.nth))
            }
            Kind::Tie => format!("what {who} does ends together with a deadline of its session"),
            Kind::Crash if self.killed_after(site).is_some() => {
                let after = self.killed_after(site).flatten();
                let after = after.map_or_else(|| "before its first step".to_owned(), |step| self.after(step));
                format!("the supervisor is killed {after}")
            }
            Kind::Fault | Kind::Crash => match self.dictionary.fault(site.label) {
                Some((fault, whom)) => format!("{fault} strikes {whom}"),
                None => format!("{who} has bad luck: its {} chance comes true", nth(site.nth)),
            },
            Kind::Buggify => format!("{who} does something rare: its {} buggify point", nth(site.nth)),
            Kind::Limit => limit(site.label).to_owned(),
            Kind::Lag => format!("a signal reaches {who} only after its next system call"),
            Kind::Arrival => format!("an answer to {who} overtakes {answer} that came before it"),
            Kind::Pick => format!("{who} takes alternative {answer} instead of the first"),
            Kind::Random => format!("{who} draws the number {answer}"),
            Kind::Clock => "a deadline comes although something could run".to_owned(),
        }
    }

    /// When it happened.
    pub(super) fn at(&self, site: Site) -> Option<Instant> {
        let step = || self.killed_after(site).flatten().or_else(|| self.step(site));
        self.span(site).map(|span| span.at).or_else(|| step().map(|at| self.flight[at].at))
    }

    /// Whether it is the end of the supervisor that is asked about here, and after which step.
    fn killed_after(&self, site: Site) -> Option<Option<usize>> {
        let step = self.flight.iter().position(|flown| crash_after(Some(flown.site)) == site);
        (step.is_some() || crash_after(None) == site).then_some(step)
    }

    /// Right after this step, in words.
    fn after(&self, step: usize) -> String {
        let Flown { site, who, .. } = &self.flight[step];
        let who = if who.is_empty() { "a task" } else { who };
        let what = match site.kind {
            Kind::Mail => "message",
            Kind::Tick => "deadline",
            Kind::Poll | Kind::Step | Kind::Lag | Kind::Span | Kind::Pick | Kind::Fault | Kind::Random => "step",
            Kind::Clock | Kind::Arrival | Kind::Tie | Kind::Crash | Kind::Limit | Kind::Buggify => "step",
        };
        format!("right after the {} {what} of {who}", nth(site.nth))
    }

    /// The step whose order was asked, or else the one in which a value was.
    pub(super) fn step(&self, site: Site) -> Option<usize> {
        self.flight.iter().position(|flown| flown.site == site)
    }

    fn span(&self, site: Site) -> Option<&Span> {
        self.spans.iter().find(|span| span.site == Site { kind: Kind::Span, ..site })
    }

    /// Who was late, and behind whom.
    fn order(&self, site: Site, who: &str) -> String {
        let what = match site.kind {
            Kind::Mail => "hears what it is told",
            Kind::Tick => "acts on its deadline",
            Kind::Step => "goes on",
            Kind::Poll | Kind::Lag | Kind::Span | Kind::Pick | Kind::Fault => "runs",
            Kind::Random | Kind::Clock | Kind::Arrival | Kind::Tie | Kind::Crash | Kind::Limit | Kind::Buggify => {
                "runs"
            }
        };
        let overtakers = self.overtakers(site);
        if overtakers.is_empty() {
            format!("{who} {what} late")
        } else {
            format!("{who} {what} only after {}", overtakers.join(", "))
        }
    }

    /// Who ran between the moment at which it could and the one at which it did.
    fn overtakers(&self, site: Site) -> Vec<String> {
        let Some(at) = self.step(site) else { return Vec::new() };
        let from = self.flight[at].since.map_or(0, |since| since as usize + 1);
        let same_instant = |flown: &&Flown| flown.at == self.flight[at].at;
        let mut names: Vec<String> = Vec::new();
        for flown in self.flight[from..at].iter().filter(same_instant).rev() {
            let name = self.dictionary.name(flown.site.label);
            if flown.site.label != site.label && !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        let more = names.len().saturating_sub(OVERTAKERS_MAX);
        names.truncate(OVERTAKERS_MAX);
        if more > 0 {
            names.push(format!("{more} more"));
        }
        names
    }
}

fn limit(label: Label) -> &'static str {
    let named = |(limit, _): &&Limit| Label::ROOT.child(limit, 0) == label;
    LIMITS.iter().find(named).map_or("a limit of the machine is tiny", |(limit, _)| limit)
}

/// So many are named.
const OVERTAKERS_MAX: usize = 3;

fn range(span: &Span) -> String {
    format!("{:?}..{:?}", span.range.min, span.range.max)
}

/// `first`, `second`, …
fn nth(n: u32) -> String {
    match n {
        0 => "first".into(),
        1 => "second".into(),
        2 => "third".into(),
        n => format!("{}th", n + 1),
    }
}
