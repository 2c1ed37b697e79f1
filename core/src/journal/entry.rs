//! What stands in a journal: one event or one line of output, told so that whoever reads it years later needs nothing else.

use crate::time::Duration;
use crate::vocab::Stream;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// One record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its number: each is one more than the one before, through all restarts. Given by [`Journal::append`](super::Journal::append).
    pub cursor: u64,
    /// When, since 1970: the clock on the wall, which may have been set meanwhile.
    pub time: Duration,
    /// The session's name.
    pub session: Arc<str>,
    /// The worker's, unless it is about the session itself.
    pub worker: Option<Arc<str>>,
    /// Which incarnation of the worker, from 1; 0 for the session.
    pub incarnation: u32,
    /// What happened.
    pub what: What,
    /// What the worker's spec says of it, and whoever wrote the record.
    pub tags: BTreeMap<String, String>,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// A fact, by the word of patterns, with what belongs to it: `pid`, `status`, `signal`.
    Event {
        /// `spawn`, `exited`, `stopped`.
        word: Arc<str>,
        /// Its details.
        details: BTreeMap<String, String>,
    },
    /// A line of output, without its newline.
    Line {
        /// Which descriptor.
        stream: Stream,
        /// The bytes; not necessarily UTF-8.
        bytes: Arc<[u8]>,
        /// Whether a newline ended it. A line of more than a megabyte comes in pieces, all but the last of which are not complete.
        complete: bool,
    },
}

impl Entry {
    /// An event of a session.
    pub fn event(time: Duration, session: &Arc<str>, word: &str) -> Entry {
        Entry::new(time, session, What::Event { word: word.into(), details: BTreeMap::new() })
    }

    /// A line of output of a worker.
    pub fn line(time: Duration, session: &Arc<str>, worker: &Arc<str>, stream: Stream, bytes: &[u8]) -> Entry {
        let what = What::Line { stream, bytes: bytes.into(), complete: true };
        Entry { worker: Some(worker.clone()), ..Entry::new(time, session, what) }
    }

    pub(crate) fn new(time: Duration, session: &Arc<str>, what: What) -> Entry {
        let session = session.clone();
        Entry { cursor: 0, time, session, worker: None, incarnation: 0, what, tags: BTreeMap::new() }
    }

    /// The event's word, `output` for a line.
    pub fn word(&self) -> &str {
        match &self.what {
            What::Event { word, .. } => word,
            What::Line { .. } => "output",
        }
    }

    /// A detail of an event.
    pub fn detail(&self, key: &str) -> Option<&str> {
        match &self.what {
            What::Event { details, .. } => details.get(key).map(String::as_str),
            What::Line { .. } => None,
        }
    }
}

/// What is no term of a filter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownTerm(pub String);

impl fmt::Display for UnknownTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UnknownTerm(term) = self;
        write!(
            f,
            "`{term}` is no filter: try worker=NAME, event=WORD, session=NAME, stream=stdout|stderr or tag:KEY=VALUE"
        )
    }
}

impl core::error::Error for UnknownTerm {}

/// Which records are wanted: of one field any of what is named, of different fields all. What is empty asks nothing.
///
/// ```
/// use shakedown_core::journal::Filter;
/// let failures = Filter::all().worker("api").worker("db").event("failed").tag("project", "demo");
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    sessions: Vec<String>,
    workers: Vec<String>,
    events: Vec<String>,
    streams: Vec<Stream>,
    tags: BTreeMap<String, Vec<String>>,
}

impl Filter {
    /// Every record.
    pub fn all() -> Filter {
        Filter::default()
    }

    /// Of this session, or of another that is named.
    #[must_use]
    pub fn session(mut self, name: &str) -> Filter {
        self.sessions.push(name.into());
        self
    }

    /// About this worker, or another that is named.
    #[must_use]
    pub fn worker(mut self, name: &str) -> Filter {
        self.workers.push(name.into());
        self
    }

