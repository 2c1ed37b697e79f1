//! The sweep of a scenario: seeds and axes. An axis is checked by doing what it says: its values are put into the document,
//! and the document is read again.

use super::reader::{Keys, Reader, short};
use super::tree::{Field, Node, Table, Value};
use std::ops::Range;

/// What `[sweep]` says.
pub(super) struct Sweep {
    pub seeds: u64,
    pub axes: Vec<Axis>,
}

/// One axis.
pub(super) struct Axis {
    path: Vec<String>,
    key_at: Range<usize>,
    pub values: Vec<Node>,
    /// The shortest end of its path that no other axis ends in.
    pub label: String,
}

/// Reads `[sweep]`.
pub(super) fn sweep(reader: &mut Reader<'_>, document: &Table) -> Sweep {
    let mut sweep = Sweep { seeds: SEEDS_DEFAULT, axes: Vec::new() };
    let Some(table) = document.get("sweep").and_then(|node| reader.table(node, "`sweep`")) else { return sweep };
    reader.keys(table, &SWEEP);
    if let Some(node) = table.get("seeds") {
        sweep.seeds = reader.integer(node, "`seeds`", 1, SEEDS_MAX).unwrap_or(SEEDS_DEFAULT);
    }
    let Some(axes) = table.get("axes").and_then(|node| reader.table(node, "`axes`")) else { return sweep };
    for field in &axes.0 {
        sweep.axes.extend(axis(reader, document, field));
    }
    let product = sweep.axes.iter().try_fold(1usize, |product, axis| product.checked_mul(axis.values.len()));
    if product.is_none_or(|cases| cases > CASES_MAX) {
        let at = table.field("axes").map_or(0..0, |field| field.key_at.clone());
        reader.mistake(&at, format!("the axes make more than {CASES_MAX} cases"));
        sweep.axes.clear();
    }
    label(&mut sweep.axes);
    sweep
}

fn axis(reader: &mut Reader<'_>, document: &Table, field: &Field) -> Option<Axis> {
    if let Value::Table(_) = field.node.value {
        let hint = format!("write the whole key in quotes: \"{}.…\" = […]", field.key);
        reader.mistake_hint(&field.key_at, "an axis is a list of values", hint);
        return None;
    }
    let values = reader.list(&field.node, "an axis")?.to_vec();
    if values.is_empty() {
        reader.mistake(&field.node.at, "this axis has no values");
        return None;
    }
    let path: Vec<String> = field.key.split('.').map(str::to_string).collect();
    let root = field.key.split('.').next().unwrap_or_default();
    if !ROOTS.contains(&root) {
        reader.unknown(&field.key_at, "beginning of an axis", root, ROOTS.iter().copied());
        return None;
    }
    if !(2..=PATH_MAX).contains(&path.len()) || path.iter().any(String::is_empty) {
        let hint = "as in \"workers.server.stop.scope\"";
        reader.mistake_hint(&field.key_at, format!("`{}` is not a dotted key", short(&field.key)), hint);
        return None;
    }
    if let Some(Value::Table(workers)) = document.get("workers").map(|node| &node.value)
        && root == "workers"
        && workers.get(&path[1]).is_none()
    {
        reader.unknown(&field.key_at, "worker", &path[1], workers.0.iter().map(|field| field.key.as_str()));
        return None;
    }
    let axis = Axis { path, key_at: field.key_at.clone(), values, label: String::new() };
    // A table that is missing is made on the way, a stimulus is not.
    let nowhere = root == "stimuli" && document.get(root).is_none();
    if nowhere || axis.apply(document, &axis.values[0]).is_none() {
        let hint = "tables by their keys, lists by numbers from 0: \"stimuli.0.at\"";
        reader.mistake_hint(&field.key_at, format!("there is no `{}` in this file", short(&field.key)), hint);
        return None;
    }
    Some(axis)
}

impl Axis {
    /// The document with one of the values in its place; tables on the way are made where they are missing.
    pub fn apply(&self, document: &Table, value: &Node) -> Option<Table> {
        let mut document = document.clone();
        put(&mut document, &self.path, &self.key_at, value)?;
        Some(document)
    }

    /// As in the label of a case: `grace=1s`.
    pub fn describe(&self, n: usize) -> String {
        let value = match self.values.get(n).map(|node| &node.value) {
            Some(Value::Text(text)) => short(text),
            Some(Value::Integer(Some(n))) => n.to_string(),
            Some(Value::Float(n)) => n.to_string(),
            Some(Value::Bool(b)) => b.to_string(),
            Some(Value::Integer(None) | Value::Date | Value::List(_) | Value::Table(_)) | None => format!("#{}", n + 1),
        };
        format!("{}={value}", self.label)
    }
}

/// Puts a value where this path leads; tables on the way are made where they are missing. `None` where it leads nowhere.
pub(super) fn put(table: &mut Table, path: &[String], key_at: &Range<usize>, value: &Node) -> Option<()> {
    let (first, rest) = path.split_first()?;
    if table.field(first).is_none() {
        let node = Node { at: value.at.clone(), value: Value::Table(Table::default()) };
        table.0.push(Field { key: first.clone(), key_at: key_at.clone(), node });
    }
    put_into(&mut table.field_mut(first)?.node, rest, key_at, value)
}

fn put_into(node: &mut Node, rest: &[String], key_at: &Range<usize>, value: &Node) -> Option<()> {
    let Some((index, after)) = rest.split_first() else {
        *node = value.clone();
        return Some(());
    };
    match &mut node.value {
        Value::Table(table) => put(table, rest, key_at, value),
        Value::List(items) => put_into(items.get_mut(index.parse::<usize>().ok()?)?, after, key_at, value),
        Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Date => None,
    }
}

fn label(axes: &mut [Axis]) {
    let paths: Vec<Vec<String>> = axes.iter().map(|axis| axis.path.clone()).collect();
    for (i, axis) in axes.iter_mut().enumerate() {
        let path = &paths[i];
        let alone = |n: &usize| {
            let tail = &path[path.len() - n..];
            !paths.iter().enumerate().any(|(j, other)| j != i && other.ends_with(tail))
        };
        let n = (1..=path.len()).find(alone).unwrap_or(path.len());
        axis.label = short(&path[path.len() - n..].join("."));
    }
}

pub(super) const SWEEP: Keys = Keys { of: "`sweep`", known: &["seeds", "axes"], later: &[] };
/// Where an axis may reach.
const ROOTS: &[&str] = &["workers", "defaults", "session", "stimuli", "limits"];
const SEEDS_DEFAULT: u64 = 100;
const SEEDS_MAX: u64 = 1_000_000_000;
/// A dotted key has at most so many parts; the deepest of the format has four.
const PATH_MAX: usize = 8;
/// A scenario has at most so many cases.
pub const CASES_MAX: usize = 1000;
