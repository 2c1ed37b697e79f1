//! A snapshot as text: the tree of a session in columns, as `ps` would print it.
//! The same snapshot is always the same bytes, so that two of them can be compared.

use super::Snapshot;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A line is at most so many columns wide; what does not fit ends in `…`.
pub const COLUMNS_MAX: usize = 100;

/// The whole tree, one line a node. Names, notes and tags are cut where a line would be longer than [`COLUMNS_MAX`].
///
/// ```
/// use shakedown_core::snapshot::{Kind, Snapshot, table};
/// use shakedown_core::vocab::WorkerState;
/// let mut shop = Snapshot::new("shop", Kind::Session, WorkerState::Running);
/// shop.children.push(Snapshot::new("api", Kind::Process, WorkerState::Ready));
/// assert_eq!(table(&shop), "\
/// NAME    KIND     STATUS   PID  EXIT  NOTE
/// shop    session  running  -    -
/// └─ api  process  ready    -    -
/// ");
/// ```
pub fn table(snapshot: &Snapshot) -> String {
    let mut rows = Vec::from([["NAME", "KIND", "STATUS", "PID", "EXIT", "NOTE"].map(String::from)]);
    add_rows(snapshot, "", "", &mut rows);
    let mut widths = [0; FITTED];
    for row in &mut rows {
        row[0] = cut(&row[0], NAME_MAX);
        for (width, cell) in widths.iter_mut().zip(&*row) {
            *width = (*width).max(columns(cell));
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            line.push_str(cell);
            line.extend(core::iter::repeat_n(' ', width - columns(cell) + GAP));
        }
        let left = COLUMNS_MAX.saturating_sub(columns(&line));
        line.push_str(&cut(&row[FITTED], left));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// `branch` stands before this node, `stem` before all below it.
fn add_rows(node: &Snapshot, branch: &str, stem: &str, rows: &mut Vec<[String; FITTED + 1]>) {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    rows.push([
        format!("{branch}{}", printable(&node.name)),
        node.kind.word().into(),
        node.status.word().into(),
        or_dash(node.pid.map(|pid| pid.to_string())),
        or_dash(node.exit.map(|exit| exit.to_string())),
        printable(&note(node)),
    ]);
    for (at, child) in node.children.iter().enumerate() {
        let (corner, below) = if at + 1 == node.children.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        add_rows(child, &format!("{stem}{corner}"), &format!("{stem}{below}"), rows);
    }
}

/// What a person wants to know next: what went wrong, who is in the way, and the rest of the metadata.
fn note(node: &Snapshot) -> String {
    let mut words: Vec<String> = node.error.iter().cloned().collect();
    if let Some(who) = node.metadata.get("blocked_by") {
        words.push(format!("waits for {who}"));
    }
    let is_rest = |key: &str| key != "blocked_by" && key != "incarnation";
    let rest = node.metadata.iter().filter(|(key, _)| is_rest(key));
    words.extend(rest.map(|(key, value)| format!("{key}={value}")));
    words.join("; ")
}

/// One line, whatever it says: a name is anybody's bytes, and the terminal is the reader's.
fn printable(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        if c.is_control() || is_direction(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// Whether it turns the direction of what follows: a line could be made to look like another.
const fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// At most so many columns.
fn cut(text: &str, max: usize) -> String {
    if columns(text) <= max {
        return text.into();
    }
    let mut short = String::new();
    let mut left = max.saturating_sub(1);
    for c in text.chars() {
        let width = width(c);
        if width > left {
            break;
        }
        left -= width;
        short.push(c);
    }
    if max > 0 {
        short.push('…');
    }
    short
}

fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// The columns of a character on a terminal: the ranges of wcwidth(3) that matter, not its whole table.
const fn width(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200d}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' => 2,
        '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' => 2,
        '\u{1f300}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// Columns that are as wide as their widest cell; the note takes what is left.
const FITTED: usize = 5;
/// The widest name, its branches included.
const NAME_MAX: usize = 36;
/// Between two columns.
const GAP: usize = 2;

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;
    use crate::vocab::WorkerState;

    #[test]
    fn no_name_breaks_a_line_or_its_columns() {
        let mut root = Snapshot::new("root", Kind::Session, WorkerState::Running);
        for name in ["a\nb", "tab\there", "\u{1b}[31mred", "日本語", "e\u{301}", "\u{202e}desrever", &"x".repeat(200)]
        {
            let mut child = Snapshot::new(name, Kind::Process, WorkerState::Failed);
            child.error = Some("why ".repeat(60));
            root.children.push(child);
        }
        let text = table(&root);
        let kind_at = |line: &str| columns(&line[..line.find("process").expect("a kind")]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2 + root.children.len());
        for line in &lines[2..] {
            assert_eq!(kind_at(line), kind_at(lines[2]), "{line}");
            assert!(
                columns(line) <= COLUMNS_MAX && line.ends_with('…') && !line.chars().any(char::is_control),
                "{line}"
            );
        }
    }
}
