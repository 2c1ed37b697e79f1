//! From text to scenario: the document as a whole, its cases, and the one list of all that is wrong.

use super::diagnostic::{DIAGNOSTICS_MAX, Diagnostic, Problem, placed};
use super::expect::{self, Expected};
use super::faults;
use super::reader::{Keys, Reader};
use super::scenario::{Case, Limits, Scenario};
use super::session;
use super::setting::{Setting, with_settings};
use super::stimuli;
use super::sweep::{Sweep, sweep};
use super::tree::{Table, Value, document};
use crate::oracle::Oracles;
use std::path::Path;
use std::sync::Arc;

/// What the program that reads a file adds to it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Options {
    /// The Rust oracles that `check = "…"` may call.
    pub oracles: Oracles,
    /// Values that are put into the file before it is read.
    pub set: Vec<Setting>,
}

/// Reads a scenario from text. `file` is how messages call it, and its stem is the default name.
///
/// # Errors
/// All that is wrong with it, in the order of the file.
pub fn read(file: &str, text: &str) -> Result<Scenario, Vec<Diagnostic>> {
    read_with(file, text, &Options::default())
}

/// As [`read`], for a program that has Rust oracles of its own.
///
/// # Errors
/// As [`read`].
pub fn read_with(file: &str, text: &str, options: &Options) -> Result<Scenario, Vec<Diagnostic>> {
    if text.len() as u64 > super::FILE_MAX {
        return Err(vec![super::load::too_big(file, text.len() as u64)]);
    }
    if text.trim().is_empty() {
        let hint = "a scenario begins with `schema = 1` and needs one worker".to_string();
        return Err(vec![Diagnostic::of_file(file, "is empty".into(), Some(hint))]);
    }
    if text.contains('\0') {
        return Err(vec![Diagnostic::of_file(file, "is binary, not text".into(), None)]);
    }
    let (table, problems) = document(text);
    if !problems.is_empty() {
        // What was understood of a broken document would only add mistakes that are none.
        return Err(placed(file, text, problems));
    }
    let table = with_settings(file, table, &options.set).map_err(|wrong| vec![wrong])?;
    let mut reader = Reader::new(text);
    let head = head(&mut reader, file, &table);
    let sweep = sweep(&mut reader, &table);
    let base = body(&mut reader, &table, &head, options);
    let cases = if sweep.axes.is_empty() { vec![base] } else { cases(&mut reader, &table, &head, &sweep, options) };
    if !reader.problems.is_empty() {
        // What came from elsewhere has no place in the file.
        let from_elsewhere = |problem: &&mut Problem| problem.at == (0..0) && !options.set.is_empty();
        for problem in reader.problems.iter_mut().filter(from_elsewhere) {
            problem.hint.get_or_insert_with(|| "it is not in the file: look at `--set`".into());
        }
        return Err(placed(file, text, reader.problems));
    }
    Ok(Scenario {
        file: file.into(),
        name: head.name,
        about: head.about,
        real: head.real_reason.is_none(),
        real_reason: head.real_reason,
        seeds: sweep.seeds,
        set: options.set.clone(),
        cases,
    })
}

/// What stands at the top of a file.
struct Head {
    name: Arc<str>,
    about: String,
    real_reason: Option<String>,
}

fn head(reader: &mut Reader<'_>, file: &str, table: &Table) -> Head {
    reader.keys(table, &DOCUMENT);
    match table.get("schema") {
        None => reader.mistake_hint(&(0..0), "`schema` is missing", "the first line of a scenario is `schema = 1`"),
        Some(node) if node.value == Value::Integer(Some(SCHEMA)) => {}
        Some(node) => reader.mistake_hint(&node.at, "this schema is not known", format!("this version reads {SCHEMA}")),
    }
    let stem = Path::new(file).file_stem().map_or("scenario".into(), |stem| stem.to_string_lossy().into_owned());
    let mut name = stem;
    if let Some((node, text)) = table.get("name").and_then(|node| Some((node, reader.text(node, "`name`")?))) {
        if text.trim().is_empty() || text.chars().any(char::is_control) {
            reader.mistake(&node.at, "a name has letters and stands on one line");
        }
        name = text.to_string();
    }
    let about = table.get("about").and_then(|node| reader.text(node, "`about`")).unwrap_or_default().to_string();
    Head { name: name.into(), about, real_reason: real_reason(reader, table) }
}

