//! Whether a simulated run fits a real outcome: so far, as something that can still become it, and at its end.
//! The rules for what a real run does not show stand in [`outcome`](super::outcome).

use super::ahead::Lacks;
use super::order::{Order, Sofar};
use super::outcome::{ANYBODY, Account, Change, Life, Outcome, Told, Word, is_real_program};
use crate::format::Case;
use shakedown_core::digest::Digest;
use shakedown_core::host::Step;
use shakedown_core::site::{Label, Site};
use shakedown_core::vocab::{ExitStatus, Fact, Stream};
use shakedown_sim::Moment;
use shakedown_sim::kernel::{Coming, Kernel};
use shakedown_sim::search::Goal;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A search for a run that comes to this outcome.
pub(super) struct Fit<'a> {
    case: &'a Case,
    real: &'a Outcome,
    account: Account,
    /// How much of each output has been held against the real one.
    checked: BTreeMap<(String, Stream), usize>,
    /// In which order it all came for real.
    order: Order,
    /// How far the simulated run has come in it.
    sofar: Sofar,
    progress: u64,
    lacks: Lacks,
}

impl<'a> Fit<'a> {
    pub(super) fn new(case: &'a Case, real: &'a Outcome, order: Order) -> Fit<'a> {
        let (account, checked, sofar) = (Account::default(), BTreeMap::new(), Sofar::default());
        Fit { case, real, account, checked, order, sofar, progress: 0, lacks: Lacks::new(case, real) }
    }

    fn fits(&self, change: &Change) -> bool {
        let told = |subject| self.real.told.get(subject).zip(self.account.told.get(subject));
        match change {
            Change::Nothing => true,
            Change::Fact(subject) => told(subject).is_some_and(|(real, sim)| {
                let at = sim.facts.len() - 1;
                real.facts.get(at).is_some_and(|real| word_fits(&sim.facts[at], real))
            }),
            Change::Output(subject, stream, from) => told(subject).is_some_and(|(real, sim)| {
                let (real, sim) = (&real.outputs[stream.index()], &sim.outputs[stream.index()]);
                real.get(*from..sim.len()) == Some(&sim[*from..])
            }),
            Change::Closing(subject) => {
                told(subject).is_some_and(|(real, sim)| real.closings.starts_with(&sim.closings))
            }
            Change::Life(name) => lives_fit(&self.lives(name), self.real_lives(name), false),
        }
    }

    /// What stands in a pipe is read next, and then told, unless nobody reads it to its end. What was compared before is not again.
    fn output_fits(&mut self, worker: &str, stream: Stream, from: u64, bytes: [&[u8]; 2]) -> bool {
        if is_real_program(self.case, worker) {
            return true;
        }
        let Some(real) = self.real.told.get(worker) else { return true };
        let (real, is_read) = (&real.outputs[stream.index()], *real.closings == [Fact::OutputClosed.word()]);
        let checked = self.checked.entry((worker.to_owned(), stream)).or_default();
        let (mut at, seen) = (from as usize, std::mem::take(checked));
        *checked = at + bytes[0].len() + bytes[1].len();
        bytes.iter().all(|part| {
            let part_at = at;
            at += part.len();
            let new = &part[seen.saturating_sub(part_at).min(part.len())..];
            let new_at = part_at + part.len() - new.len();
            match real.get(new_at..new_at + new.len()) {
                Some(real) => real == new,
                None => !is_read && new.starts_with(real.get(new_at..).unwrap_or(&[])),
            }
        })
    }

    fn lives(&self, name: &str) -> Vec<&Life> {
        self.account.lives_of(name)
    }

    fn real_lives(&self, name: &str) -> &[Life] {
        self.real.lives.get(name).map_or(&[], Vec::as_slice)
    }
}

