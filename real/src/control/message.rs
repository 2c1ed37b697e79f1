//! What is said in frames, and how it is written. Every byte that comes in is doubted: a field that is missing, too long or no text is an
//! error that says which, never a panic, and what stands behind the last field is one, too.

use shakedown_core::ids::WorkerId;
use shakedown_core::runner::Listing;
use shakedown_core::vocab::{FactRecord, Subject};
use std::fmt;

/// The version that this code speaks. A peer of another one is told so and left.
pub const VERSION: u8 = 1;
/// What a greeting begins with.
const NAME: &[u8] = b"shakedown-control";

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
    /// Adds a worker that runs this command, and starts it.
    Start {
        /// Its name.
        name: String,
        /// Program and arguments.
        argv: Vec<String>,
    },
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
    /// Asks the whole session to stop.
    StopSession,
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
    Listed(Vec<Entry>),
    /// A fact.
    Fact {
        /// When, in nanoseconds since the session's clock began.
        at_ns: u64,
        /// Whose; the session's where there is none.
        worker: Option<WorkerId>,
        /// Which incarnation's; 0 for the session.
        incarnation: u32,
        /// What, as histories write it.
        fact: String,
    },
    /// So many facts were lost on a slow reader.
    Missed(u64),
    /// The session is over, and all was told.
    Over,
}

/// A worker, as a client sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its number.
    pub id: WorkerId,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: String,
    /// Its incarnation.
    pub incarnation: u32,
    /// The pid of its leader, while that lives.
    pub pid: Option<i32>,
}

impl Entry {
    pub(super) fn of(listing: &Listing) -> Entry {
        Entry {
            id: listing.id,
            name: listing.name.to_string(),
            state: format!("{:?}", listing.state).to_lowercase(),
            incarnation: listing.incarnation,
            pid: listing.pid.map(|pid| pid.as_raw()),
        }
    }
}

impl Reply {
    pub(super) fn fact(record: &FactRecord) -> Reply {
        let worker = match record.subject {
            Subject::Session => None,
            Subject::Worker(id) => Some(id),
        };
        Reply::Fact {
            at_ns: record.at.as_nanos(),
            worker,
            incarnation: record.incarnation,
            fact: format!("{:?}", record.fact),
        }
    }
}

/// The first payload of each side.
pub(super) fn greeting() -> Vec<u8> {
    [NAME, &[VERSION]].concat()
}

/// # Errors
/// [`Malformed::NoGreeting`], [`Malformed::Version`].
pub(super) fn heard_greeting(payload: &[u8]) -> Result<(), Malformed> {
    match payload.strip_prefix(NAME) {
        Some([VERSION]) => Ok(()),
        Some([theirs]) => Err(Malformed::Version(*theirs)),
        Some(_) | None => Err(Malformed::NoGreeting),
    }
}

impl Request {
    pub(super) fn encode(&self) -> Vec<u8> {
        let out = Writer::default().u64(self.id);
        let out = match &self.command {
            Command::Start { name, argv } => {
                let out = out.byte(0).bytes(name.as_bytes()).u32(argv.len() as u32);
                argv.iter().fold(out, |out, word| out.bytes(word.as_bytes()))
            }
            Command::Stop(id) => out.byte(1).u32(id.0),
            Command::Kill(id) => out.byte(2).u32(id.0),
            Command::Restart(id) => out.byte(3).u32(id.0),
            Command::Signal(id, number) => out.byte(4).u32(id.0).u32(*number as u32),
            Command::Send(id, bytes) => out.byte(5).u32(id.0).bytes(bytes),
            Command::CloseInput(id) => out.byte(6).u32(id.0),
            Command::List => out.byte(7),
            Command::Follow => out.byte(8),
            Command::StopSession => out.byte(9),
        };
        out.0
    }

    /// # Errors
    /// [`Malformed`], and the request's number where that could be read.
    pub(super) fn decode(payload: &[u8]) -> Result<Request, (Option<u64>, Malformed)> {
        let mut from = Reader(payload);
        let id = from.u64("id").map_err(|malformed| (None, malformed))?;
        let command = Command::decode(&mut from).map_err(|malformed| (Some(id), malformed))?;
        from.end().map_err(|malformed| (Some(id), malformed))?;
        Ok(Request { id, command })
    }
}

