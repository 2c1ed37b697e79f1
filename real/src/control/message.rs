//! What is said in frames: what may be asked of a session, what comes back, and how much of each may be said at once.

use shakedown_core::ids::WorkerId;
use shakedown_core::journal::{Entry, What};
use shakedown_core::runner::Listing;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The version that this code speaks. A peer of another one is told so and left.
pub const VERSION: u8 = 2;

/// A message that makes no sense.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Malformed {
    /// It ends within this field.
    Short(&'static str),
    /// This field is no UTF-8.
    NoText(&'static str),
    /// No verb or kind has this number.
    Unknown(u8),
    /// So many bytes stand behind its last field.
    Long(usize),
    /// More of these than are allowed.
    TooMany {
        /// Of which.
        field: &'static str,
        /// So many were announced.
        count: u32,
        /// So many may be.
        max: u32,
    },
    /// What should be a record of a journal is none.
    NoRecord,
    /// The peer does not begin with our greeting.
    NoGreeting,
    /// The peer speaks another version.
    Version(u8),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::Short(field) => write!(f, "the message ends within its {field}"),
            Malformed::NoText(field) => write!(f, "the {field} is no UTF-8"),
            Malformed::Unknown(number) => write!(f, "there is no message of number {number}"),
            Malformed::Long(bytes) => write!(f, "{bytes} bytes stand behind the message"),
            Malformed::TooMany { field, count, max } => {
                write!(f, "{count} of the field {field} were announced, and {max} are allowed")
            }
            Malformed::NoRecord => f.write_str("what should be a record of a journal is none"),
            Malformed::NoGreeting => f.write_str("the peer does not speak our protocol"),
            Malformed::Version(theirs) => write!(f, "the peer speaks version {theirs}, and we version {VERSION}"),
        }
    }
}

impl std::error::Error for Malformed {}

/// What is asked, and under which number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// The reply bears it, too.
    pub id: u64,
    /// What is to be done.
    pub command: Command,
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Adds a worker that runs a command, and starts it.
    Start(Start),
    /// Asks a worker to end.
    Stop(WorkerId),
    /// Makes it end.
    Kill(WorkerId),
    /// Stops it and starts it again.
    Restart(WorkerId),
    /// Sends it a signal.
    Signal(WorkerId, i32),
    /// Writes to its standard input.
    Send(WorkerId, Vec<u8>),
    /// Closes its standard input.
    CloseInput(WorkerId),
    /// All workers that were not removed.
    List,
    /// Every fact from now on.
    Follow,
    /// Asks the whole session to stop; a second time as its policy for a second stop says.
    StopSession,
    /// Makes the whole session end.
    KillSession,
    /// What its journal holds.
    History(Past),
    /// Who answers here.
    Who,
}

/// A command to run in a session.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Start {
    /// The worker's name: [`NAME_BYTES_MAX`] at most, and not empty.
    pub name: String,
    /// Program and arguments: [`WORDS_MAX`] at most, and one at least.
    pub argv: Vec<String>,
    /// Set beside the environment of the session: [`VARIABLES_MAX`] at most.
    pub env: Vec<(String, String)>,
    /// Its working directory; the session's where none is given.
    pub dir: Option<String>,
}

impl Start {
    /// Why nothing could be started by it.
    pub(super) fn fault(&self) -> Option<String> {
        let has_nul = |text: &str| text.contains('\0');
        if self.name.is_empty() || self.name.len() > NAME_BYTES_MAX || self.name.chars().any(char::is_control) {
            return Some(format!("a worker's name has 1 to {NAME_BYTES_MAX} bytes, and none that control a terminal"));
        }
        if self.argv.first().is_none_or(String::is_empty) {
            return Some("there is no program to start: the first word of the command is missing".into());
        }
        if self.argv.iter().any(|word| has_nul(word)) || self.dir.as_deref().is_some_and(has_nul) {
            return Some("a word of the command, or its directory, holds a NUL".into());
        }
        let bad = self.env.iter().find(|(key, value)| key.is_empty() || key.contains(['=', '\0']) || has_nul(value));
        bad.map(|(key, _)| format!("`{key}` is no variable: its name is empty or has a `=`, or there is a NUL in it"))
    }
}

