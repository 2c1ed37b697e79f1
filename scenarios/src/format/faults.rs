//! Faults: what goes wrong in the simulated world, and how often. `on` is resolved here, so that a world compares plain names.

use super::reader::{Keys, Reader};
use super::tree::{Node, Table, Value};
use crate::pattern::{Names, SubjectKind, resolve};
use shakedown_core::time::DurationRange;
use shakedown_core::vocab::{Errno, Fault, FaultKind};
use std::sync::Arc;

/// Reads all `[[faults]]`.
pub(super) fn faults(reader: &mut Reader<'_>, document: &Table, names: &Names) -> Vec<Fault> {
    let tables = reader.tables(document, "faults");
    tables.into_iter().filter_map(|(node, table)| fault(reader, document, node, table, names)).collect()
}

fn fault(reader: &mut Reader<'_>, document: &Table, node: &Node, table: &Table, names: &Names) -> Option<Fault> {
    reader.keys(table, &FAULT);
    let chance = table.get("chance").map(|node| chance(reader, node));
    if chance.is_none() {
        reader.mistake_hint(&node.at, "this fault has no `chance`", "how often it strikes, as in chance = 0.05");
    }
    let Some(word) = table.get("kind") else {
        reader.mistake(&node.at, "this fault has no `kind`");
        return None;
    };
    let kind = reader.choice(word, "fault", &kinds())?;
    let kind = detail(reader, table, kind)?;
    if let Some(node) = table.get("on").filter(|_| is_of_files(kind)) {
        reader.mistake_hint(
            &node.at,
            "a fault of files has no `on`",
            "it concerns the journal and the status file of the session",
        );
        return None;
    }
    if is_of_files(kind) && !writes_files(document) {
        let hint = "journal = \"drop-oldest\" or status = true of [session]";
        reader.mistake_hint(&word.at, "this session writes no file", hint);
    }
    if matches!(kind, FaultKind::TornWrite) && !crashes(document) {
        let hint = "add a stimulus: do = \"crash-host\"";
        reader.mistake_hint(&word.at, "a write is torn by a crash, and nothing crashes here", hint);
    }
    // Outer: whether the key is there; inner: whether it could be read.
    let on = table.get("on").map(|node| victims(reader, node, names));
    let on = match on {
        Some(on) => on?,
        None => Vec::new(),
    };
    Some(Fault { on, ..Fault::new(kind, chance??) })
}

fn is_of_files(kind: FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::DiskFull | FaultKind::TornWrite | FaultKind::SinkSlow { .. } | FaultKind::SinkFails { .. }
    )
}

fn crashes(document: &Table) -> bool {
    let Some(Value::List(stimuli)) = document.get("stimuli").map(|node| &node.value) else { return false };
    let is_crash = |stimulus: &Node| match &stimulus.value {
        Value::Table(stimulus) => stimulus.get("do").is_some_and(|node| node.value == Value::Text("crash-host".into())),
        Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Date | Value::List(_) => false,
    };
    stimuli.iter().any(is_crash)
}

fn writes_files(document: &Table) -> bool {
    document.get("session").is_some_and(|node| match &node.value {
        Value::Table(session) => ["journal", "status"].iter().any(|key| session.get(key).is_some()),
        Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Date | Value::List(_) => false,
    })
}

/// The kinds of the contract.
pub(super) fn kinds() -> Vec<(&'static str, Option<FaultKind>)> {
    FaultKind::ALL.iter().map(|(word, kind)| (*word, Some(*kind))).collect()
}

