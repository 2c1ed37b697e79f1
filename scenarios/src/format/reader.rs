//! The reader that all parts of the format share: it takes typed values out of the tree and collects what is wrong, so that
//! one pass tells every mistake.

use super::diagnostic::{DiagnosticKind, Problem};
use super::tree::{Field, Node, Table, Value, inside};
use shakedown_core::puppet::{DurationError, nearest, parse_duration, parse_range};
use shakedown_core::signal::Signal;
use shakedown_core::time::{Duration, DurationRange};
use std::ops::Range;

/// Collects problems while a document is read.
pub(crate) struct Reader<'a> {
    pub source: &'a str,
    pub problems: Vec<Problem>,
}

/// The keys of one kind of table.
pub(crate) struct Keys {
    /// As error messages call the table.
    pub of: &'static str,
    pub known: &'static [&'static str],
    /// Keys of the contract that are not built yet.
    pub later: &'static [&'static str],
}

impl<'a> Reader<'a> {
    pub fn new(source: &'a str) -> Reader<'a> {
        Reader { source, problems: Vec::new() }
    }

    pub fn mistake(&mut self, at: &Range<usize>, message: impl Into<String>) {
        self.note(at, DiagnosticKind::Mistake, message.into(), None);
    }

    pub fn mistake_hint(&mut self, at: &Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        self.note(at, DiagnosticKind::Mistake, message.into(), Some(hint.into()));
    }

    /// Something of the contract that is not built yet.
    pub fn later(&mut self, at: &Range<usize>, what: &str) {
        self.note(at, DiagnosticKind::NotSupportedYet, format!("{what} is not supported yet"), None);
    }

    pub fn note(&mut self, at: &Range<usize>, kind: DiagnosticKind, message: String, hint: Option<String>) {
        self.problems.push(Problem { at: at.clone(), kind, message, hint });
    }

    /// Tells every key of the table that is unknown, or known and not built yet.
    pub fn keys(&mut self, table: &Table, keys: &Keys) {
        for field in &table.0 {
            let key = field.key.as_str();
            if keys.later.contains(&key) {
                self.later(&field.key_at, &format!("`{key}` of {}", keys.of));
            } else if !keys.known.contains(&key) {
                let all = keys.known.iter().chain(keys.later).copied();
                self.unknown_of(&field.key_at, "key", key, &format!(" of {}", keys.of), all);
            }
        }
    }

    /// An unknown word among known ones.
    pub fn unknown<'k>(
        &mut self,
        at: &Range<usize>,
        what: &str,
        word: &str,
        known: impl Iterator<Item = &'k str> + Clone,
    ) {
        self.unknown_of(at, what, word, "", known);
    }

