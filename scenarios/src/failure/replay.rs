//! A recorded failure, played again by its sites.

use super::{Effort, FailureFile, Finding, Investigated, Stage, investigate};
use shakedown_sim::choose::{Chooser, Record, Trace};
use std::fmt::Display;

/// What became of a recorded failure.
#[derive(Debug)]
pub struct Replayed {
    /// What was looked into, where it still fails as it did.
    pub still: Option<Investigated>,
    /// What the run is blamed for instead, if for anything.
    pub other: Option<Finding>,
    /// Its surprises, in words, that nobody asks for any more: the program has changed since.
    pub stale: Vec<String>,
    /// How many surprises it has.
    pub surprises: usize,
}

impl Replayed {
    /// That it does not fit any more, in words, where it does not; `name` is what it is kept as.
    pub fn told_stale(&self, name: &dyn Display) -> Option<String> {
        let Replayed { stale, surprises, .. } = self;
        let noun = if *surprises == 1 { "surprise" } else { "surprises" };
        let (count, all) = (stale.len(), stale.join("; "));
        let told = || {
            format!(
                "stale: {name}: {count} of {surprises} {noun} no longer come up, the program has changed since: {all}"
            )
        };
        (count > 0).then(told)
    }
}

/// Plays a recorded failure.
pub fn replay<S: Stage>(stage: impl Fn() -> S, file: &FailureFile, effort: Effort) -> Replayed {
    // What is read was checked.
    let answers = file.answers().unwrap_or_default();
    let chooser = Chooser::Trace(Trace::new(&answers));
    let mut first = stage();
    let (_, found) = first.play(Record::new(chooser.clone()));
    let unasked = first.with_choices(|choices| choices.inner().as_trace().map_or_else(Vec::new, Trace::unasked));
    let is_stale = |site| unasked.iter().any(|answer| answer.site == site);
    let words = file.surprises.iter().zip(&answers).filter(|(_, answer)| is_stale(answer.site));
    let stale = words.map(|(entry, _)| entry.words.clone()).collect();
    let finding = file.finding();
    let (still, other) = match found {
        Some(found) if found.is_same_as(&finding) => (Some(investigate(stage, &chooser, &found, effort)), None),
        other => (None, other),
    };
    Replayed { still, other, stale, surprises: answers.len() }
}