/// `real = false` and `real-reason` come together: what is not played for real says why.
fn real_reason(reader: &mut Reader<'_>, table: &Table) -> Option<String> {
    let real = table.get("real").and_then(|node| reader.boolean(node, "`real`")).unwrap_or(true);
    let reason = table.get("real-reason").and_then(|node| reader.text(node, "`real-reason`"));
    match (real, reason) {
        (true, Some(_)) => {
            let at = table.field("real-reason").map_or(0..0, |field| field.key_at.clone());
            reader.mistake_hint(&at, "`real-reason` says why not, but this is played for real", "add `real = false`");
            None
        }
        (true, None) => None,
        (false, Some(reason)) if !reason.trim().is_empty() => Some(reason.to_string()),
        (false, Some(_) | None) => {
            let at = table.field("real").map_or(0..0, |field| field.key_at.clone());
            reader.mistake_hint(&at, "`real = false` needs a reason", "add real-reason = \"…\"");
            Some(String::new())
        }
    }
}

/// One case: everything that an axis can change.
fn body(reader: &mut Reader<'_>, table: &Table, head: &Head, options: &Options) -> Case {
    let (session, names) = session::session(reader, table, &head.name);
    let stimuli = stimuli::stimuli(reader, table, &session, &names);
    let faults = faults::faults(reader, table, &names);
    let Expected { expectations, allows, checks } = expect::expect(reader, table, &names, &options.oracles);
    Case {
        index: 1,
        label: "".into(),
        session: Arc::new(session),
        stimuli,
        faults: faults.into(),
        crashes: [].into(),
        expectations: Arc::new(expectations),
        allows: allows.into(),
        checks: checks.into(),
        limits: limits(reader, table),
        names: Arc::new(names),
    }
}

/// Every combination of the axes, read as if it had been written so.
fn cases(reader: &mut Reader<'_>, table: &Table, head: &Head, sweep: &Sweep, options: &Options) -> Vec<Case> {
    let mut cases = Vec::new();
    let total: usize = sweep.axes.iter().map(|axis| axis.values.len()).product();
    for number in 0..total {
        let mut varied = table.clone();
        let mut labels = Vec::new();
        let mut rest = number;
        // The last axis turns fastest.
        for axis in sweep.axes.iter().rev() {
            let n = rest % axis.values.len();
            rest /= axis.values.len();
            if let Some(with) = axis.apply(&varied, &axis.values[n]) {
                varied = with;
            }
            labels.push(axis.describe(n));
        }
        labels.reverse();
        let case = body(reader, &varied, head, options);
        cases.push(Case { index: number as u32 + 1, label: labels.join(", ").into(), ..case });
        if reader.problems.len() > DIAGNOSTICS_MAX {
            reader.problems.sort_by_key(|problem| (problem.at.start, problem.at.end, problem.message.clone()));
            reader.problems.dedup();
        }
        if reader.problems.len() > DIAGNOSTICS_MAX {
            break;
        }
    }
    cases
}

fn limits(reader: &mut Reader<'_>, document: &Table) -> Limits {
    let mut limits = Limits::default();
    let Some(table) = document.get("limits").and_then(|node| reader.table(node, "`limits`")) else { return limits };
    reader.keys(table, &LIMITS);
    if let Some(node) = table.get("time") {
        limits.time = reader.duration(node, "`time`").unwrap_or(limits.time);
        if limits.time.is_zero() {
            reader.mistake(&node.at, "a run without time is no run");
        }
    }
    if let Some(node) = table.get("steps") {
        limits.steps = reader.integer(node, "`steps`", 1, STEPS_MAX).unwrap_or(limits.steps);
    }
    limits
}

pub(super) const DOCUMENT: Keys = Keys {
    of: "a scenario",
    known: &[
        "schema",
        "name",
        "about",
        "real",
        "real-reason",
        "session",
        "defaults",
        "workers",
        "actions",
        "stimuli",
        "faults",
        "expect",
        "limits",
        "sweep",
    ],
    later: &[],
};
pub(super) const LIMITS: Keys = Keys { of: "`limits`", known: &["time", "steps"], later: &[] };
/// The version of the format.
const SCHEMA: i64 = 1;
const STEPS_MAX: u64 = 1_000_000_000_000;