/// `errno` and `by`, where the kind has one.
fn detail(reader: &mut Reader<'_>, table: &Table, kind: FaultKind) -> Option<FaultKind> {
    let (takes_errno, takes_by) = match kind {
        FaultKind::SpawnFails { .. } | FaultKind::ExecFails { .. } => (true, false),
        FaultKind::SlowExit { .. } | FaultKind::Unkillable { .. } | FaultKind::LateNotify { .. } => (false, true),
        FaultKind::ClockJump { .. } | FaultKind::Suspend { .. } => (false, true),
        FaultKind::SpuriousWake | FaultKind::EventLost | FaultKind::FdLimit => (false, false),
        FaultKind::PidReuse | FaultKind::Crash | FaultKind::ConnectionReset => (false, false),
        FaultKind::DiskFull | FaultKind::TornWrite => (false, false),
        FaultKind::SinkSlow { .. } => (false, true),
        FaultKind::SinkFails { .. } => (true, false),
    };
    for (key, takes) in [("errno", takes_errno), ("by", takes_by)] {
        if let Some(field) = table.field(key).filter(|_| !takes) {
            reader.mistake_hint(&field.key_at, format!("`{key}` does nothing here"), "another `kind` has one");
        }
    }
    let errno = table.get("errno").filter(|_| takes_errno);
    let by = table.get("by").filter(|_| takes_by);
    Some(match (kind, errno, by) {
        (FaultKind::SpawnFails { .. }, Some(node), _) => {
            FaultKind::SpawnFails { errno: reader.choice(node, "error of fork", FORK_ERRORS)? }
        }
        (FaultKind::ExecFails { .. }, Some(node), _) => {
            FaultKind::ExecFails { errno: reader.choice(node, "error of exec", super::worker::EXEC_ERRORS)? }
        }
        (FaultKind::SinkFails { .. }, Some(node), _) => {
            FaultKind::SinkFails { errno: reader.choice(node, "error of write", WRITE_ERRORS)? }
        }
        (kind, _, Some(node)) => lasting(kind, reader.range(node, "`by`")?),
        (kind, _, None) => kind,
    })
}

fn lasting(kind: FaultKind, by: DurationRange) -> FaultKind {
    match kind {
        FaultKind::SlowExit { .. } => FaultKind::SlowExit { by },
        FaultKind::Unkillable { .. } => FaultKind::Unkillable { by: Some(by) },
        FaultKind::LateNotify { .. } => FaultKind::LateNotify { by },
        FaultKind::ClockJump { .. } => FaultKind::ClockJump { by },
        FaultKind::Suspend { .. } => FaultKind::Suspend { by },
        FaultKind::SpawnFails { .. } | FaultKind::ExecFails { .. } | FaultKind::SpuriousWake => kind,
        FaultKind::EventLost | FaultKind::FdLimit | FaultKind::PidReuse | FaultKind::Crash => kind,
        FaultKind::DiskFull | FaultKind::TornWrite | FaultKind::SinkFails { .. } => kind,
        FaultKind::SinkSlow { .. } => FaultKind::SinkSlow { by },
        FaultKind::ConnectionReset => kind,
    }
}

/// The workers and processes that `on` names, globs written out.
fn victims(reader: &mut Reader<'_>, node: &Node, names: &Names) -> Option<Vec<Arc<str>>> {
    let text = reader.text(node, "`on`")?;
    let mut victims = Vec::new();
    for id in resolve(text, names) {
        let subject = names.subject(id);
        match subject.kind {
            SubjectKind::Session => {
                reader.later(&node.at, "a fault of the session itself");
                return None;
            }
            SubjectKind::Action => {
                reader.later(&node.at, "a fault of an action");
                return None;
            }
            SubjectKind::Worker | SubjectKind::Process => victims.push(subject.name.clone()),
        }
    }
    if victims.is_empty() && names.is_opaque(text) {
        victims.push(text.into());
    }
    if victims.is_empty() {
        let known = names.subjects().iter().filter(|subject| subject.kind != SubjectKind::Session);
        reader.unknown(&node.at, "subject", text, known.map(|subject| &*subject.name));
        return None;
    }
    Some(victims)
}

fn chance(reader: &mut Reader<'_>, node: &Node) -> Option<f64> {
    let chance = match &node.value {
        Value::Float(n) => *n,
        Value::Integer(n) => n.map_or(f64::NAN, |n| n as f64),
        Value::Text(_) | Value::Bool(_) | Value::Date | Value::List(_) | Value::Table(_) => f64::NAN,
    };
    if (0.0..=1.0).contains(&chance) {
        return Some(chance);
    }
    reader.mistake_hint(&node.at, "a chance is a number from 0 to 1", "as in chance = 0.05");
    None
}

pub(super) const FAULT: Keys = Keys { of: "a fault", known: &["on", "kind", "errno", "by", "chance"], later: &[] };
/// What fork(2) may say.
pub(super) const FORK_ERRORS: &[(&str, Option<Errno>)] =
    &[("EAGAIN", Some(Errno::EAGAIN)), ("ENOMEM", Some(Errno::ENOMEM)), ("EMFILE", Some(Errno::EMFILE))];
/// What write(2) may say.
const WRITE_ERRORS: &[(&str, Option<Errno>)] =
    &[("EIO", Some(Errno::EIO)), ("ENOSPC", Some(Errno::ENOSPC)), ("EROFS", Some(Errno::EROFS))];
