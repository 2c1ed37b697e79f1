//! A TOML document as a tree that knows where each of its parts stands. All checks walk this tree: a derive would stop at the
//! first mistake, and axes of a sweep could not put other values into it.

use super::diagnostic::{DiagnosticKind, Problem};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// A value and where it stands.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Node {
    pub at: Range<usize>,
    pub value: Value,
}

/// A value.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Value {
    Text(String),
    /// `None` where it is beyond 64 bits.
    Integer(Option<i64>),
    Float(f64),
    Bool(bool),
    Date,
    List(Vec<Node>),
    Table(Table),
}

impl Value {
    /// As error messages call it.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Text(_) => "a text",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a number",
            Value::Bool(_) => "true or false",
            Value::Date => "a date",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

/// A table in the order of the file.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Table(pub Vec<Field>);

/// A key and its value.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Field {
    pub key: String,
    pub key_at: Range<usize>,
    pub node: Node,
}

impl Table {
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.field(key).map(|field| &field.node)
    }

    pub fn field(&self, key: &str) -> Option<&Field> {
        self.0.iter().find(|field| field.key == key)
    }

    pub fn field_mut(&mut self, key: &str) -> Option<&mut Field> {
        self.0.iter_mut().find(|field| field.key == key)
    }

    /// This table over `below`: its own values win, tables merge key by key.
    pub fn over(&self, below: &Table) -> Table {
        let mut merged = self.clone();
        for field in &below.0 {
            match merged.field_mut(&field.key) {
                None => merged.0.push(field.clone()),
                Some(own) => {
                    if let (Value::Table(own), Value::Table(below)) = (&mut own.node.value, &field.node.value) {
                        *own = own.over(below);
                    }
                }
            }
        }
        merged
    }
}

/// Reads a TOML text. What can be understood is in the tree even where there are problems.
pub(crate) fn document(source: &str) -> (Table, Vec<Problem>) {
    let (table, errors) = DeTable::parse_recoverable(source);
    let problems = errors.iter().map(|error| Problem {
        at: error.span().unwrap_or(0..0),
        kind: DiagnosticKind::Mistake,
        message: format!("this is not TOML: {}", error.message()),
        hint: None,
    });
    (from_table(table.get_ref()), problems.collect())
}

fn from_table(table: &DeTable<'_>) -> Table {
    let mut fields: Vec<Field> = table
        .iter()
        .map(|(key, value)| Field {
            key: key.get_ref().to_string(),
            key_at: key.span(),
            node: Node { at: value.span(), value: from_value(value.get_ref()) },
        })
        .collect();
    fields.sort_by_key(|field| field.key_at.start);
    Table(fields)
}

fn from_value(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(n) => Value::Integer(i64::from_str_radix(n.as_str(), n.radix()).ok()),
        DeValue::Float(n) => Value::Float(n.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(b) => Value::Bool(*b),
        DeValue::Datetime(_) => Value::Date,
        DeValue::Array(items) => {
            let items = items.iter();
            Value::List(items.map(|item| Node { at: item.span(), value: from_value(item.get_ref()) }).collect())
        }
        DeValue::Table(table) => Value::Table(from_table(table)),
    }
}

/// Where the bytes `inner` of a text's content stand in the file. `at` is the place of the written text, quotes included;
/// where the content cannot be followed (it came from elsewhere) the whole place is the answer.
pub(crate) fn inside(source: &str, at: &Range<usize>, content: &str, inner: &Range<usize>) -> Range<usize> {
    let Some(written) = source.get(at.clone()) else {
        return at.clone();
    };
    let Some(map) = content_map(written, content) else {
        return at.clone();
    };
    match (map.get(inner.start), map.get(inner.end)) {
        (Some(start), Some(end)) => at.start + start..at.start + (*end).max(*start),
        (None, _) | (_, None) => at.clone(),
    }
}

