//! Why a smallest run fails: each of its surprises in words, the one that tips it, how far from passing it is, and what led to what.
//! Everything said here was tried: a value "passes" because a run with it was played and passed.

use super::words::Told;
use super::{Finding, Investigated, Stage, run_of};
use crate::report::{Story, said};
use shakedown_core::host::Flown;
use shakedown_core::oracle::Names;
use shakedown_core::site::Kind;
use shakedown_core::time::Instant;
use shakedown_sim::choose::{Answer, Span};

/// One surprise of a smallest run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Surprise {
    /// Where and what.
    pub answer: Answer,
    /// When, where that is known.
    pub at: Option<Instant>,
    /// In words.
    pub words: String,
}

pub(super) fn explain<S: Stage>(stage: &mut S, smallest: &[Answer], into: &mut Investigated) {
    let flight = stage.flight();
    let mut dictionary = stage.dictionary();
    dictionary.add_flight(&flight);
    let (answers, spans) = stage.with_choices(|choices| (choices.answers(), choices.spans().to_vec()));
    let told = Told { flight: &flight, spans: &spans, dictionary: &dictionary };
    // In the order in which the run came to them.
    let decided = |answer: &Answer| answers.iter().position(|other| other.site == answer.site);
    let mut surprises: Vec<(Option<usize>, Answer)> =
        smallest.iter().map(|answer| (decided(answer), *answer)).collect();
    surprises.sort_by_key(|(decision, _)| *decision);
    into.surprises = surprises
        .iter()
        .map(|(_, answer)| Surprise { answer: *answer, at: told.at(answer.site), words: told.words(answer) })
        .collect();
    into.why = stage.with_names(|names| chain(&flight, into, names));
    if let Some((decision, last)) = surprises.last() {
        let words = told.words(last);
        let passes = nearest_pass(stage, smallest, last, &spans, &into.finding);
        let decision = decision.map_or(0, |at| at + 1);
        into.tipping_point = Some(format!("decision {decision}: {words}; {passes}"));
    }
}

/// What instead of this surprise lets the run pass, as near to it as was found.
fn nearest_pass<S: Stage>(
    stage: &mut S,
    smallest: &[Answer],
    last: &Answer,
    spans: &[Span],
    finding: &Finding,
) -> String {
    let mut outcome = |value: u32| {
        let mut with: Vec<Answer> = smallest.to_vec();
        with.iter_mut().filter(|answer| answer.site == last.site).for_each(|answer| answer.answer = value);
        let (_, found) = stage.play(run_of(&with));
        match found {
            None => Flip::Passes,
            Some(found) if found.is_same_as(finding) => Flip::Fails,
            Some(found) => Flip::FailsOtherwise(found.rule.to_string()),
        }
    };
    let calm = outcome(0);
    let span = spans.iter().find(|span| span.site == last.site);
    match (calm, span) {
        (Flip::Passes, Some(span)) => {
            let below = border(&mut outcome, 0, last.answer);
            let most = span.range.steps();
            let above = (outcome(most) == Flip::Passes).then(|| border(&mut outcome, most, last.answer));
            let near = above.filter(|above| above - last.answer < last.answer - below).unwrap_or(below);
            format!("{:?} passes", span.range.at(near))
        }
        (Flip::Passes, None) => calm_words(last.site.kind).into(),
        (Flip::Fails, _) => "even the calm answer fails".into(),
        (Flip::FailsOtherwise(rule), _) => format!("calm, {rule} fails instead"),
    }
}

/// That the run passes where this choice is calm.
const fn calm_words(kind: Kind) -> &'static str {
    match kind {
        Kind::Poll | Kind::Mail | Kind::Tick | Kind::Step | Kind::Arrival => "in its turn it passes",
        Kind::Fault | Kind::Crash | Kind::Buggify | Kind::Lag => "without it the run passes",
        Kind::Tie => "where they do not meet it passes",
        Kind::Limit => "with the usual limit it passes",
        Kind::Span | Kind::Pick | Kind::Random | Kind::Clock => "with the calm answer it passes",
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Flip {
    Passes,
    Fails,
    FailsOtherwise(String),
}

/// The passing value next to a failing one that halving finds between them.
fn border(outcome: &mut impl FnMut(u32) -> Flip, mut passes: u32, mut fails: u32) -> u32 {
    while passes.abs_diff(fails) > 1 {
        let middle = passes.min(fails) + passes.abs_diff(fails) / 2;
        if outcome(middle) == Flip::Passes { passes = middle } else { fails = middle }
    }
    passes
}

/// What led to the failure, from one step to the next that it has enabled: told in the words of the timeline.
fn chain(flight: &[Flown], into: &Investigated, names: &dyn Names) -> Option<String> {
    let told_in = |step: usize| {
        let from = flight[step].told;
        let to = flight.get(step + 1).map_or(into.moments.len(), |next| next.told);
        from..to.max(from)
    };
    let story = Story { moments: &into.moments, names, failure: None };
    let (about, judged) = (format!("{} ", into.finding.subject), into.finding.at);
    let tells = |step: &usize| {
        told_in(*step).filter_map(|moment| said(&story, into.moments.get(moment)?)).any(|said| said.starts_with(&about))
    };
    // The last step that was taken before it was judged; an expectation is judged at the end, and is about what was last told of its subject.
    let before = || (0..flight.len()).rev().skip_while(|step| flight[*step].at > judged);
    let mut at = before().find(|step| into.finding.expected && tells(step)).or_else(|| before().next())?;
    let mut steps = vec![at];
    while let Some(cause) = flight[at].cause.map(|cause| cause as usize).filter(|cause| *cause < at) {
        steps.push(cause);
        at = cause;
    }
    steps.reverse();
    let mut links: Vec<String> =
        steps.into_iter().flat_map(told_in).filter_map(|moment| said(&story, into.moments.get(moment)?)).collect();
    if into.finding.expected
        && let Some(last) = links.iter().rposition(|said| said.starts_with(&about))
    {
        // What the last step did to others comes too late to be a cause.
        links.truncate(last + 1);
    }
    let first = links.len().saturating_sub(LINKS_MAX);
    (links.len() > 1).then(|| links[first..].join(" → "))
}

/// The last so many links tell enough.
const LINKS_MAX: usize = 8;