/// Whether a simulated outcome is, as far as a real run shows, this real one.
pub(super) fn fits(sim: &Outcome, real: &Outcome) -> bool {
    let words_fit = |sim: &[Word], real: &[Word]| {
        sim.len() == real.len() && sim.iter().zip(real).all(|(sim, real)| word_fits(sim, real))
    };
    let told = sim.told.len() == real.told.len()
        && sim.told.iter().zip(&real.told).all(|((sim_name, sim), (real_name, real))| {
            sim_name == real_name
                && (&sim.outputs, &sim.closings) == (&real.outputs, &real.closings)
                && words_fit(&sim.facts, &real.facts)
        });
    let mut names = sim.lives.keys().chain(real.lives.keys());
    let lives = |of: &Outcome, name: &Arc<str>| of.lives.get(name).cloned().unwrap_or_default();
    told && names.all(|name| lives_fit(&lives(sim, name).iter().collect::<Vec<_>>(), &lives(real, name), true))
}

impl Goal for Fit<'_> {
    fn begin(&mut self) {
        self.account.clear();
        self.checked.clear();
        self.sofar.clear();
        self.progress = 0;
    }

    fn see(&mut self, moment: &Moment, who: Option<Label>) -> bool {
        let change = self.account.take(self.case, moment, who);
        self.sofar.take(&change);
        let fits = self.fits(&change);
        self.progress += u64::from(fits);
        fits
    }

    fn step(&mut self, site: Site) {
        self.sofar.step(site, &self.order);
    }

    fn foresee(&mut self, coming: &Coming<'_>) -> bool {
        match coming {
            Coming::Output { worker, stream, from, bytes } => self.output_fits(worker, *stream, *from, *bytes),
            Coming::Death { name, label, signal } => {
                let mut lives: Vec<Life> = self.lives(name).into_iter().cloned().collect();
                let Some(at) = self.account.nth_of(name, *label) else { return true };
                lives[at].end = Some(ExitStatus::Signalled { signal: *signal, core: false }.to_string());
                lives_fit(&lives.iter().collect::<Vec<_>>(), self.real_lives(name), false)
            }
            Coming::Act { name, label } => match (&self.lives(name)[..], self.real_lives(name)) {
                ([sim], [real]) if self.account.nth_of(name, *label).is_some() => may_act(sim, real),
                _ => true,
            },
        }
    }

    fn may_be_met(&mut self, kernel: &Kernel) -> bool {
        self.lacks.may_come(&self.account, kernel)
    }

    fn is_met(&mut self, step: Step) -> bool {
        step == Step::Done && fits(&self.account.outcome(), self.real)
    }

    fn guesses(&self) -> u32 {
        self.order.guesses()
    }

    fn turns(&self, enabled: &[Site], guess: u32) -> Vec<u64> {
        self.order.turns(enabled, guess, &self.sofar, &self.account)
    }

    /// What was told is a beginning of what was told for real, so that lengths say all.
    fn digest(&self) -> u64 {
        let mut digest = Digest::of(self.account.digest_lives());
        for (subject, Told { facts, outputs, closings }) in &self.account.told {
            digest.bytes(subject.as_bytes()).number(facts.len() as u64).number(closings.len() as u64);
            outputs.iter().for_each(|output| {
                digest.number(output.len() as u64);
            });
        }
        digest.value()
    }

    fn progress(&self) -> u64 {
        self.progress
    }
}

/// Who was not known for real may be anybody.
fn word_fits(sim: &Word, real: &Word) -> bool {
    let names_fit = |sim: &[Arc<str>], real: &[Arc<str>]| {
        let known = real.iter().filter(|name| ***name != *ANYBODY);
        sim.len() == real.len() && { known }.all(|name| sim.contains(name))
    };
    sim.text == real.text && names_fit(&sim.survivors, &real.survivors) && names_fit(&sim.holders, &real.holders)
}

