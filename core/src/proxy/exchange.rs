//! What is told of a request: its method, its path, how it went and how long it took. Never a header, a query or a body, since tokens
//! and passwords stand there, and facts are kept and shown.

use crate::time::Duration;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// One thing told of one request.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Exchange {
    /// Which request of this incarnation, from 1.
    pub number: u32,
    /// Its method: `GET`, `CONNECT`; `-` where no head was read.
    pub method: Arc<str>,
    /// What it asks for, as [`target_shown`] leaves it.
    pub path: Arc<str>,
    /// How far it has come.
    pub stage: Stage,
    /// How long it has taken so far.
    pub took: Duration,
}

/// How far a request has come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Stage {
    /// It was accepted.
    Started,
    /// It was answered with this status; a tunnel was closed by one of its ends.
    Finished {
        /// Of the answer.
        status: u16,
    },
    /// It was not accepted, or nobody was there to answer: the proxy says this status itself.
    Refused {
        /// Of the answer.
        status: u16,
        /// Whether it was accepted first, and nobody was there to answer it.
        accepted: bool,
    },
    /// It was accepted, and its connection ended before it was answered.
    Cut {
        /// Who ended it.
        by: Cutter,
    },
}

/// Who ended a connection before its time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cutter {
    /// The client went away, or the network between.
    Client,
    /// The upstream went away in the middle of its answer.
    Upstream,
    /// The proxy: the time of its drain was over.
    Drain,
    /// The proxy: it was killed.
    Kill,
}

impl Cutter {
    /// As reports and journals write it.
    pub const fn word(self) -> &'static str {
        match self {
            Cutter::Client => "client",
            Cutter::Upstream => "upstream",
            Cutter::Drain => "drain",
            Cutter::Kill => "kill",
        }
    }
}

impl Stage {
    /// The event's name in patterns and journals.
    pub const fn word(self) -> &'static str {
        match self {
            Stage::Started => "request-started",
            Stage::Finished { .. } => "request-finished",
            Stage::Refused { .. } => "request-refused",
            Stage::Cut { .. } => "request-cut",
        }
    }
}

/// What a proxy has to tell.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Traffic {
    /// In the order in which it came about. What nobody fetched in time is missing, as the numbers show.
    pub told: Vec<Exchange>,
    /// Whether that was all: no connection lives, and none will.
    pub over: bool,
}

/// The part of a request's target that may be shown: without the user of an authority, without query and fragment, and of bounded length.
///
/// ```
/// use shakedown_core::proxy::target_shown;
/// assert_eq!(&*target_shown("/login?token=secret#top"), "/login");
/// assert_eq!(&*target_shown("http://ann:secret@example.org/a?b"), "http://example.org/a");
/// assert_eq!(&*target_shown("ann:secret@example.org:443"), "example.org:443");
/// ```
pub fn target_shown(target: &str) -> Arc<str> {
    let path = target.split(['?', '#']).next().unwrap_or("");
    let (scheme, rest) = path.split_once("://").map_or(("", path), |(scheme, _)| path.split_at(scheme.len() + 3));
    let (authority, path) =
        if path.starts_with('/') { ("", rest) } else { rest.split_at(rest.find('/').unwrap_or(rest.len())) };
    let host = authority.rsplit('@').next().unwrap_or("");
    let mut shown: String = [scheme, host, path].concat();
    if let Some((end, _)) = shown.char_indices().nth(SHOWN_MAX) {
        shown.truncate(end);
        shown.push('…');
    }
    shown.into()
}

/// The most characters of a target that are shown.
const SHOWN_MAX: usize = 256;
