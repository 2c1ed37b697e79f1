//! The judgement: expectations against one history. Plain scans over a short list; nothing is allocated while all holds.

use super::compile::{Expectation, Expectations, Final, Matcher, Rule, Status};
use super::history::{Entry, History};
use super::names::SubjectId;
use shakedown_core::time::Instant;
use shakedown_core::vocab::ExitStatus;
use std::sync::Arc;

/// An expectation that did not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// Which, by its index in [`Expectations::list`].
    pub index: usize,
    /// Which, as it was written.
    pub expectation: Arc<str>,
    /// Whom it is about.
    pub subject: Arc<str>,
    /// When it was broken.
    pub at: Instant,
    /// What happened instead.
    pub message: String,
}

/// Where an expectation broke.
pub(super) struct Broken {
    subject: Arc<str>,
    at: Instant,
    message: String,
}

impl Expectations {
    /// Every expectation that this run broke, each once, by its first breach. `sometimes` is never broken by one run.
    pub fn judge(&self, history: &History) -> Vec<Failure> {
        let mut failures = Vec::new();
        for (index, (text, expectation)) in self.list.iter().enumerate() {
            let broken = match expectation {
                Expectation::Final(each) => not_final(each, history),
                Expectation::Always(rule) => always(rule, history),
                Expectation::Never(rule) => never(rule, history),
                Expectation::Sometimes(_) => None,
                Expectation::Order(matchers) => out_of_order(matchers, history),
                Expectation::Count { rule, least, most } => miscounted(rule, *least, *most, history),
                Expectation::Journal(kept) => kept.broken(history),
            };
            if let Some(Broken { subject, at, message }) = broken {
                failures.push(Failure { index, expectation: text.clone(), subject, at, message });
            }
        }
        failures
    }

    /// Which `sometimes` this run has seen: bit n for the nth of [`Expectations::sometimes`].
    pub fn hits(&self, history: &History) -> u64 {
        let mut bits = 0;
        let rules = self.list.iter().filter_map(|(_, each)| match each {
            Expectation::Sometimes(rule) => Some(rule),
            Expectation::Final(_) | Expectation::Always(_) | Expectation::Never(_) => None,
            Expectation::Order(_) | Expectation::Count { .. } | Expectation::Journal(_) => None,
        });
        for (n, rule) in rules.enumerate().take(super::SOMETIMES_MAX) {
            if occurrences(rule, history.entries()).next().is_some() {
                bits |= 1 << n;
            }
        }
        bits
    }
}

impl Matcher {
    fn is(&self, entry: &Entry) -> bool {
        self.fits(entry.subject, entry.event)
    }

    fn within(&self, entries: &[Entry]) -> bool {
        entries.iter().any(|entry| self.is(entry))
    }
}

/// The events that the sentence counts: each clause holds for them.
fn occurrences<'h>(rule: &'h Rule, entries: &'h [Entry]) -> impl Iterator<Item = &'h Entry> {
    let counts = |(i, entry): &(usize, &Entry)| {
        let (past, future) = (&entries[..*i], &entries[i + 1..]);
        rule.what.is(entry)
            && rule.after.as_ref().is_none_or(|y| y.within(past))
            && rule.before.as_ref().is_none_or(|y| y.within(future))
            && rule.within.as_ref().is_none_or(|(limit, y)| {
                past.iter().any(|earlier| y.is(earlier) && entry.at.since(earlier.at) <= *limit)
            })
            && rule.unless.as_ref().is_none_or(|z| !z.within(past))
    };
    entries.iter().enumerate().filter(counts).map(|(_, entry)| entry)
}

fn never(rule: &Rule, history: &History) -> Option<Broken> {
    let entry = occurrences(rule, history.entries()).next()?;
    Some(at_entry(history, entry, format!("{} {}, which must never be", history.name(entry), entry.event.word())))
}

fn miscounted(rule: &Rule, least: u64, most: u64, history: &History) -> Option<Broken> {
    let count = occurrences(rule, history.entries()).count() as u64;
    if (least..=most).contains(&count) {
        return None;
    }
    let wanted = if least == most {
        format!("exactly {least}")
    } else if count < least {
        format!("at least {least}")
    } else {
        format!("at most {most}")
    };
    Some(at_end(history, &rule.what, format!("`{}` happened {count} times, expected {wanted}", rule.what.text)))
}

