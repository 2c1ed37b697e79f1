//! When the host told what in a real run, and what led to that: a deadline, an answer, or the outside.

use super::outcome::Change;
use shakedown_core::signal::Signal;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{ExitStatus, Fact, FactRecord, ProcessWhat, Requester};
use shakedown_sim::Moment;
use std::collections::BTreeMap;
use std::sync::Arc;

/// When the host told what, in half-steps, so that there is room between two moments.
#[derive(Clone, Default)]
pub(super) struct Told {
    /// Of each subject.
    of: BTreeMap<Arc<str>, Vec<u64>>,
    /// What led to that.
    why: BTreeMap<Arc<str>, Vec<Why>>,
    /// That the outside had asked for it.
    pub(super) asked: Vec<u64>,
    /// Output of each worker.
    output: BTreeMap<Arc<str>, Vec<u64>>,
}

/// What led to a fact.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// An answer, or a request.
    Mail,
    /// A deadline.
    Time,
    /// A deadline, and then the answer to what was asked because of it.
    TimeAndMail,
    /// The outside, which told the machine so itself.
    Act,
}

/// Whether the outside asked for it.
pub(super) fn is_asked(moment: &Moment) -> bool {
    match moment {
        Moment::Fact(record) => matches!(
            record.fact,
            Fact::Signalled { by: Requester::User, .. } | Fact::StopRequested { by: Requester::User, .. }
        ),
        Moment::Process(_) => false,
    }
}

/// What led to each moment. A stop of the session comes to its workers in the same turn.
pub(super) fn reasons(moments: &[Moment]) -> Vec<Why> {
    let mut reasons: Vec<Why> = Vec::new();
    let mut before: Option<(Instant, Why)> = None;
    for moment in moments {
        let Moment::Fact(FactRecord { at, .. }) = moment else {
            reasons.push(Why::Mail);
            continue;
        };
        let reason = match before {
            Some((turn, reason)) if turn == *at && reason == Why::Act => Why::Act,
            Some((turn, _)) if turn == *at => why(moment),
            Some(_) | None if is_asked(moment) => Why::Act,
            Some(_) | None => why(moment),
        };
        before = Some((*at, reason));
        reasons.push(reason);
    }
    reasons
}

fn why(moment: &Moment) -> Why {
    let Moment::Fact(FactRecord { fact, .. }) = moment else { return Why::Mail };
    match fact {
        Fact::Signalled { by, .. } | Fact::StopRequested { by, .. } if *by == Requester::Deadline => Why::Time,
        Fact::DrainAbandoned => Why::TimeAndMail,
        Fact::Signalled { .. } | Fact::StopRequested { .. } | Fact::Spawn | Fact::Started { .. } | Fact::Ready => {
            Why::Mail
        }
        Fact::Unready | Fact::Backoff { .. } | Fact::Restarted | Fact::Exited { .. } | Fact::Ended(_) => Why::Mail,
        Fact::OutputClosed | Fact::Output { .. } | Fact::Request(_) | Fact::SessionStopped => Why::Mail,
        Fact::Action(_) => Why::Mail,
    }
}

impl Told {
    /// Whether nothing was told.
    pub(super) fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    pub(super) fn note(&mut self, moment: &Moment, why: Why, change: &Change, at: u64) {
        let (Change::Fact(name) | Change::Output(name, ..) | Change::Closing(name)) = change else { return };
        self.of.entry(name.clone()).or_default().push(at);
        self.why.entry(name.clone()).or_default().push(why);
        if is_asked(moment) {
            self.asked.push(at);
        }
        if let Change::Output(..) = change {
            self.output.entry(name.clone()).or_default().push(at);
        }
    }

    /// When this subject tells next what no act of the outside has led to, after so much of each.
    pub(super) fn next_of_its_own(&self, name: &str, sofar: &BTreeMap<Arc<str>, usize>) -> Option<u64> {
        let from = sofar.get(name).copied().unwrap_or(0);
        let each = self.of.get(name)?.iter().zip(self.why.get(name)?);
        each.skip(from).find(|(_, why)| **why != Why::Act).map(|(at, _)| *at)
    }

    /// When this subject tells next, if by this guess a deadline makes it do so.
    pub(super) fn due(&self, name: &str, sofar: &BTreeMap<Arc<str>, usize>, guess: u32) -> Option<u64> {
        let is_due = match nth(&self.why, name, sofar)? {
            Why::Mail | Why::Act => false,
            Why::Time => guess > 0,
            Why::TimeAndMail => guess == 1,
        };
        is_due.then(|| nth(&self.of, name, sofar)).flatten()
    }

    /// When output of this worker is told next.
    pub(super) fn next_output(&self, worker: &str, sofar: &BTreeMap<Arc<str>, usize>) -> Option<u64> {
        nth(&self.output, worker, sofar)
    }
}

/// What comes after so many of its kind.
fn nth<T: Copy>(of: &BTreeMap<Arc<str>, Vec<T>>, name: &str, sofar: &BTreeMap<Arc<str>, usize>) -> Option<T> {
    let n = sofar.get(name).copied().unwrap_or(0);
    of.get(name).and_then(|told| told.get(n)).copied()
}

/// Where this moment shows: as it was told, but a signal, and what led to it within one turn of the host, right before the leader acts on
/// it or ends by it, and right after its end where it ended of its own accord; KILL in any case not before its leader's end.
pub(super) fn shown(moments: &[Moment], at: usize) -> u64 {
    let is_output = |moment: &Moment| {
        matches!(moment, Moment::Fact(FactRecord { fact: Fact::Output { .. } | Fact::OutputClosed, .. }))
    };
    let turn = moments[at..].iter().take_while(|moment| matches!(moment, Moment::Fact(_)) && !is_output(moment));
    let sent = turn.enumerate().find_map(|(n, moment)| match moment {
        Moment::Fact(FactRecord { fact: Fact::Signalled { signal, .. }, .. }) => Some((at + n, *signal)),
        Moment::Fact(_) | Moment::Process(_) => None,
    });
    let Some((from, signal)) = sent else { return 2 * at as u64 };
    let shows = |(n, moment): (usize, &Moment)| {
        let at = 2 * (from + n) as u64;
        match moment {
            Moment::Process(event) if event.name.ends_with("/main") => match event.what {
                ProcessWhat::Signalled(by) => (by == signal).then(|| at.saturating_sub(1)),
                ProcessWhat::Exited(_) if signal == Signal::KILL => Some(at.saturating_sub(1)),
                ProcessWhat::Exited(ExitStatus::Exited(_)) => Some(at + 1),
                ProcessWhat::Exited(_) | ProcessWhat::Started | ProcessWhat::Installed(_) => None,
            },
            Moment::Process(_) | Moment::Fact(_) => None,
        }
    };
    moments[from..].iter().enumerate().find_map(shows).unwrap_or(2 * at as u64)
}
