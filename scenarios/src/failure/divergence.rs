//! Two runs of one seed that are not the same: where they part, and what that speaks for. Nothing but the seed may decide a run, so
//! something inside it asks the real machine.

use super::{Finding, Stage, alike};
use shakedown_core::host::Flown;
use shakedown_core::time::Instant;
use shakedown_sim::choose::{Chooser, Record};
use std::fmt;

/// Where two runs of the same choices part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Divergence {
    /// The first step that differs, counted from 1.
    pub step: usize,
    /// That step in either run; `None` where it is over by then.
    pub took: [Option<Flown>; 2],
    /// The last step before it, which both took.
    pub before: Option<Flown>,
    /// What the difference speaks for.
    pub source: Source,
    /// What either run is blamed for.
    pub blamed: [Option<Finding>; 2],
}

/// What may have decided instead of the seed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// The same thing happens at another time.
    Duration,
    /// Others are enabled, in the same instant.
    Order,
    /// One run goes on where the other is over, or does something else.
    Decision,
    /// All steps are the same, and they are judged in two ways.
    Verdict,
}

impl Source {
    const fn words(self) -> &'static str {
        match self {
            Source::Duration => {
                "the same step comes at another time: a duration is made from a real clock (Instant::now, SystemTime::now), from a \
                 generator of the process (RandomState, rand), from what a real process or thread says (Command, thread::spawn), or from a \
                 static that outlives the run"
            }
            Source::Order => {
                "in the same instant others are next: the order of a hash map or a hash set (use BTreeMap), a real thread, or a static \
                 that outlives the run"
            }
            Source::Decision => {
                "one run does what the other does not: it asks a real clock, a generator of the process, a real process, a thread, the \
                 order of a hash map, or a static that outlives the run"
            }
            Source::Verdict => {
                "all steps are the same, and what judges them is not: an oracle of the program's own asks a real clock, a generator of the \
                 process (RandomState, rand), the order of a hash map, or a static that outlives the run"
            }
        }
    }
}

/// Plays these choices again and again, and looks where a run parts from the first. `None` if none of them did.
pub fn diverge<S: Stage>(stage: impl Fn() -> S, chooser: &Chooser) -> Option<Divergence> {
    let fly = || {
        let mut stage = stage();
        stage.record_flight();
        let (run, blamed) = stage.play(Record::new(chooser.clone()));
        Flight { steps: stage.flight(), end: run.end, blamed }
    };
    let first = fly();
    (0..TRIES).find_map(|_| first_difference(&first, &fly()))
}

/// One run.
struct Flight {
    steps: Vec<Flown>,
    end: Instant,
    blamed: Option<Finding>,
}

/// What differs now and then differs in one of so many runs.
const TRIES: u32 = 32;

fn first_difference(first: &Flight, second: &Flight) -> Option<Divergence> {
    let same = |(a, b): (&Flown, &Flown)| (a.at, a.site, &a.who) == (b.at, b.site, &b.who);
    let at = first.steps.iter().zip(&second.steps).take_while(|(a, b)| same((a, b))).count();
    let took = [first.steps.get(at).cloned(), second.steps.get(at).cloned()];
    let source = match &took {
        [None, None] if first.end == second.end => return two_verdicts(first, second),
        [None, None] => Source::Duration,
        [Some(a), Some(b)] if a.site == b.site => Source::Duration,
        [Some(a), Some(b)] if a.at == b.at => Source::Order,
        [Some(_), Some(_)] | [Some(_), None] | [None, Some(_)] => Source::Decision,
    };
    let before = at.checked_sub(1).and_then(|before| first.steps.get(before)).cloned();
    let blamed = [first.blamed.clone(), second.blamed.clone()];
    Some(Divergence { step: at + 1, took, before, source, blamed })
}

/// The first step that is judged in two ways, where one is.
fn two_verdicts(first: &Flight, second: &Flight) -> Option<Divergence> {
    if alike(first.blamed.as_ref(), second.blamed.as_ref()) {
        return None;
    }
    let blamed = [first.blamed.clone(), second.blamed.clone()];
    let judged = blamed.iter().flatten().map(|finding| finding.at).min()?;
    // Whoever judges tells the instant alone: it began with this step.
    let at = first.steps.iter().take_while(|step| step.at < judged).count();
    let at = at.min(first.steps.len().saturating_sub(1));
    let step = first.steps.get(at).cloned();
    let before = at.checked_sub(1).and_then(|before| first.steps.get(before)).cloned();
    Some(Divergence { step: at + 1, took: [step.clone(), step], before, source: Source::Verdict, blamed })
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |step: &Option<Flown>| match step {
            Some(flown) => format!("`{}` at {}", who(flown), flown.at),
            None => "nothing more".to_owned(),
        };
        let [first, second] = &self.took;
        if self.source == Source::Verdict {
            let blame = |finding: &Option<Finding>| match finding {
                Some(finding) => format!("breaks {} ({})", finding.rule, finding.message),
                None => "is nothing to object to".to_owned(),
            };
            let [one, other] = self.blamed.each_ref().map(blame);
            write!(f, "step {}, {}, {one} in one run and {other} in the other", self.step, words(first))?;
        } else {
            write!(f, "step {} is {} in one run and {} in the other", self.step, words(first), words(second))?;
        }
        if let Some(before) = &self.before {
            write!(f, ", after both have run `{}` at {}", who(before), before.at)?;
        }
        write!(f, "; {}", self.source.words())
    }
}

fn who(flown: &Flown) -> &str {
    if flown.who.is_empty() { "a task" } else { &flown.who }
}
