//! Diagnostics: what is wrong with a scenario file, where, and what to write instead. Rendered as rustc renders its own, since
//! people know how to read those.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// One thing that is wrong with a scenario file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// The file, as it was named.
    pub file: Arc<str>,
    /// The line, from 1; 0 where the file could not be read at all.
    pub line: usize,
    /// The column in characters, from 1; 0 where the file could not be read at all.
    pub column: usize,
    /// The line itself.
    pub text: Arc<str>,
    /// The bytes of `text` that are at fault.
    pub marked: Range<usize>,
    /// A mistake, or something that is not built yet.
    pub kind: DiagnosticKind,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// Whose fault it is. Both end in exit code 3.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DiagnosticKind {
    /// The file's.
    Mistake,
    /// Ours: it belongs to the format and is not built yet.
    NotSupportedYet,
}

impl Diagnostic {
    /// About a file as a whole; the message goes on from the file's name.
    pub(crate) fn of_file(file: &str, message: String, hint: Option<String>) -> Diagnostic {
        let kind = DiagnosticKind::Mistake;
        Diagnostic { file: file.into(), line: 0, column: 0, text: "".into(), marked: 0..0, kind, message, hint }
    }

    /// As a person reads it, over several lines; with colours where `styled`.
    pub fn render(&self, styled: bool) -> String {
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        let mut group = if self.line == 0 {
            Group::with_title(Level::ERROR.primary_title(format!("{} {}", self.file, self.message)))
        } else {
            let marked = AnnotationKind::Primary.span(self.marked.clone());
            let snippet = Snippet::source(&*self.text).line_start(self.line).path(&*self.file).annotation(marked);
            Level::ERROR.primary_title(&*self.message).element(snippet)
        };
        if let Some(hint) = &self.hint {
            group = group.element(Level::HELP.message(&**hint));
        }
        renderer.term_width(COLUMNS).render(&[group])
    }
}

impl fmt::Display for Diagnostic {
    /// In one line: `file:line:column: message (hint)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line != 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Diagnostic {}

/// All of them, an empty line between each two.
pub fn render_all(diagnostics: &[Diagnostic], styled: bool) -> String {
    let all: Vec<String> = diagnostics.iter().map(|each| each.render(styled)).collect();
    all.join("\n\n")
}

/// A diagnostic before its line and column are known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Problem {
    pub at: Range<usize>,
    pub kind: DiagnosticKind,
    pub message: String,
    pub hint: Option<String>,
}

/// Places problems in their file: sorted by place, each told once, at most [`DIAGNOSTICS_MAX`].
pub(crate) fn placed(file: &str, source: &str, mut problems: Vec<Problem>) -> Vec<Diagnostic> {
    problems.sort_by(|a, b| (a.at.start, a.at.end, &a.message).cmp(&(b.at.start, b.at.end, &b.message)));
    problems.dedup();
    problems.truncate(DIAGNOSTICS_MAX);
    let file: Arc<str> = file.into();
    problems.into_iter().map(|problem| place(&file, source, problem)).collect()
}

fn place(file: &Arc<str>, source: &str, problem: Problem) -> Diagnostic {
    let start = boundary(source, problem.at.start);
    let end = boundary(source, problem.at.end).max(start);
    let line_start = source[..start].rfind('\n').map_or(0, |n| n + 1);
    let line_end = source[line_start..].find('\n').map_or(source.len(), |n| line_start + n);
    let text = source[line_start..line_end].trim_end_matches('\r');
    Diagnostic {
        file: file.clone(),
        line: source[..line_start].matches('\n').count() + 1,
        column: source[line_start..start].chars().count() + 1,
        marked: (start - line_start).min(text.len())..(end - line_start).min(text.len()),
        text: text.into(),
        kind: problem.kind,
        message: problem.message,
        hint: problem.hint,
    }
}

/// The nearest place at or before this one where a character begins.
fn boundary(source: &str, at: usize) -> usize {
    (0..=at.min(source.len())).rev().find(|n| source.is_char_boundary(*n)).unwrap_or(0)
}

/// Of one file at most this many diagnostics are told.
pub const DIAGNOSTICS_MAX: usize = 100;
/// Lines longer than this are cut around the place at fault.
const COLUMNS: usize = 100;
