//! A failing run and what is made of it: it is run again alone, shrunk to the surprises that it needs, and explained.
//! Every way to play (a scenario, a test of one's own) is a stage here, so that all failures are treated and told alike.

mod dictionary;
mod divergence;
mod explain;
mod file;
mod replay;
mod words;

pub use dictionary::Dictionary;
pub use divergence::{Divergence, Source, diverge};
pub use explain::Surprise;
pub use file::{Entry, FailureFile, FileError};
pub use replay::{Replayed, replay};

use shakedown_core::host::Flown;
use shakedown_core::oracle::Names;
use shakedown_core::time::Instant;
use shakedown_sim::choose::{Answer, Chooser, Record, Trace};
use shakedown_sim::shrink::{Played, shrink};
use shakedown_sim::{Moment, Run};
use std::sync::Arc;

/// What a run is blamed for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Finding {
    /// The oracle's name, `stuck`, `hang`, `livelock` or `panic`, or the expectation's own sentence.
    pub rule: Arc<str>,
    /// Whether the rule is an expectation of the file.
    pub expected: bool,
    /// Whom it is about.
    pub subject: String,
    /// When.
    pub at: Instant,
    /// In words.
    pub message: String,
}

impl Finding {
    /// The same failure: rule and subject; of an expectation also in which way it is not met, whatever the figures.
    pub fn is_same_as(&self, other: &Finding) -> bool {
        let same = self.rule == other.rule && self.subject == other.subject;
        same && (!self.expected || without_figures(&self.message).eq(without_figures(&other.message)))
    }
}

/// Whether two runs are blamed for the same, or neither for anything.
pub(crate) fn alike(one: Option<&Finding>, other: Option<&Finding>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.is_same_as(other),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn without_figures(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().filter(|c| !c.is_ascii_digit() && *c != '.')
}

/// Where a run can be played again, under any chooser.
pub trait Stage {
    /// Plays once: the run, and the first thing it is blamed for.
    fn play(&mut self, chooser: Record<Chooser>) -> (Run, Option<Finding>);

    /// Keeps every step of the runs to come.
    fn record_flight(&mut self);

    /// Looks at the choices of the last run.
    fn with_choices<R>(&mut self, look: impl FnOnce(&Record<Chooser>) -> R) -> R;

    /// What was told and what happened in the last run.
    fn moments(&mut self) -> Vec<Moment>;

    /// The steps of the last run, if they are kept.
    fn flight(&mut self) -> Vec<Flown>;

    /// The names of whom a choice may be about, beside those that took steps.
    fn dictionary(&self) -> Dictionary;

    /// The names of workers, for whoever tells of facts.
    fn with_names<R>(&self, tell: impl FnOnce(&dyn Names) -> R) -> R;
}

/// How large a run is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Size {
    /// Choices asked.
    pub decisions: u32,
    /// Choices of order that were not calm.
    pub of_order: u32,
    /// Choices of values that were not calm.
    pub of_values: u32,
}

impl Size {
    fn of(choices: &Record<Chooser>) -> Size {
        let (of_order, of_values) = choices.surprises();
        Size { decisions: choices.answers().len() as u32, of_order, of_values }
    }

    /// Choices that were not calm.
    pub fn surprises(&self) -> u32 {
        self.of_order + self.of_values
    }
}

/// What became of a failure that was looked into.
#[derive(Clone, Debug)]
pub struct Investigated {
    /// The digests of two runs, alone.
    pub digests: [u64; 2],
    /// Whether both showed the same failure by the same trace as the sweep. Otherwise the rest is about the first of them.
    pub same: bool,
    /// Where they part, if they do not show the same.
    pub parted: Option<Divergence>,
    /// The run as it was found.
    pub found: Size,
    /// The smallest run that fails alike.
    pub minimised: Option<Size>,
    /// The failure, as the told run shows it.
    pub finding: Finding,
    /// What was told and what happened in the told run: the smallest one, where there is one.
    pub moments: Vec<Moment>,
    /// Its surprises, in the order in which they come; only of a smallest run.
    pub surprises: Vec<Surprise>,
    /// The chain of causes.
    pub why: Option<String>,
    /// The decision that tips it.
    pub tipping_point: Option<String>,
}

