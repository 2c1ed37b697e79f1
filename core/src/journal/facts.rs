//! Facts as records of a journal: the words of the patterns, and what belongs to each in words that need no program to be read.

use super::{Entry, What};
use crate::actions::{ActionNews, ActionWhat};
use crate::proxy::{Exchange, Stage};
use crate::time::Duration;
use crate::vocab::{Fact, FactRecord, Outcome, Target};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::sync::Arc;

/// The record of a fact that was told at this time on the wall. Whose it is and which tags it has is its session's to say.
pub fn entry_of(record: &FactRecord, time: Duration, session: &Arc<str>) -> Entry {
    let what = match &record.fact {
        Fact::Output { stream, line, complete } => {
            What::Line { stream: *stream, bytes: line.clone(), complete: *complete }
        }
        fact => What::Event { word: fact.word().into(), details: details(fact) },
    };
    let mut entry = Entry::new(time, session, what);
    entry.incarnation = record.incarnation;
    entry
}

fn details(fact: &Fact) -> BTreeMap<String, String> {
    let mut details = BTreeMap::new();
    let mut say = |key: &str, value: String| {
        details.insert(String::from(key), value);
    };
    match fact {
        Fact::Started { pid } => {
            if let Some(pid) = pid {
                say("pid", pid.to_string());
            }
        }
        Fact::StopRequested { by, deadline } => {
            say("by", by.word().into());
            say("deadline", deadline.to_string());
        }
        Fact::Signalled { signal, target, by } => {
            say("signal", signal.to_string());
            say("target", String::from(if *target == Target::Leader { "leader" } else { "scope" }));
            say("by", by.word().into());
        }
        Fact::Exited { status } => say("status", status.to_string()),
        Fact::Backoff { until } => say("until", until.to_string()),
        Fact::Ended(outcome) => end(outcome, say),
        Fact::Request(exchange) => request(exchange, say),
        Fact::Action(news) => action(news, say),
        Fact::Spawn | Fact::Ready | Fact::Unready | Fact::OutputClosed | Fact::DrainAbandoned => {}
        Fact::Output { .. } | Fact::Restarted | Fact::SessionStopped => {}
    }
    details
}

fn end(outcome: &Outcome, mut say: impl FnMut(&str, String)) {
    say("status", outcome.status.to_string());
    say("reason", outcome.reason.word().into());
    say("output", outcome.output.delivered.to_string());
    if let Some(by) = outcome.requested_by {
        say("requested-by", by.word().into());
    }
    if let Some(failure) = outcome.start_error {
        say("start-error", failure.to_string());
    }
    if outcome.output.abandoned {
        say("drain", "abandoned".into());
    }
    if outcome.circuit_breaker {
        say("circuit-breaker", "triggered".into());
    }
    for (n, survivor) in outcome.survivors.iter().enumerate() {
        say(&alloc::format!("survivor-{n}"), alloc::format!("{} ({})", survivor.name, survivor.pid));
    }
}

fn action(news: &ActionNews, mut say: impl FnMut(&str, String)) {
    say("action", String::from(&*news.action));
    match &news.what {
        ActionWhat::Started { by } => say("by", String::from(&**by)),
        ActionWhat::Failed { why } => say("why", why.clone()),
        ActionWhat::Refused { by, why } => {
            say("by", String::from(&**by));
            say("why", why.clone());
        }
        ActionWhat::Finished | ActionWhat::Enabled | ActionWhat::Disabled => {}
    }
}

fn request(exchange: &Exchange, mut say: impl FnMut(&str, String)) {
    say("number", exchange.number.to_string());
    say("method", String::from(&*exchange.method));
    say("path", String::from(&*exchange.path));
    say("took-ms", exchange.took.as_millis().to_string());
    match exchange.stage {
        Stage::Started => {}
        Stage::Finished { status } | Stage::Refused { status, .. } => say("status", status.to_string()),
        Stage::Cut { by } => say("by", by.word().into()),
    }
}
