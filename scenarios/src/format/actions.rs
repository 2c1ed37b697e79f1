//! `[actions.NAME]`: what a session lets others do by name, each a process that is started and waited for.

use super::reader::{Keys, Reader};
use super::tree::{Table, Value};
use super::worker;
use shakedown_core::vocab::{ActionSpec, ProcessSpec};
use std::sync::Arc;

/// Reads all of them. `workers` are those of the file: a name means one thing.
pub(super) fn actions(reader: &mut Reader<'_>, document: &Table, workers: &Table) -> Vec<ActionSpec> {
    let Some(table) = document.get("actions").and_then(|node| reader.table(node, "`actions`")) else {
        return Vec::new();
    };
    let mut actions = Vec::new();
    for field in &table.0 {
        let name: Arc<str> = field.key.as_str().into();
        if name.len() > worker::NAME_MAX || name.is_empty() || !name.chars().all(may_stand_in_a_name) {
            let hint = format!("up to {} letters, digits, `-`, `_` and `.`", worker::NAME_MAX);
            let message = format!("`{}` is not an action's name", super::reader::short(&name));
            reader.mistake_hint(&field.key_at, message, hint);
        } else if &*name == "session" || workers.field(&name).is_some() {
            let hint = "patterns would not know which of the two is meant";
            reader.mistake_hint(&field.key_at, format!("`{name}` is the name of another subject"), hint);
        }
        let Some(own) = reader.table(&field.node, "an action") else { continue };
        reader.keys(own, &ACTION);
        let enabled = own.get("enabled").and_then(|node| reader.boolean(node, "`enabled`")).unwrap_or(true);
        let env = worker::texts(reader, own, "env");
        if let Some(program) = worker::process(reader, field, own) {
            let process = Arc::new(ProcessSpec { env, ..ProcessSpec::new(&name, program) });
            actions.push(ActionSpec { name, process, enabled });
        }
    }
    actions
}

/// The names of all that the file has, also of those that are faulty.
pub(super) fn names(document: &Table) -> Vec<Arc<str>> {
    match document.get("actions").map(|node| &node.value) {
        Some(Value::Table(table)) => table.0.iter().map(|field| field.key.as_str().into()).collect(),
        Some(Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Date | Value::List(_)) => {
            Vec::new()
        }
        None => Vec::new(),
    }
}

fn may_stand_in_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.'
}

pub(super) const ACTION: Keys =
    Keys { of: "an action", known: &["command", "sim", "puppet", "env", "enabled"], later: &[] };
