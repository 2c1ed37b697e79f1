//! Event patterns: the small sentences in which scenario files say what must happen, and their judgement over the history of
//! a run. There is no expression language here: what is richer is a Rust oracle.
//!
//! | sentence | as `always` | as `never`, `sometimes`, `count` (an X counts when …) |
//! |---|---|---|
//! | `X within D of Y` (or `within D after Y`) | each Y is followed by an X, at most D later | a Y stands before it, at most D earlier |
//! | `X before Y` | each Y has an X before it | a Y stands after it |
//! | `X after Y` | each X has a Y before it | a Y stands before it |
//! | `… unless Z` | a Z before the moment of judgement excuses | no Z stands before it |
//!
//! Before and after mean the order of the history, which within one instant is the order in which things happened. An end of
//! the run fulfils nothing: what is still owed then is a failure.

mod compile;
mod history;
mod journal;
mod judge;
mod names;
mod sentence;

pub(crate) use compile::resolve;
pub use compile::{Expectation, Expectations, Final, Matcher, Rule, SOMETIMES_MAX, Status, compile, matcher};
pub use history::{Detail, Entry, History, ProcessEnd};
pub use journal::Kept;
pub use judge::Failure;
pub use names::{Event, Names, Subject, SubjectId, SubjectKind, glob};
pub use sentence::{Clause, PatternError, Phrase, Sentence, Word, parse, parse_phrase, words_of};

#[cfg(test)]
mod tests;
