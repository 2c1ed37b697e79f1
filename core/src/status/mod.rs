//! The status file of a session: its [`Snapshot`] as JSON with a checksum, replaced on each change, so that whoever reads it sees a whole
//! one, and tells one that was spoiled from "nothing runs" (toolhive#3590).
//!
//! ```text
//! {"shakedown-status":1,"crc32":"8f2c01aa","session":{"name":"shop","kind":"session","status":"running", … ,"children":[…]}}
//! ```
//! The checksum is that of the bytes from the brace after `"session":` to the last but one. The form is a contract; members may be added.

mod json;
mod write;

pub(crate) use write::{Status, Whose};
pub use write::{StatusCounts, StatusFile};

use crate::files::{FileError, Fs};
use crate::ids::Pid;
use crate::journal::checksum;
use crate::signal::Signal;
use crate::snapshot::{Kind, Snapshot};
use crate::vocab::{Errno, ExitStatus, WorkerState};
use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use json::Json;

/// What a status file holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// There is none: no session has ever written it, or somebody has removed it.
    Absent,
    /// The last status that was written.
    Whole(Snapshot),
    /// Something else. It says nothing of what runs: look for leftovers as after a crash.
    Corrupt(Corrupt),
}

/// Why some bytes are no status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Corrupt {
    /// They do not begin or end as one does: it is empty, cut off, or another file.
    Form,
    /// The checksum is another.
    Checksum,
    /// Another version's, or not what a session would write.
    Content,
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Corrupt::Form => "it is cut off, empty or no status file",
            Corrupt::Checksum => "its checksum is wrong",
            Corrupt::Content => "it is of another version, or says what no session would",
        })
    }
}

/// The content of a status file.
pub fn render(snapshot: &Snapshot) -> String {
    let mut session = String::new();
    to_json(snapshot).write(&mut session);
    let check = checksum(session.as_bytes(), &[]);
    format!("{BEGIN}{check:08x}{MIDDLE}{session}{END}")
}

/// Reads the content of a status file.
///
/// # Errors
/// [`Corrupt`], where it is anything but what [`render`] wrote, whole.
pub fn parse(bytes: &[u8]) -> Result<Snapshot, Corrupt> {
    let text = core::str::from_utf8(bytes).map_err(|_| Corrupt::Form)?;
    let rest = text.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END)).ok_or(Corrupt::Form)?;
    let (check, session) = rest.split_once(MIDDLE).filter(|(check, _)| check.len() == 8).ok_or(Corrupt::Form)?;
    if format!("{:08x}", checksum(session.as_bytes(), &[])) != check {
        return Err(Corrupt::Checksum);
    }
    Json::read(session).as_ref().and_then(of_json).ok_or(Corrupt::Content)
}

/// Reads a status file.
///
/// # Errors
/// The system's. That there is none, or that it is spoiled, is an answer.
pub async fn read(fs: &Fs, path: &str) -> Result<Found, FileError> {
    match fs.read(path).await {
        Ok(bytes) => Ok(parse(&bytes).map_or_else(Found::Corrupt, Found::Whole)),
        Err(error) if error.errno == Errno::ENOENT => Ok(Found::Absent),
        Err(error) => Err(error),
    }
}

/// Takes a spoiled status file out of the way, for a person to look at: the new name, `PATH.corrupt-N` with the first N that is free.
///
/// # Errors
/// The system's; `EEXIST` where [`QUARANTINED_MAX`] were kept already.
pub async fn quarantine(fs: &Fs, path: &str) -> Result<String, FileError> {
    for n in 0..QUARANTINED_MAX {
        let to = format!("{path}.corrupt-{n}");
        if fs.stat(&to).await?.is_none() {
            fs.rename(path, &to).await?;
            return Ok(to);
        }
    }
    Err(FileError { what: "rename", path: path.into(), errno: Errno::EEXIST, is_outside: false })
}