/// How far an investigation goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Effort {
    /// Runs that a shrinker may play; none is no shrinking.
    pub shrink_runs: u32,
}

impl Default for Effort {
    /// Some thousand runs, a few dozen milliseconds.
    fn default() -> Self {
        Effort { shrink_runs: 4_000 }
    }
}

impl Effort {
    /// Only run again.
    pub const NONE: Effort = Effort { shrink_runs: 0 };
}

/// Looks into a failure that this chooser leads to. `make` makes a new place to play: each repetition is alone in a world of its own.
pub fn investigate<S: Stage>(
    make: impl Fn() -> S,
    chooser: &Chooser,
    finding: &Finding,
    effort: Effort,
) -> Investigated {
    let mut runs = [(); 2].map(|()| {
        let mut stage = make();
        let (run, found) = stage.play(Record::new(chooser.clone()));
        (stage, run, found)
    });
    let shows = |found: &Option<Finding>| found.as_ref().is_some_and(|f| f.is_same_as(finding));
    let same = runs[0].1 == runs[1].1 && shows(&runs[0].2) && shows(&runs[1].2);
    let digests = [runs[0].1.digest, runs[1].1.digest];
    let stage = &mut runs[0].0;
    let found = stage.with_choices(Size::of);
    let mut investigated = Investigated {
        digests,
        same,
        parted: if same { None } else { diverge(&make, chooser) },
        found,
        minimised: None,
        finding: finding.clone(),
        moments: stage.moments(),
        surprises: Vec::new(),
        why: None,
        tipping_point: None,
    };
    if same && effort.shrink_runs > 0 {
        let recorded = stage.with_choices(Record::answers);
        shrink_and_explain(stage, &recorded, effort, &mut investigated);
    }
    investigated
}

/// Where even the recorded choices do not lead to the failure again, the run stays as it was found.
fn shrink_and_explain<S: Stage>(stage: &mut S, recorded: &[Answer], effort: Effort, into: &mut Investigated) {
    let Some(smallest) = minimise(stage, recorded, effort, &into.finding) else { return };
    stage.record_flight();
    let (_, finding) = stage.play(run_of(&smallest));
    // Whoever watches a run must not change it.
    into.same &= finding.as_ref().is_some_and(|finding| finding.is_same_as(&into.finding));
    into.finding = finding.unwrap_or_else(|| into.finding.clone());
    into.minimised = Some(stage.with_choices(Size::of));
    into.moments = stage.moments();
    explain::explain(stage, &smallest, into);
}

/// The surprises of the smallest run that fails alike.
pub fn minimise<S: Stage>(
    stage: &mut S,
    recorded: &[Answer],
    effort: Effort,
    finding: &Finding,
) -> Option<Vec<Answer>> {
    let shrunk = shrink(recorded, effort.shrink_runs, |surprises| {
        let (_, found) = stage.play(run_of(surprises));
        let fails = found.is_some_and(|found| found.is_same_as(finding));
        Played { fails, answers: stage.with_choices(Record::answers) }
    });
    shrunk.map(|shrunk| shrunk.surprises)
}

/// Whether these surprises, all of them, lead to this failure here.
pub fn fails_alike<S: Stage>(stage: &mut S, surprises: &[Answer], finding: &Finding) -> bool {
    let (_, found) = stage.play(run_of(surprises));
    found.is_some_and(|found| found.is_same_as(finding)) && stage.with_choices(asked).len() == surprises.len()
}

/// The run of these surprises, all else calm.
fn run_of(surprises: &[Answer]) -> Record<Chooser> {
    Record::new(Chooser::Trace(Trace::new(surprises)))
}

/// Those surprises that a replay has asked for.
fn asked(choices: &Record<Chooser>) -> Vec<Answer> {
    choices.inner().as_trace().map_or_else(Vec::new, Trace::asked)
}
