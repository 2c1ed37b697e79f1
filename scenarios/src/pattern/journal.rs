//! What a session's journal must hold, or must not, when the run is over: what outlives a supervisor is judged where it stands.

use super::compile::Matcher;
use super::history::History;
use super::judge::Broken;
use super::names::{Event, SubjectId};
use shakedown_core::journal::{Entry, What};
use std::sync::Arc;

/// A record that is wanted, or not wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Of whom, and what.
    pub what: Matcher,
    /// Details that it has, each with its value: `status`, `reason`, `by`; of `output` the `text` that is in the line.
    pub with: Vec<(Arc<str>, Arc<str>)>,
    /// Whether it must be there, or must not.
    pub is_wanted: bool,
}

impl Kept {
    fn is(&self, entry: &Entry, history: &History) -> bool {
        let subject = match &entry.worker {
            Some(worker) => history.names().find(worker),
            None => Some(SubjectId(0)),
        };
        let Some((subject, event)) = subject.zip(Event::parse(entry.word())) else { return false };
        self.what.fits(subject, event) && self.with.iter().all(|(key, value)| has(entry, key, value))
    }

    pub(super) fn broken(&self, history: &History) -> Option<Broken> {
        let found = history.journal().iter().find(|entry| self.is(entry, history));
        let message = match (found, self.is_wanted) {
            (None, true) => {
                format!("none of {} records of the journal is `{}`", history.journal().len(), self.what.text)
            }
            (Some(entry), false) => {
                format!("record {} of the journal is `{}`, which must not be", entry.cursor, self.what.text)
            }
            (Some(_), true) | (None, false) => return None,
        };
        Some(super::judge::at_end(history, &self.what, message))
    }
}

fn has(entry: &Entry, key: &str, value: &str) -> bool {
    match &entry.what {
        What::Event { .. } => entry.detail(key) == Some(value),
        What::Line { bytes, .. } => key == TEXT && String::from_utf8_lossy(bytes).contains(value),
    }
}

/// The detail of a line of output.
const TEXT: &str = "text";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::{Expectation, Expectations, Names, matcher, parse_phrase};
    use shakedown_core::time::Duration;
    use shakedown_core::vocab::Stream;

    #[test]
    fn a_record_is_found_by_whose_it_is_what_it_says_and_its_details() {
        let names = Arc::new(Names::new(vec![("api".into(), None), ("job".into(), None)]));
        let session: Arc<str> = "s".into();
        let mut failed = Entry::event(Duration::ZERO, &session, "failed");
        failed.worker = Some("api".into());
        failed.what = What::Event { word: "failed".into(), details: [("status".into(), "unknown".into())].into() };
        let line = Entry::line(Duration::ZERO, &session, &"job".into(), Stream::Stdout, b"all is well");
        let mut history = History::new(names.clone());
        history.keep(vec![Entry::event(Duration::ZERO, &session, "stopped"), failed, line]);
        for (text, with, is_there) in [
            ("api failed", None, true),
            ("api failed", Some(("status", "unknown")), true),
            ("api failed", Some(("status", "exited(0)")), false),
            ("job failed", None, false),
            ("* failed|stopped", None, true),
            ("session stopped", None, true),
            ("session started", None, false),
            ("job output", Some(("text", "is well")), true),
            ("job output", Some(("text", "ill")), false),
        ] {
            for is_wanted in [true, false] {
                let what = matcher(text, &parse_phrase(text).expect("a phrase"), &names).expect("it is known");
                let with = with.iter().map(|(key, value): &(&str, &str)| ((*key).into(), (*value).into())).collect();
                let kept = Expectation::Journal(Kept { what, with, is_wanted });
                let failures = Expectations { list: vec![(text.into(), kept)] }.judge(&history);
                assert_eq!(failures.is_empty(), is_there == is_wanted, "{text} {is_wanted}: {failures:?}");
            }
        }
    }
}