/// Whether each real life can be one of these simulated ones, no two the same, and those that are left over need not have been seen.
/// At the end nothing may be missing, before it more may come.
fn lives_fit(sim: &[&Life], real: &[Life], at_the_end: bool) -> bool {
    if let ([sim], [real]) = (sim, real) {
        return life_fits(sim, real, at_the_end);
    }
    // Kuhn's matching: first everybody who must have been seen finds a real life, then every real life finds somebody.
    let mut taken: Vec<Option<usize>> = vec![None; real.len()];
    let seen = (0..sim.len()).filter(|at| !may_be_unseen(sim[*at], at_the_end));
    let rest = (0..sim.len()).filter(|at| may_be_unseen(sim[*at], at_the_end));
    for at in seen {
        if !give(at, sim, real, at_the_end, &mut taken, &mut vec![false; real.len()]) {
            return false;
        }
    }
    for at in rest {
        give(at, sim, real, at_the_end, &mut taken, &mut vec![false; real.len()]);
    }
    !at_the_end || taken.iter().all(Option::is_some)
}

/// Finds a real life for a simulated one, moving others on where that helps; who has one keeps one.
fn give(
    at: usize,
    sim: &[&Life],
    real: &[Life],
    at_the_end: bool,
    taken: &mut [Option<usize>],
    asked: &mut [bool],
) -> bool {
    for candidate in 0..real.len() {
        if asked[candidate] || !life_fits(sim[at], &real[candidate], at_the_end) {
            continue;
        }
        asked[candidate] = true;
        let is_free = match taken[candidate] {
            None => true,
            Some(holder) => give(holder, sim, real, at_the_end, taken, asked),
        };
        if is_free {
            taken[candidate] = Some(at);
            return true;
        }
    }
    false
}

/// A process that did nothing, or died of a signal before it did. What acts first may still turn out to be what it dies of.
fn may_be_unseen(life: &Life, at_the_end: bool) -> bool {
    match &life.end {
        Some(end) => life.deeds.is_empty() && end.starts_with("signalled"),
        None if at_the_end => life.deeds.is_empty(),
        None => matches!(&life.deeds[..], [] | [_]) && life.deeds.iter().all(|deed| deed.starts_with("acted on ")),
    }
}

fn life_fits(sim: &Life, real: &Life, at_the_end: bool) -> bool {
    let same_end = |end: &String| *end == *UNKNOWN || sim.end.as_ref() == Some(end);
    match &real.end {
        // Only a beginning was seen.
        None => sim.deeds.starts_with(&real.deeds) || !at_the_end && real.deeds.starts_with(&sim.deeds),
        Some(end) if at_the_end || sim.end.is_some() => {
            sim.end.is_some() && same_end(end) && (sim.deeds == real.deeds || has_lost_its_word(&sim.deeds, real))
        }
        Some(end) if is_dying(sim, end) => {
            let before = &sim.deeds[..sim.deeds.len() - 1];
            real.deeds.starts_with(&sim.deeds) || *before == real.deeds || has_lost_its_word(before, real)
        }
        Some(_) => real.deeds.starts_with(&sim.deeds) || has_lost_its_word(&sim.deeds, real),
    }
}

/// Killed between what it did and its word of it, a process has a handler of which nobody knows.
fn has_lost_its_word(deeds: &[String], real: &Life) -> bool {
    let is_killed = real.end.as_deref() == Some("signalled(KILL)");
    is_killed && deeds.split_last().is_some_and(|(last, told)| last.starts_with("installed ") && *told == real.deeds)
}

/// Whether this life may go on with a signal that is caught, or with a death that comes before.
fn may_act(sim: &Life, real: &Life) -> bool {
    match (real.deeds.get(sim.deeds.len()), &real.end) {
        (Some(deed), _) => deed.starts_with("acted on "),
        (None, None) => true,
        (None, Some(end)) => !end.starts_with("exited"),
    }
}

/// Whether its last deed is to act on the signal of this end: the end itself is told next.
fn is_dying(life: &Life, end: &str) -> bool {
    let by = end.strip_prefix("signalled(").and_then(|end| end.strip_suffix(')'));
    life.deeds.last().and_then(|deed| deed.strip_prefix("acted on ")).is_some_and(|signal| Some(signal) == by)
}

/// An end of which nobody knows what it was.
pub(super) const UNKNOWN: &str = "unknown";
