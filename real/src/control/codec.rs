//! Messages as bytes, and back. Every byte that comes in is doubted: a field that is missing, too long or no text is an error that says
//! which, never a panic, and what stands behind the last field is one, too.

use super::message::{
    Command, Identity, Malformed, Member, Page, Past, RECORDS_MAX, Reply, Request, Start, TERMS_MAX, VARIABLES_MAX,
    VERSION, WORDS_MAX,
};
use super::wire::{Reader, Writer};
use shakedown_core::ids::WorkerId;
use shakedown_core::journal::{self, Entry, Head};
use std::time::Duration;

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
    /// As bytes, to be put into a frame.
    pub fn encode(&self) -> Vec<u8> {
        let out = Writer::default().u64(self.id);
        let out = match &self.command {
            Command::Start(Start { name, argv, env, dir }) => {
                let out = out.byte(0).bytes(name.as_bytes()).list(argv, |out, word| out.bytes(word.as_bytes()));
                let out = out.list(env, |out, (key, value)| out.bytes(key.as_bytes()).bytes(value.as_bytes()));
                out.optional(dir.as_deref())
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
            Command::KillSession => out.byte(10),
            Command::History(Past { from, max, filter }) => {
                out.byte(11).u64(*from).u32(*max).list(filter, |out, term| out.bytes(term.as_bytes()))
            }
            Command::Who => out.byte(12),
        };
        out.0
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// [`Malformed`], and the request's number where that could be read.
    pub fn decode(payload: &[u8]) -> Result<Request, (Option<u64>, Malformed)> {
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
            0 => Command::Start(Start {
                name: from.text("name")?,
                argv: from.list("argument", WORDS_MAX, |from| from.text("argument"))?,
                env: from.list("variable", VARIABLES_MAX, |from| Ok((from.text("variable")?, from.text("value")?)))?,
                dir: from.optional("directory")?,
            }),
            1 => Command::Stop(worker()?),
            2 => Command::Kill(worker()?),
            3 => Command::Restart(worker()?),
            4 => Command::Signal(worker()?, from.u32("signal")? as i32),
            5 => Command::Send(worker()?, from.bytes("input")?.to_vec()),
            6 => Command::CloseInput(worker()?),
            7 => Command::List,
            8 => Command::Follow,
            9 => Command::StopSession,
            10 => Command::KillSession,
            11 => Command::History(Past {
                from: from.u64("cursor")?,
                max: from.u32("count of records")?,
                filter: from.list("term", TERMS_MAX, |from| from.text("term"))?,
            }),
            12 => Command::Who,
            other => return Err(Malformed::Unknown(other)),
        })
    }
}

/// A reply, and the request that it belongs to, as bytes.
pub fn encode_reply(id: u64, reply: &Reply) -> Vec<u8> {
    let out = Writer::default().u64(id);
    let out = match reply {
        Reply::Done => out.byte(0),
        Reply::Started(worker) => out.byte(1).u32(worker.0),
        Reply::Refused(why) => out.byte(2).bytes(why.as_bytes()),
        Reply::Listed(members) => out.byte(3).list(members, member),
        Reply::Fact(entry) => out.byte(4).bytes(&record(entry)),
        Reply::Missed(count) => out.byte(5).u64(*count),
        Reply::Over => out.byte(6),
        Reply::Page(Page { entries, next, passed_over }) => {
            out.byte(7).list(entries, |out, entry| out.bytes(&record(entry))).u64(*next).u64(*passed_over)
        }
        Reply::Is(Identity { session, nonce, pid, began, journal }) => {
            let out = out.byte(8).bytes(session.as_bytes()).u64(*nonce).u32(*pid);
            out.u64(shakedown_core::time::nanos(*began)).optional(journal.as_deref())
        }
    };
    out.0
}

fn member(out: Writer, member: &Member) -> Writer {
    let out = out.u32(member.id.0).bytes(member.name.as_bytes()).bytes(member.kind.as_bytes());
    let out = out.bytes(member.state.as_bytes()).u32(member.incarnation).u32(member.pid.unwrap_or(0) as u32);
    out.optional(member.exit.as_deref()).flag(member.is_over)
}

/// One that is too long for a journal is told by its word alone.
fn record(entry: &Entry) -> Vec<u8> {
    let mut bytes = Vec::new();
    if journal::encode(entry, &mut bytes).is_err() {
        let short = Entry::event(entry.time, &entry.session, entry.word());
        // A name of a megabyte leaves nothing to be told.
        let _ = journal::encode(&short, &mut bytes);
    }
    bytes
}

/// Reads what [`encode_reply`] wrote.
///
/// # Errors
/// [`Malformed`].
pub fn decode_reply(payload: &[u8]) -> Result<(u64, Reply), Malformed> {
    let mut from = Reader(payload);
    let id = from.u64("id")?;
    let reply = match from.byte("kind")? {
        0 => Reply::Done,
        1 => Reply::Started(WorkerId(from.u32("worker")?)),
        2 => Reply::Refused(from.text("reason")?),
        3 => Reply::Listed(from.list("worker", u32::MAX, read_member)?),
        4 => Reply::Fact(read_record(&mut from)?),
        5 => Reply::Missed(from.u64("count")?),
        6 => Reply::Over,
        7 => Reply::Page(Page {
            entries: from.list("record", RECORDS_MAX, read_record)?,
            next: from.u64("cursor")?,
            passed_over: from.u64("count of bytes")?,
        }),
        8 => Reply::Is(Identity {
            session: from.text("name")?,
            nonce: from.u64("nonce")?,
            pid: from.u32("pid")?,
            began: Duration::from_nanos(from.u64("time")?),
            journal: from.optional("journal")?,
        }),
        other => return Err(Malformed::Unknown(other)),
    };
    from.end()?;
    Ok((id, reply))
}

fn read_member(from: &mut Reader<'_>) -> Result<Member, Malformed> {
    Ok(Member {
        id: WorkerId(from.u32("worker")?),
        name: from.text("name")?,
        kind: from.text("kind")?,
        state: from.text("state")?,
        incarnation: from.u32("incarnation")?,
        pid: Some(from.u32("pid")? as i32).filter(|pid| *pid != 0),
        exit: from.optional("exit")?,
        is_over: from.flag("end")?,
    })
}

fn read_record(from: &mut Reader<'_>) -> Result<Entry, Malformed> {
    let bytes = from.bytes("record")?;
    match journal::head(bytes) {
        Head::Record(entry, len) if len == bytes.len() => Ok(entry),
        Head::Record(..) | Head::Unfinished | Head::Damaged => Err(Malformed::NoRecord),
    }
}

/// What a greeting begins with.
const NAME: &[u8] = b"shakedown-control";

#[cfg(test)]
mod tests;