/// A part of a journal.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Past {
    /// From this number on.
    pub from: u64,
    /// So many records at most; [`RECORDS_MAX`] in any case, and fewer where they are long: the answer tells where to go on.
    pub max: u32,
    /// Only what these take, as [`Filter::and`](shakedown_core::journal::Filter::and) reads them: [`TERMS_MAX`] at most.
    pub filter: Vec<String>,
}

/// What comes back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// It is done, or under way.
    Done,
    /// A worker of this number was started.
    Started(WorkerId),
    /// It was not done.
    Refused(String),
    /// The workers.
    Listed(Vec<Member>),
    /// A fact, as journals tell it; it has no number there. A line of more than [`LINE_BYTES_MAX`] comes in pieces.
    Fact(Entry),
    /// So many facts were lost on a slow reader.
    Missed(u64),
    /// The session is over, and all was told.
    Over,
    /// A part of the journal.
    Page(Page),
    /// Who answers here.
    Is(Identity),
}

/// A part of a journal.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Page {
    /// The records, in order. A line of more than [`LINE_BYTES_MAX`] comes in pieces of the same number.
    pub entries: Vec<Entry>,
    /// Where to go on; nothing more is there yet if this is where it began.
    pub next: u64,
    /// Bytes that are no record.
    pub passed_over: u64,
}

/// A session, told apart from every other of its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Its name.
    pub session: String,
    /// A number that is this run's own.
    pub nonce: u64,
    /// Its process, as it sees itself: to be read, not to be signalled.
    pub pid: u32,
    /// When it began, since 1970.
    pub began: Duration,
    /// The folder of its journal, where it keeps one.
    pub journal: Option<String>,
}

/// A worker, as a client sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Its number.
    pub id: WorkerId,
    /// Its name. Only those of the plan are unique.
    pub name: String,
    /// What it is: `process`, `task`.
    pub kind: String,
    /// Its state.
    pub state: String,
    /// Its incarnation.
    pub incarnation: u32,
    /// The pid of its leader, while that lives.
    pub pid: Option<i32>,
    /// How its leader ended, in this incarnation or the last one.
    pub exit: Option<String>,
    /// Whether it does not run, and will not unless somebody starts it.
    pub is_over: bool,
}

impl Member {
    pub(super) fn of(listing: &Listing) -> Member {
        Member {
            id: listing.id,
            name: listing.name.to_string(),
            kind: listing.kind.word().into(),
            state: listing.state.word().into(),
            incarnation: listing.incarnation,
            pid: listing.pid.map(|pid| pid.as_raw()),
            exit: listing.exit.map(|exit| exit.to_string()),
            is_over: listing.is_over,
        }
    }
}

/// A record as it fits into frames: a long line in pieces, all but the last of which are not complete.
pub(super) fn pieces(entry: Entry) -> Vec<Entry> {
    let What::Line { stream, bytes, complete } = &entry.what else { return vec![entry] };
    if bytes.len() <= LINE_BYTES_MAX {
        return vec![entry];
    }
    let count = bytes.len().div_ceil(LINE_BYTES_MAX);
    let piece = |(n, part): (usize, &[u8])| {
        let what = What::Line { stream: *stream, bytes: Arc::from(part), complete: *complete && n + 1 == count };
        Entry { what, ..entry.clone() }
    };
    bytes.chunks(LINE_BYTES_MAX).enumerate().map(piece).collect()
}

/// Bytes of a worker's name at most.
pub const NAME_BYTES_MAX: usize = 128;
/// Words of a command at most.
pub const WORDS_MAX: u32 = 1024;
/// Variables beside the session's own at most.
pub const VARIABLES_MAX: u32 = 1024;
/// Terms of a filter at most.
pub const TERMS_MAX: u32 = 64;
/// Records of one answer at most.
pub const RECORDS_MAX: u32 = 1000;
/// Bytes of a line in one piece.
pub const LINE_BYTES_MAX: usize = 64 * 1024;