/// For each byte of the content, and for its end, where it stands in the written text.
fn content_map(written: &str, content: &str) -> Option<Vec<usize>> {
    let (quote, raw) = ["\"\"\"", "'''", "\"", "'"].into_iter().find_map(|quote| {
        let body = written.strip_prefix(quote)?.strip_suffix(quote)?;
        Some((quote, body))
    })?;
    let mut i = 0;
    if quote.len() == 3 {
        i = if raw.starts_with("\r\n") { 2 } else { usize::from(raw.starts_with('\n')) };
    }
    let mut map = Vec::with_capacity(content.len() + 1);
    let mut expected = content.chars();
    let basic = quote.starts_with('"');
    while i < raw.len() {
        let rest = &raw[i..];
        let letter = rest.chars().next()?;
        if basic && letter == '\\' {
            match escape(rest) {
                Escape::Letter(width) => {
                    map.extend(std::iter::repeat_n(quote.len() + i, expected.next()?.len_utf8()));
                    i += width;
                }
                Escape::LineEnd(width) => i += width,
            }
            continue;
        }
        if letter == '\r' && rest.starts_with("\r\n") && expected.clone().next() == Some('\n') {
            i += 1;
            continue;
        }
        if expected.next() != Some(letter) {
            return None;
        }
        map.extend(std::iter::repeat_n(quote.len() + i, letter.len_utf8()));
        i += letter.len_utf8();
    }
    map.push(quote.len() + raw.len());
    (expected.next().is_none() && map.len() == content.len() + 1).then_some(map)
}

enum Escape {
    /// Stands for one letter.
    Letter(usize),
    /// A backslash at the end of a line: it and all blanks that follow stand for nothing.
    LineEnd(usize),
}

fn escape(rest: &str) -> Escape {
    let after = &rest[1..];
    let blanks = after.len() - after.trim_start_matches([' ', '\t', '\r', '\n']).len();
    if after[..blanks].contains('\n') {
        return Escape::LineEnd(1 + blanks);
    }
    let width = match after.chars().next() {
        Some('x') => 4,
        Some('u') => 6,
        Some('U') => 10,
        Some(other) => 1 + other.len_utf8(),
        None => 1,
    };
    Escape::Letter(width.min(rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_inside_texts_are_places_in_the_file() {
        for (written, content, find) in [
            ("\"abc X def\"", "abc X def", "X"),
            ("'abc X def'", "abc X def", "X"),
            ("\"a\\n\\t\\u00e4 X\"", "a\n\tä X", "X"),
            ("\"\"\"\nabc\n  X\n\"\"\"", "abc\n  X\n", "X"),
            ("\"\"\"\r\nabc\r\n  X\"\"\"", "abc\r\n  X", "X"),
            ("\"\"\"\r\nabc\r\n  X\"\"\"", "abc\n  X", "X"),
            ("\"\"\"a \\\n    X\"\"\"", "a X", "X"),
            ("'''\n\\n X'''", "\\n X", "X"),
        ] {
            let source = format!("key = {written} # end");
            let at = 6..6 + written.len();
            let inner = content.find(find).map(|n| n..n + 1).unwrap();
            let found = inside(&source, &at, content, &inner);
            assert_eq!(&source[found], find, "{written}");
        }
        assert_eq!(inside("x = 1", &(4..5), "1", &(0..1)), 4..5);
    }

    #[test]
    fn nesting_is_bounded_so_the_tree_can_be_walked_by_recursion() {
        for deep in [
            format!("a{} = 1", ".a".repeat(100_000)),
            format!("[a{}]", ".a".repeat(100_000)),
            format!("a = {}", "[".repeat(10_000)),
            format!("a = {}", "{a=".repeat(10_000)),
        ] {
            assert!(!document(&deep).1.is_empty());
        }
        assert_eq!(document("a = \"one. two. three.\"").1.len(), 0);
    }

    #[test]
    fn every_part_knows_its_place() {
        let source = "a = 1\n[t.u]\nk = \"v\"\n[[l]]\nx = 2\n";
        let (table, problems) = document(source);
        assert!(problems.is_empty());
        let Some(Value::Table(t)) = table.get("t").map(|node| &node.value) else { panic!("{table:?}") };
        let Some(Value::Table(u)) = t.get("u").map(|node| &node.value) else { panic!("{t:?}") };
        let k = u.field("k").unwrap();
        assert_eq!((&source[k.key_at.clone()], &source[k.node.at.clone()]), ("k", "\"v\""));
        assert_eq!(&source[t.field("u").unwrap().key_at.clone()], "u");
        let Some(Value::List(l)) = table.get("l").map(|node| &node.value) else { panic!("{table:?}") };
        assert_eq!(&source[l[0].at.clone()], "[[l]]");
    }
}