    fn unknown_of<'k>(
        &mut self,
        at: &Range<usize>,
        what: &str,
        word: &str,
        of: &str,
        known: impl Iterator<Item = &'k str> + Clone,
    ) {
        let hint = match nearest(word, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                let known: Vec<&str> = known.take(KNOWN_SHOWN + 1).collect();
                let more = if known.len() > KNOWN_SHOWN { ", …" } else { "" };
                format!("known are {}{more}", known[..known.len().min(KNOWN_SHOWN)].join(", "))
            }
        };
        self.mistake_hint(at, format!("unknown {what} `{}`{of}", short(word)), hint);
    }

    /// The place of a part of a text's content.
    pub fn inside(&self, node: &Node, content: &str, inner: &Range<usize>) -> Range<usize> {
        inside(self.source, &node.at, content, inner)
    }

    pub fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        match &node.value {
            Value::Text(text) => Some(text),
            Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Date | Value::List(_) | Value::Table(_) => {
                self.wrong(node, what, "a text in quotes");
                None
            }
        }
    }

    pub fn boolean(&mut self, node: &Node, what: &str) -> Option<bool> {
        match &node.value {
            Value::Bool(b) => Some(*b),
            Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::Date | Value::List(_) | Value::Table(_) => {
                self.wrong(node, what, "`true` or `false`");
                None
            }
        }
    }

    /// An integer between both ends.
    pub fn integer(&mut self, node: &Node, what: &str, least: u64, most: u64) -> Option<u64> {
        match &node.value {
            Value::Integer(n) => {
                let inside = n.and_then(|n| u64::try_from(n).ok()).filter(|n| (least..=most).contains(n));
                if inside.is_none() {
                    let message = format!("{what} is between {least} and {most}");
                    self.mistake(&node.at, message);
                }
                inside
            }
            Value::Text(_) | Value::Float(_) | Value::Bool(_) | Value::Date | Value::List(_) | Value::Table(_) => {
                self.wrong(node, what, "an integer");
                None
            }
        }
    }

    pub fn table<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n Table> {
        match &node.value {
            Value::Table(table) => Some(table),
            Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Date | Value::List(_) => {
                self.wrong(node, what, "a table");
                None
            }
        }
    }

    pub fn list<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Node]> {
        match &node.value {
            Value::List(items) => Some(items),
            Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Date | Value::Table(_) => {
                self.wrong(node, what, "a list");
                None
            }
        }
    }

    /// The tables of an array of tables, `[[key]]`.
    pub fn tables<'n>(&mut self, document: &'n Table, key: &str) -> Vec<(&'n Node, &'n Table)> {
        let Some(field) = document.field(key) else { return Vec::new() };
        if let Value::Table(_) = field.node.value {
            self.mistake_hint(&field.key_at, format!("`{key}` is a list of tables"), format!("write `[[{key}]]`"));
            return Vec::new();
        }
        let Some(items) = self.list(&field.node, &format!("`{key}`")) else { return Vec::new() };
        items.iter().filter_map(|item| Some((item, self.table(item, &format!("each of `{key}`"))?))).collect()
    }

    /// One of a list of words, each with what it stands for; `None` of them is a word that is not built yet.
    pub fn choice<T: Copy>(&mut self, node: &Node, what: &str, words: &[(&str, Option<T>)]) -> Option<T> {
        let text = self.text(node, &format!("a {what}"))?;
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, Some(value))) => Some(*value),
            Some((word, None)) => {
                self.later(&node.at, &format!("{what} `{word}`"));
                None
            }
            None => {
                self.unknown(&node.at, what, text, words.iter().map(|(word, _)| *word));
                None
            }
        }
    }

    pub fn duration(&mut self, node: &Node, what: &str) -> Option<Duration> {
        let text = self.duration_text(node, what)?;
        parse_duration(text).map_err(|error| self.bad_duration(node, text, error)).ok()
    }

    pub fn range(&mut self, node: &Node, what: &str) -> Option<DurationRange> {
        let text = self.duration_text(node, what)?;
        parse_range(text).map_err(|error| self.bad_duration(node, text, error)).ok()
    }

    fn duration_text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        if let Value::Integer(Some(n)) = node.value {
            let hint = format!("write a unit, as in \"{n}ms\" or \"{n}s\"");
            self.mistake_hint(&node.at, format!("{what} is a duration in quotes"), hint);
            return None;
        }
        self.text(node, what)
    }

    fn bad_duration(&mut self, node: &Node, text: &str, error: DurationError) {
        let at = if error.at == (0..text.len()) { node.at.clone() } else { self.inside(node, text, &error.at) };
        self.note(&at, DiagnosticKind::Mistake, error.message, error.hint);
    }

    pub fn signal(&mut self, node: &Node) -> Option<Signal> {
        let text = self.text(node, "a signal")?;
        let found = Signal::parse(text);
        if found.is_none() {
            let names: Vec<String> = Signal::all().map(|signal| signal.to_string()).collect();
            self.unknown(&node.at, "signal", text, names.iter().map(String::as_str));
        }
        found
    }

    /// A text map such as `env` and `tags`.
    pub fn pairs(&mut self, field: &Field, what: &str) -> Vec<(Field, String)> {
        let Some(table) = self.table(&field.node, what) else { return Vec::new() };
        let mut pairs = Vec::new();
        for field in &table.0 {
            let Some(value) = self.text(&field.node, &format!("`{}` of {what}", short(&field.key))) else { continue };
            if value.contains('\0') || field.key.contains('\0') {
                self.mistake(&field.node.at, "a zero byte cannot stand here");
                continue;
            }
            pairs.push((field.clone(), value.to_string()));
        }
        pairs
    }

    fn wrong(&mut self, node: &Node, what: &str, expected: &str) {
        self.mistake(&node.at, format!("{what} is {expected}, not {}", node.value.kind()));
    }
}

/// A word of the file as messages show it.
pub(crate) fn short(word: &str) -> String {
    if word.chars().count() <= WORD_SHOWN {
        return word.escape_debug().collect();
    }
    word.chars().take(WORD_SHOWN).flat_map(char::escape_debug).chain(['…']).collect()
}

/// So many known words are listed where none is near.
const KNOWN_SHOWN: usize = 24;
/// So many letters of an unknown word are shown.
const WORD_SHOWN: usize = 60;