impl Command {
    fn decode(from: &mut Reader<'_>) -> Result<Command, Malformed> {
        let verb = from.byte("verb")?;
        let mut worker = || from.u32("worker").map(WorkerId);
        Ok(match verb {
            0 => {
                let (name, count) = (from.text("name")?, from.u32("count of words")?);
                // Not reserved: the count is the peer's word.
                let mut argv = Vec::new();
                for _ in 0..count {
                    argv.push(from.text("argument")?);
                }
                Command::Start { name, argv }
            }
            1 => Command::Stop(worker()?),
            2 => Command::Kill(worker()?),
            3 => Command::Restart(worker()?),
            4 => Command::Signal(worker()?, from.u32("signal")? as i32),
            5 => Command::Send(worker()?, from.bytes("input")?.to_vec()),
            6 => Command::CloseInput(worker()?),
            7 => Command::List,
            8 => Command::Follow,
            9 => Command::StopSession,
            other => return Err(Malformed::Unknown(other)),
        })
    }
}

/// A reply, and the request that it belongs to.
pub(super) fn encode_reply(id: u64, reply: &Reply) -> Vec<u8> {
    let out = Writer::default().u64(id);
    let out = match reply {
        Reply::Done => out.byte(0),
        Reply::Started(worker) => out.byte(1).u32(worker.0),
        Reply::Refused(why) => out.byte(2).bytes(why.as_bytes()),
        Reply::Listed(entries) => entries.iter().fold(out.byte(3).u32(entries.len() as u32), |out, entry| {
            let out = out.u32(entry.id.0).bytes(entry.name.as_bytes()).bytes(entry.state.as_bytes());
            out.u32(entry.incarnation).u32(entry.pid.unwrap_or(0) as u32)
        }),
        Reply::Fact { at_ns, worker, incarnation, fact } => {
            let worker = worker.map_or(NO_WORKER, |worker| worker.0);
            out.byte(4).u64(*at_ns).u32(worker).u32(*incarnation).bytes(fact.as_bytes())
        }
        Reply::Missed(count) => out.byte(5).u64(*count),
        Reply::Over => out.byte(6),
    };
    out.0
}

/// # Errors
/// [`Malformed`].
pub(super) fn decode_reply(payload: &[u8]) -> Result<(u64, Reply), Malformed> {
    let mut from = Reader(payload);
    let id = from.u64("id")?;
    let reply = match from.byte("kind")? {
        0 => Reply::Done,
        1 => Reply::Started(WorkerId(from.u32("worker")?)),
        2 => Reply::Refused(from.text("reason")?),
        3 => {
            let mut entries = Vec::new();
            for _ in 0..from.u32("count of workers")? {
                entries.push(Entry {
                    id: WorkerId(from.u32("worker")?),
                    name: from.text("name")?,
                    state: from.text("state")?,
                    incarnation: from.u32("incarnation")?,
                    pid: Some(from.u32("pid")? as i32).filter(|pid| *pid != 0),
                });
            }
            Reply::Listed(entries)
        }
        4 => Reply::Fact {
            at_ns: from.u64("time")?,
            worker: Some(from.u32("worker")?).filter(|id| *id != NO_WORKER).map(WorkerId),
            incarnation: from.u32("incarnation")?,
            fact: from.text("fact")?,
        },
        5 => Reply::Missed(from.u64("count")?),
        6 => Reply::Over,
        other => return Err(Malformed::Unknown(other)),
    };
    from.end()?;
    Ok((id, reply))
}

/// The session's own facts bear no worker.
const NO_WORKER: u32 = u32::MAX;

#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn byte(mut self, byte: u8) -> Writer {
        self.0.push(byte);
        self
    }

    fn u32(mut self, number: u32) -> Writer {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn u64(mut self, number: u64) -> Writer {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn bytes(self, bytes: &[u8]) -> Writer {
        let mut out = self.u32(bytes.len() as u32);
        out.0.extend(bytes);
        out
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize, field: &'static str) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or(Malformed::Short(field))?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self, field: &'static str) -> Result<u8, Malformed> {
        Ok(self.take(1, field)?[0])
    }

    fn u32(&mut self, field: &'static str) -> Result<u32, Malformed> {
        let taken = self.take(4, field)?;
        Ok(u32::from_be_bytes(taken.try_into().map_err(|_| Malformed::Short(field))?))
    }

    fn u64(&mut self, field: &'static str) -> Result<u64, Malformed> {
        let taken = self.take(8, field)?;
        Ok(u64::from_be_bytes(taken.try_into().map_err(|_| Malformed::Short(field))?))
    }

    fn bytes(&mut self, field: &'static str) -> Result<&'a [u8], Malformed> {
        let length = self.u32(field)?;
        self.take(length as usize, field)
    }

    fn text(&mut self, field: &'static str) -> Result<String, Malformed> {
        let bytes = self.bytes(field)?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Malformed::NoText(field))
    }

    fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed::Long(self.0.len())) }
    }
}

#[cfg(test)]
mod tests;