fn to_json(snapshot: &Snapshot) -> Json {
    let optional = |text: &Option<String>| text.as_deref().map_or(Json::Null, Json::text);
    let metadata = snapshot.metadata.iter().map(|(key, value)| (key.clone(), Json::text(value))).collect();
    let fields = [
        ("name", Json::text(&snapshot.name)),
        ("kind", Json::text(snapshot.kind.word())),
        ("status", Json::text(snapshot.status.word())),
        ("pid", snapshot.pid.map_or(Json::Null, |pid| Json::Number(pid.to_string()))),
        ("exit", snapshot.exit.map_or(Json::Null, exit_to_json)),
        ("error", optional(&snapshot.error)),
        ("waits_for", optional(&snapshot.waits_for)),
        ("metadata", Json::Object(metadata)),
        ("children", Json::List(snapshot.children.iter().map(to_json).collect())),
    ];
    Json::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn of_json(json: &Json) -> Option<Snapshot> {
    let kind = Kind::ALL.into_iter().find(|kind| json.get("kind").and_then(Json::as_text) == Some(kind.word()))?;
    let word = json.get("status")?.as_text()?;
    let status = WorkerState::ALL.into_iter().find(|state| state.word() == word)?;
    let mut snapshot = Snapshot::new(json.get("name")?.as_text()?, kind, status);
    snapshot.pid = optional(json.get("pid")?, |pid| pid.as_number().and_then(Pid::new))?;
    snapshot.exit = optional(json.get("exit")?, exit_of_json)?;
    let text = |json: &Json| json.as_text().map(str::to_owned);
    snapshot.error = optional(json.get("error")?, text)?;
    snapshot.waits_for = optional(json.get("waits_for")?, text)?;
    let (Json::Object(metadata), Json::List(children)) = (json.get("metadata")?, json.get("children")?) else {
        return None;
    };
    let pairs = metadata.iter().map(|(key, value)| Some((key.clone(), text(value)?)));
    snapshot.metadata = pairs.collect::<Option<BTreeMap<_, _>>>()?;
    snapshot.children = children.iter().map(of_json).collect::<Option<Vec<_>>>()?;
    Some(snapshot)
}

/// Outer: whether it could be read; inner: whether there is one.
fn optional<T>(json: &Json, read: impl FnOnce(&Json) -> Option<T>) -> Option<Option<T>> {
    if *json == Json::Null { Some(None) } else { read(json).map(Some) }
}

fn exit_to_json(exit: ExitStatus) -> Json {
    let fields = match exit {
        ExitStatus::Exited(code) => vec![("exited", Json::Number(code.to_string()))],
        ExitStatus::Signalled { signal, core } => {
            vec![("signalled", Json::Number(signal.number().to_string())), ("core", Json::Bool(core))]
        }
        ExitStatus::Unknown => vec![("unknown", Json::Bool(true))],
    };
    Json::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn exit_of_json(json: &Json) -> Option<ExitStatus> {
    if let Some(code) = json.get("exited") {
        return Some(ExitStatus::Exited(code.as_number()?));
    }
    if let Some(signal) = json.get("signalled") {
        let core = *json.get("core")? == Json::Bool(true);
        return Some(ExitStatus::Signalled { signal: Signal::from_number(signal.as_number()?)?, core });
    }
    json.get("unknown").map(|_| ExitStatus::Unknown)
}

const BEGIN: &str = "{\"shakedown-status\":1,\"crc32\":\"";
const MIDDLE: &str = "\",\"session\":";
const END: &str = "}\n";
/// So many spoiled files are kept for one path.
pub const QUARANTINED_MAX: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        let mut session = Snapshot::new("shop \"quoted\"\n", Kind::Session, WorkerState::Running);
        let mut api = Snapshot::new("api", Kind::Process, WorkerState::Ready);
        api.pid = Pid::new(17);
        api.metadata = [("incarnation".into(), "2".into())].into();
        let exits = [
            ExitStatus::Exited(3),
            ExitStatus::Signalled { signal: Signal::SEGV, core: true },
            ExitStatus::Signalled { signal: Signal::TERM, core: false },
            ExitStatus::Unknown,
        ];
        let ended = exits.map(|exit| {
            let mut worker = Snapshot::new("w", Kind::Function, WorkerState::Failed);
            (worker.exit, worker.error) = (Some(exit), Some("did not start".into()));
            worker
        });
        let mut group = Snapshot::new("group", Kind::Supervisor, WorkerState::Stopping);
        (group.children, group.waits_for) = (ended.into(), Some("w to end".into()));
        session.children = vec![api, group];
        session
    }

    #[test]
    fn what_was_written_is_read_again() {
        assert_eq!(parse(render(&snapshot()).as_bytes()), Ok(snapshot()));
    }

    #[test]
    fn no_part_of_a_status_and_no_other_byte_in_it_is_taken_for_one() {
        let text = render(&snapshot()).into_bytes();
        for len in 0..text.len() {
            assert_eq!(parse(&text[..len]), Err(Corrupt::Form), "{len}");
        }
        for at in 0..text.len() {
            let mut spoiled = text.clone();
            spoiled[at] ^= 1;
            assert!(parse(&spoiled).is_err(), "byte {at}");
            spoiled[at] = 0;
            assert!(parse(&spoiled).is_err(), "byte {at}");
        }
        assert_eq!(parse(&[0; 100]), Err(Corrupt::Form));
    }

    #[test]
    fn a_whole_file_that_says_nonsense_is_corrupt_too() {
        let session = "{\"name\":\"x\",\"kind\":\"session\",\"status\":\"asleep\"}";
        let text = format!("{BEGIN}{:08x}{MIDDLE}{session}{END}", checksum(session.as_bytes(), &[]));
        assert_eq!(parse(text.as_bytes()), Err(Corrupt::Content));
    }
}