    /// This event, or another that is named; lines are `output`.
    #[must_use]
    pub fn event(mut self, word: &str) -> Filter {
        self.events.push(word.into());
        self
    }

    /// Lines of this stream, or of the other if it is named as well.
    #[must_use]
    pub fn stream(mut self, stream: Stream) -> Filter {
        self.streams.push(stream);
        self
    }

    /// With this tag; of one key any of the values that are named, of different keys all.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Filter {
        self.tags.entry(key.into()).or_default().push(value.into());
        self
    }

    /// The same with one more demand, as a command line writes it: `worker=api`, `event=exited`, `session=shop`, `stream=stderr`, or a tag
    /// as `tag:project=demo`.
    ///
    /// # Errors
    /// [`UnknownTerm`].
    ///
    /// ```
    /// use shakedown_core::journal::Filter;
    /// assert_eq!(Filter::all().and("worker=api"), Ok(Filter::all().worker("api")));
    /// assert!(Filter::all().and("wroker=api").is_err());
    /// ```
    pub fn and(self, term: &str) -> Result<Filter, UnknownTerm> {
        let unknown = || UnknownTerm(term.into());
        let (field, value) = term.split_once('=').ok_or_else(unknown)?;
        match (field, value) {
            ("worker", name) => Ok(self.worker(name)),
            ("session", name) => Ok(self.session(name)),
            ("event", word) => Ok(self.event(word)),
            ("stream", "stdout") => Ok(self.stream(Stream::Stdout)),
            ("stream", "stderr") => Ok(self.stream(Stream::Stderr)),
            (field, value) => field.strip_prefix("tag:").map(|key| self.tag(key, value)).ok_or_else(unknown),
        }
    }

    /// Whether a record is wanted.
    pub fn takes(&self, entry: &Entry) -> bool {
        let any = |wanted: &[String], is: Option<&str>| {
            wanted.is_empty() || is.is_some_and(|is| wanted.iter().any(|one| one == is))
        };
        let stream = match &entry.what {
            What::Line { stream, .. } => self.streams.is_empty() || self.streams.contains(stream),
            What::Event { .. } => self.streams.is_empty(),
        };
        stream
            && any(&self.sessions, Some(&entry.session))
            && any(&self.workers, entry.worker.as_deref())
            && any(&self.events, Some(entry.word()))
            && self.tags.iter().all(|(key, values)| any(values, entry.tags.get(key).map(String::as_str)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_twice_of_a_field_is_an_alternative_and_different_fields_are_demands() {
        let session: Arc<str> = "s".into();
        let mut entry = Entry::line(Duration::ZERO, &session, &"api".into(), Stream::Stderr, b"x");
        entry.tags = BTreeMap::from([("a".into(), "1".into()), ("b".into(), "2".into())]);
        for (filter, takes) in [
            (Filter::all(), true),
            (Filter::all().worker("api"), true),
            (Filter::all().worker("db"), false),
            (Filter::all().worker("db").worker("api"), true),
            (Filter::all().worker("api").session("t"), false),
            (Filter::all().worker("api").session("t").session("s"), true),
            (Filter::all().event("output"), true),
            (Filter::all().event("exited"), false),
            (Filter::all().stream(Stream::Stdout), false),
            (Filter::all().stream(Stream::Stdout).stream(Stream::Stderr), true),
            (Filter::all().tag("a", "1").tag("b", "2"), true),
            (Filter::all().tag("a", "1").tag("b", "3"), false),
            (Filter::all().tag("a", "0").tag("a", "1"), true),
            (Filter::all().tag("c", "1"), false),
        ] {
            assert_eq!(filter.takes(&entry), takes, "{filter:?}");
        }
        let event = Entry::event(Duration::ZERO, &session, "stopped");
        assert!(Filter::all().event("stopped").takes(&event) && !Filter::all().worker("api").takes(&event));
        assert!(!Filter::all().stream(Stream::Stdout).takes(&event));
    }
}