fn always(rule: &Rule, history: &History) -> Option<Broken> {
    let entries = history.entries();
    let excused = |upto: usize| rule.unless.as_ref().is_some_and(|z| z.within(&entries[..upto]));
    let mut first: Option<(Instant, Broken)> = None;
    let mut keep = |at: Instant, broken: Broken| {
        if first.as_ref().is_none_or(|(least, _)| at < *least) {
            first = Some((at, broken));
        }
    };
    for (i, entry) in entries.iter().enumerate() {
        let past = &entries[..i];
        if let Some(y) = rule.after.as_ref().filter(|y| rule.what.is(entry) && !y.within(past) && !excused(i)) {
            let message = format!("{} {} without `{}` before it", history.name(entry), entry.event.word(), y.text);
            keep(entry.at, at_entry(history, entry, message));
        }
        if rule.before.as_ref().is_some_and(|y| y.is(entry)) && !rule.what.within(past) && !excused(i) {
            let who = history.name(entry);
            let message = format!("{who} {} without `{}` before it", entry.event.word(), rule.what.text);
            keep(entry.at, at_entry(history, entry, message));
        }
        if let Some((limit, _)) = rule.within.as_ref().filter(|(_, y)| y.is(entry)) {
            let due = entry.at.after(*limit);
            let upto = i + 1 + entries[i + 1..].iter().take_while(|later| later.at <= due).count();
            if !rule.what.within(&entries[i + 1..upto]) && !excused(upto) {
                let late = entries[upto..].iter().find(|later| rule.what.is(later));
                let mut broken = overdue(rule, history, entry, late);
                broken.at = due.min(history.end());
                keep(broken.at, broken);
            }
        }
    }
    first.map(|(_, broken)| broken)
}

fn overdue(rule: &Rule, history: &History, from: &Entry, late: Option<&Entry>) -> Broken {
    let what = &rule.what.text;
    let since = format!("{} {} at {}", history.name(from), from.event.word(), from.at);
    match late {
        Some(late) => at_entry(history, late, format!("`{what}` came only {:?} after {since}", late.at.since(from.at))),
        None => at_end(history, &rule.what, format!("`{what}` did not follow {since}")),
    }
}

fn out_of_order(matchers: &[Matcher], history: &History) -> Option<Broken> {
    let mut last: Option<(usize, &Matcher)> = None;
    for matcher in matchers {
        let Some(place) = history.entries().iter().position(|entry| matcher.is(entry)) else {
            return Some(at_end(history, matcher, format!("`{}` never happened", matcher.text)));
        };
        if let Some((before, earlier)) = last.filter(|(before, _)| *before >= place) {
            let entry = &history.entries()[before];
            let message = format!("`{}` was first seen after `{}`", earlier.text, matcher.text);
            return Some(at_entry(history, entry, message));
        }
        last = Some((place, matcher));
    }
    None
}

fn not_final(each: &Final, history: &History) -> Option<Broken> {
    each.subjects.iter().find_map(|subject| {
        let found = match history.names().worker(*subject) {
            Some(worker) => {
                let absent = !history.was_spawned(worker) && each.statuses.contains(&Status::Absent);
                let state = history.state(worker)?;
                (!absent && !each.statuses.contains(&Status::State(state))).then(|| state.word().to_string())
            }
            None => process_misfit(*subject, each, history),
        }?;
        let message = format!("ended as {found}, expected {}", each.text);
        Some(Broken { subject: history.names().subject(*subject).name.clone(), at: history.end(), message })
    })
}

/// How a process of this name ended that should have ended otherwise.
fn process_misfit(subject: SubjectId, each: &Final, history: &History) -> Option<String> {
    let mut born = false;
    for process in history.processes().iter().filter(|process| process.subject == subject) {
        born = true;
        let fits = |status: &Status| match (status, process.status) {
            (Status::Exited(code), Some(ExitStatus::Exited(real))) => *code == real,
            (Status::Signalled(signal), Some(ExitStatus::Signalled { signal: real, .. })) => *signal == real,
            (Status::Unknown, Some(ExitStatus::Unknown)) => true,
            (Status::Exited(_) | Status::Signalled(_) | Status::Unknown, None | Some(_)) => false,
            (Status::State(_) | Status::Absent, None | Some(_)) => false,
        };
        if !each.statuses.iter().any(fits) {
            return Some(process.status.map_or("still running".to_string(), |status| status.to_string()));
        }
    }
    (!born && !each.statuses.contains(&Status::Absent)).then(|| "absent".to_string())
}

fn at_entry(history: &History, entry: &Entry, message: String) -> Broken {
    Broken { subject: history.name(entry).clone(), at: entry.at, message }
}

/// Of something that did not happen: its subject, where there is but one, at the end of the run.
pub(super) fn at_end(history: &History, matcher: &Matcher, message: String) -> Broken {
    let mut subjects = matcher.subjects();
    let subject = match (subjects.next(), subjects.next()) {
        (Some(only), None) => history.names().subject(only).name.clone(),
        (Some(_), Some(_)) | (None, _) => matcher.text.clone(),
    };
    Broken { subject, at: history.end(), message }
}
