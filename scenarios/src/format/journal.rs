//! Expectations about the journal: `journal = { holds = "api failed", with = { status = "unknown" } }`.

use super::expect::matcher;
use super::reader::{Keys, Reader};
use super::tree::{Field, Table, Value};
use crate::pattern::{Expectation, Kept, Names};
use std::sync::Arc;

/// Reads one; of a session that keeps a journal.
pub(super) fn journal(
    reader: &mut Reader<'_>,
    document: &Table,
    field: &Field,
    names: &Names,
) -> Option<(Arc<str>, Expectation)> {
    let table = reader.table(&field.node, "`journal`")?;
    reader.keys(table, &JOURNAL);
    if !keeps_journal(document) {
        let hint = "journal = \"drop-oldest\" of [session]";
        reader.mistake_hint(&field.key_at, "this session keeps no journal", hint);
    }
    let (node, is_wanted) = match (table.get("holds"), table.get("lacks")) {
        (Some(node), None) => (node, true),
        (None, Some(node)) => (node, false),
        (None, None) => {
            reader.mistake_hint(&field.node.at, "what of the journal?", "as in holds = \"api failed\"");
            return None;
        }
        (Some(_), Some(node)) => {
            reader.mistake_hint(&node.at, "one record an expectation", "write an `[[expect]]` for each");
            return None;
        }
    };
    let what = matcher(reader, node, names);
    let mut with = Vec::new();
    if let Some(details) = table.get("with").and_then(|node| reader.table(node, "`with`")) {
        for Field { key, node, .. } in &details.0 {
            with.push((Arc::from(key.as_str()), Arc::from(reader.text(node, "a detail")?)));
        }
    }
    let what = what?;
    let verb = if is_wanted { "holds" } else { "lacks" };
    let each: Vec<String> =
        with.iter().map(|(key, value): &(Arc<str>, Arc<str>)| format!(", {key} = {value:?}")).collect();
    let written = format!("journal {verb} {:?}{}", what.text, each.concat());
    Some((written.into(), Expectation::Journal(Kept { what, with, is_wanted })))
}

fn keeps_journal(document: &Table) -> bool {
    document.get("session").is_some_and(|node| match &node.value {
        Value::Table(session) => session.get("journal").is_some(),
        Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Date | Value::List(_) => false,
    })
}

pub(super) const JOURNAL: Keys = Keys { of: "`journal`", known: &["holds", "lacks", "with"], later: &[] };
