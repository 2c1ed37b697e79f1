//! Sentences as text and as a tree. Only grammar lives here; whether the names exist is asked of a plan afterwards.

use super::names::Event;
use shakedown_core::puppet::{nearest, parse_duration};
use shakedown_core::time::Duration;
use std::fmt;
use std::ops::Range;

/// A sentence: an event, and when it counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sentence {
    /// The event that it is about.
    pub what: Phrase,
    /// In the order of the text, at most one of each kind.
    pub clauses: Vec<Clause>,
}

/// A part of a sentence that says when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Clause {
    /// `within D of Y`, `within D after Y`.
    Within(Duration, Phrase),
    /// `before Y`.
    Before(Phrase),
    /// `after Y`.
    After(Phrase),
    /// `unless Z`.
    Unless(Phrase),
}

/// `SUBJECT EVENT`, each with alternatives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Phrase {
    /// Names or globs.
    pub subjects: Vec<Word>,
    /// Events by their words.
    pub events: Vec<(Word, Event)>,
}

/// A word and where it stands in the sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word {
    /// The word.
    pub text: String,
    /// Its bytes.
    pub at: Range<usize>,
}

/// Something in a sentence that cannot be judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PatternError {
    /// The bytes of the sentence that are at fault.
    pub at: Range<usize>,
    /// Whether it is an event of the contract that is not built yet, and no mistake.
    pub not_supported_yet: bool,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl PatternError {
    pub(super) fn new(at: &Range<usize>, message: String, hint: Option<String>) -> PatternError {
        PatternError { at: at.clone(), not_supported_yet: false, message, hint }
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for PatternError {}

/// Reads a sentence.
///
/// # Errors
/// All that is wrong with its words.
///
/// ```
/// let sentence = shakedown::pattern::parse("session stopped within 30s of session stop-requested").unwrap();
/// assert_eq!(sentence.clauses.len(), 1);
/// ```
pub fn parse(text: &str) -> Result<Sentence, Vec<PatternError>> {
    let mut parser = Parser { text, words: words_of(text), at: 0, errors: Vec::new() };
    let sentence = parser.sentence();
    match sentence {
        Some(sentence) if parser.errors.is_empty() => Ok(sentence),
        Some(_) | None => Err(parser.errors),
    }
}

/// Reads `SUBJECT EVENT` alone.
///
/// # Errors
/// As [`parse`], and where a clause follows.
pub fn parse_phrase(text: &str) -> Result<Phrase, Vec<PatternError>> {
    let sentence = parse(text)?;
    if sentence.clauses.is_empty() {
        return Ok(sentence.what);
    }
    let hint = "only `SUBJECT EVENT` can stand here".to_string();
    Err(vec![PatternError::new(&(0..text.len()), "a clause is too much here".into(), Some(hint))])
}

/// The words of a text, by blanks, with their places.
pub fn words_of(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = 0;
    for word in text.split_whitespace() {
        let start = rest + text[rest..].find(word).unwrap_or(0);
        rest = start + word.len();
        words.push(Word { text: word.to_string(), at: start..rest });
    }
    words
}

struct Parser<'a> {
    text: &'a str,
    words: Vec<Word>,
    at: usize,
    errors: Vec<PatternError>,
}

impl Parser<'_> {
    fn sentence(&mut self) -> Option<Sentence> {
        let what = self.phrase()?;
        let mut clauses: Vec<Clause> = Vec::new();
        while let Some(word) = self.next() {
            let clause = match word.text.as_str() {
                "within" => self.within(&word)?,
                "before" => Clause::Before(self.phrase()?),
                "after" => Clause::After(self.phrase()?),
                "unless" => Clause::Unless(self.phrase()?),
                other => {
                    let hint = match nearest(other, CLAUSES.iter().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "alternatives are written `a|b`, without blanks".into(),
                    };
                    let known = CLAUSES.join("`, `");
                    self.fail(&word.at, format!("`{known}` or the end is expected here, not `{other}`"), &hint);
                    return None;
                }
            };
            if clauses.iter().any(|other| std::mem::discriminant(other) == std::mem::discriminant(&clause)) {
                self.fail(&word.at, format!("a second `{}`", word.text), "one of each kind");
            }
            clauses.push(clause);
        }
        Some(Sentence { what, clauses })
    }

    fn within(&mut self, word: &Word) -> Option<Clause> {
        const EXAMPLE: &str = "as in `a exited within 5s of a stop-requested`";
        let Some(limit) = self.next() else {
            self.fail(&word.at, "`within` needs a duration".into(), EXAMPLE);
            return None;
        };
        let duration = parse_duration(&limit.text).map_err(|error| {
            let at = limit.at.start + error.at.start..limit.at.start + error.at.end;
            self.errors.push(PatternError::new(&at, error.message, error.hint));
        });
        let Some(of) = self.next() else {
            self.fail(&word.at, "`within` needs an event to count from".into(), EXAMPLE);
            return None;
        };
        if of.text != "of" && of.text != "after" {
            self.fail(&of.at, format!("`of` or `after` is expected here, not `{}`", of.text), EXAMPLE);
            return None;
        }
        let phrase = self.phrase()?;
        Some(Clause::Within(duration.ok()?, phrase))
    }

    fn phrase(&mut self) -> Option<Phrase> {
        let Some(subject) = self.next() else {
            let end = self.text.len();
            let at = self.words.last().map_or(0..end, |word| word.at.clone());
            self.fail(
                &at,
                "a subject and an event are expected".into(),
                "as in `session stopped`, `server/helper exited`",
            );
            return None;
        };
        let Some(event) = self.next() else {
            self.fail(&subject.at, format!("`{}` does what?", subject.text), "write `SUBJECT EVENT`");
            return None;
        };
        let subjects = self.alternatives(&subject);
        let events = self.alternatives(&event);
        let events = events.into_iter().filter_map(|word| self.event(word)).collect();
        Some(Phrase { subjects, events })
    }

    fn event(&mut self, word: Word) -> Option<(Word, Event)> {
        if let Some(event) = Event::parse(&word.text) {
            return Some((word, event));
        }
        let all = Event::ALL.iter().map(|event| event.word());
        let hint = match nearest(&word.text, all.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are {}", all.collect::<Vec<_>>().join(", ")),
        };
        self.fail(&word.at, format!("unknown event `{}`", word.text), &hint);
        None
    }

    fn alternatives(&mut self, word: &Word) -> Vec<Word> {
        let mut all = Vec::new();
        let mut start = word.at.start;
        for part in word.text.split('|') {
            let at = start..start + part.len();
            start = at.end + 1;
            if part.is_empty() {
                self.fail(&word.at, "an alternative is empty".into(), "write `a|b`, without blanks");
                return all;
            }
            all.push(Word { text: part.to_string(), at });
        }
        all
    }

    fn next(&mut self) -> Option<Word> {
        let word = self.words.get(self.at).cloned();
        self.at += 1;
        word
    }

    fn fail(&mut self, at: &Range<usize>, message: String, hint: &str) {
        self.errors.push(PatternError::new(at, message, Some(hint.to_string())));
    }
}

const CLAUSES: &[&str] = &["within", "before", "after", "unless"];
