//! Sentences made ready for a hundred thousand runs: names become bits, events become bits. What could never match is an
//! error here, before the first run.

use super::journal::Kept;
use super::names::{Event, Names, SubjectId, SubjectKind, glob};
use super::sentence::{Clause, PatternError, Phrase, Sentence, Word};
use shakedown_core::puppet::nearest;
use shakedown_core::signal::Signal;
use shakedown_core::time::Duration;
use shakedown_core::vocab::WorkerState;
use std::ops::Range;
use std::sync::Arc;

/// `SUBJECT EVENT`, ready to be compared with an entry in two instructions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Matcher {
    pub(super) subjects: Box<[u64]>,
    pub(super) events: u32,
    /// As it was written.
    pub text: Arc<str>,
}

impl Matcher {
    /// Whether it means this event of this subject.
    pub fn fits(&self, subject: SubjectId, event: Event) -> bool {
        let word = self.subjects.get(subject.0 as usize / 64).copied().unwrap_or(0);
        (self.events >> (event as u8)) & 1 == 1 && (word >> (subject.0 % 64)) & 1 == 1
    }

    /// The subjects that it means.
    pub fn subjects(&self) -> impl Iterator<Item = SubjectId> + '_ {
        let ids = 0..self.subjects.len() as u32 * 64;
        ids.filter(|id| (self.subjects[*id as usize / 64] >> (id % 64)) & 1 == 1).map(SubjectId)
    }
}

/// A sentence, ready to be judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// The event that it is about.
    pub what: Matcher,
    /// `within D of Y`.
    pub within: Option<(Duration, Matcher)>,
    /// `before Y`.
    pub before: Option<Matcher>,
    /// `after Y`.
    pub after: Option<Matcher>,
    /// `unless Z`.
    pub unless: Option<Matcher>,
}

/// A status that `final` can ask for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Status {
    /// A worker's state.
    State(WorkerState),
    /// A process left with this code.
    Exited(u8),
    /// A process was ended by this signal.
    Signalled(Signal),
    /// A process whose status nobody knows.
    Unknown,
    /// Never born, never asked to start.
    Absent,
}

/// One entry of `final`: how these subjects must have ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Final {
    /// Who.
    pub subjects: Vec<SubjectId>,
    /// One of these.
    pub statuses: Vec<Status>,
    /// The statuses as they were written.
    pub text: Arc<str>,
}

/// One expectation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expectation {
    /// How everybody ended.
    Final(Final),
    /// Whenever.
    Always(Rule),
    /// At no time.
    Never(Rule),
    /// In at least one run of a sweep.
    Sometimes(Rule),
    /// First occurrences, strictly in this order.
    Order(Vec<Matcher>),
    /// So many times.
    Count {
        /// What is counted.
        rule: Rule,
        /// At least so often.
        least: u64,
        /// At most so often.
        most: u64,
    },
    /// What the journal holds at the end.
    Journal(Kept),
}

/// All expectations of a case, with their texts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Expectations {
    /// In the order of the file, each as it was written: `never = "…"`.
    pub list: Vec<(Arc<str>, Expectation)>,
}

impl Expectations {
    /// Whether any is about the journal.
    pub fn read_journal(&self) -> bool {
        self.list.iter().any(|(_, each)| matches!(each, Expectation::Journal(_)))
    }

    /// The texts of the `sometimes`, in the order of their bits.
    pub fn sometimes(&self) -> impl Iterator<Item = &Arc<str>> {
        self.list.iter().filter(|(_, each)| matches!(each, Expectation::Sometimes(_))).map(|(text, _)| text)
    }
}

/// A file has at most so many `sometimes`: their hits are bits of one word.
pub const SOMETIMES_MAX: usize = 64;

/// Makes a sentence ready for a plan.
///
/// # Errors
/// Every name that the plan does not have, and every event that its subject cannot have.
pub fn compile(text: &str, sentence: &Sentence, names: &Names) -> Result<Rule, Vec<PatternError>> {
    let mut errors = Vec::new();
    let what = phrase(text, &sentence.what, names, &mut errors);
    let mut rule = Rule { what, within: None, before: None, after: None, unless: None };
    for clause in &sentence.clauses {
        match clause {
            Clause::Within(limit, of) => rule.within = Some((*limit, phrase(text, of, names, &mut errors))),
            Clause::Before(of) => rule.before = Some(phrase(text, of, names, &mut errors)),
            Clause::After(of) => rule.after = Some(phrase(text, of, names, &mut errors)),
            Clause::Unless(of) => rule.unless = Some(phrase(text, of, names, &mut errors)),
        }
    }
    if errors.is_empty() { Ok(rule) } else { Err(errors) }
}

/// Makes `SUBJECT EVENT` ready for a plan.
///
/// # Errors
/// As [`compile`].
pub fn matcher(text: &str, of: &Phrase, names: &Names) -> Result<Matcher, Vec<PatternError>> {
    let mut errors = Vec::new();
    let matcher = phrase(text, of, names, &mut errors);
    if errors.is_empty() { Ok(matcher) } else { Err(errors) }
}

fn phrase(text: &str, of: &Phrase, names: &Names, errors: &mut Vec<PatternError>) -> Matcher {
    let mut found: Vec<SubjectId> = Vec::new();
    let mut open = false;
    for word in &of.subjects {
        let ids = resolve(&word.text, names);
        open |= names.is_opaque(&word.text);
        if ids.is_empty() && !names.is_opaque(&word.text) {
            errors.push(unknown_subject(word, names));
            open = true;
        }
        let useful = ids.iter().any(|id| of.events.iter().any(|(_, event)| event.fits(names.subject(*id).kind)));
        if !ids.is_empty() && !of.events.is_empty() && !useful && of.subjects.len() > 1 {
            errors.push(PatternError::new(&word.at, format!("`{}` has no such event", word.text), None));
        }
        found.extend(ids);
    }
    for (word, event) in &of.events {
        let can = open || found.iter().any(|id| event.fits(names.subject(*id).kind));
        if !can {
            errors.push(impossible(word, &of.subjects, &found, names));
        }
    }
    let mut subjects = vec![0u64; names.subjects().len().div_ceil(64)];
    for id in found {
        subjects[id.0 as usize / 64] |= 1 << (id.0 % 64);
    }
    let events = of.events.iter().fold(0, |bits, (_, event)| bits | 1 << (*event as u8));
    Matcher { subjects: subjects.into(), events, text: written(text, of).into() }
}

fn written<'t>(text: &'t str, of: &Phrase) -> &'t str {
    let start = of.subjects.first().map_or(0, |word| word.at.start);
    let end = of.events.last().map_or(text.len(), |(word, _)| word.at.end);
    text.get(start..end).unwrap_or(text)
}

/// The subjects that a name or glob means. The session is meant only by its own name.
pub(crate) fn resolve(pattern: &str, names: &Names) -> Vec<SubjectId> {
    let all = names.subjects().iter().enumerate();
    let fits = all.filter(|(_, subject)| match subject.kind {
        SubjectKind::Session => pattern == "session",
        SubjectKind::Action => pattern == &*subject.name,
        SubjectKind::Worker | SubjectKind::Process => glob(pattern, &subject.name),
    });
    fits.map(|(id, _)| SubjectId(id as u32)).collect()
}

fn unknown_subject(word: &Word, names: &Names) -> PatternError {
    let known = names.subjects().iter().map(|subject| &*subject.name);
    let hint = match nearest(&word.text, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", known.take(SHOWN).collect::<Vec<_>>().join(", ")),
    };
    let message = if word.text.contains(['*', '?']) {
        format!("`{}` fits no worker and no process", word.text)
    } else {
        format!("unknown subject `{}`", word.text)
    };
    PatternError::new(&word.at, message, Some(hint))
}

fn impossible(event: &Word, subjects: &[Word], found: &[SubjectId], names: &Names) -> PatternError {
    let kind = found.first().map_or(SubjectKind::Session, |id| names.subject(*id).kind);
    let who = match kind {
        SubjectKind::Session => "a session",
        SubjectKind::Worker => "a worker",
        SubjectKind::Process => "a process",
        SubjectKind::Action => "an action",
    };
    let subject = subjects.first().map_or("", |word| word.text.as_str());
    let can: Vec<&str> = Event::ALL.iter().filter(|event| event.fits(kind)).map(|event| event.word()).collect();
    let hint = format!("`{subject}` is {who}, which can be {}", can.join(", "));
    PatternError::new(&event.at, format!("{who} is never `{}`", event.text), Some(hint))
}

impl Final {
    /// Reads one entry of `final` for a plan: subjects (names, globs, alternatives of them) and their statuses, `a|b`.
    ///
    /// # Errors
    /// Unknown subjects, at the place of the key (`true`); unknown or impossible statuses, at their place in the text (`false`).
    pub fn parse(subject: &str, text: &str, names: &Names) -> Result<Final, Vec<(bool, PatternError)>> {
        let mut subjects = Vec::new();
        let mut errors = Vec::new();
        for part in subject.split('|') {
            let word = Word { text: part.into(), at: 0..subject.len() };
            if part == "session" {
                let hint = Some("write `always = \"session stopped within 30s of session stop-requested\"`".into());
                errors.push((true, PatternError::new(&word.at, "the session has no final status".into(), hint)));
                continue;
            }
            let found = resolve(part, names);
            if found.is_empty() && !names.is_opaque(part) {
                errors.push((true, unknown_subject(&word, names)));
            }
            subjects.extend(found);
        }
        let mut statuses = Vec::new();
        let mut start = 0;
        for part in text.split('|') {
            let blank = part.len() - part.trim_start().len();
            let at = start + blank..start + blank + part.trim().len();
            start += part.len() + 1;
            match status(part.trim(), &at) {
                Ok(status) => {
                    let fits = |id: &SubjectId| status.fits(names.subject(*id).kind);
                    if !subjects.is_empty() && !subjects.iter().any(fits) {
                        errors.push((false, misfit(part.trim(), &at, names.subject(subjects[0]).kind, subject)));
                    }
                    statuses.push(status);
                }
                Err(error) => errors.push((false, error)),
            }
        }
        if errors.is_empty() { Ok(Final { subjects, statuses, text: text.into() }) } else { Err(errors) }
    }
}

impl Status {
    fn fits(self, kind: SubjectKind) -> bool {
        match self {
            Status::Absent => kind != SubjectKind::Action,
            Status::State(_) => kind == SubjectKind::Worker,
            Status::Exited(_) | Status::Signalled(_) | Status::Unknown => kind == SubjectKind::Process,
        }
    }
}

fn status(text: &str, at: &Range<usize>) -> Result<Status, PatternError> {
    if let Some(state) = STATES.iter().find(|state| state.word() == text) {
        return Ok(Status::State(*state));
    }
    let argument = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(code) = argument("exited") {
        return code.parse().map(Status::Exited).map_err(|_| {
            PatternError::new(at, format!("`{code}` is not an exit code"), Some("a number up to 255".into()))
        });
    }
    if let Some(name) = argument("signalled") {
        let hint = "as in `signalled(KILL)`".to_string();
        let error = || PatternError::new(at, format!("unknown signal `{name}`"), Some(hint));
        return Signal::parse(name).map(Status::Signalled).ok_or_else(error);
    }
    match text {
        "absent" => Ok(Status::Absent),
        "unknown" => Ok(Status::Unknown),
        other => {
            let words = STATES.iter().map(|state| state.word()).chain(["absent", "exited(0)", "signalled(KILL)"]);
            let hint = match nearest(other, words) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    "workers: finished, stopped, killed, failed, …; processes: exited(N), signalled(SIG), absent".into()
                }
            };
            Err(PatternError::new(at, format!("unknown status `{other}`"), Some(hint)))
        }
    }
}

fn misfit(text: &str, at: &Range<usize>, kind: SubjectKind, subject: &str) -> PatternError {
    let (message, hint) = match kind {
        SubjectKind::Worker | SubjectKind::Session => (
            format!("`{text}` is a status of processes, and `{subject}` is a worker"),
            format!("its leading process is `{subject}/main`"),
        ),
        SubjectKind::Process => (
            format!("`{text}` is a state of workers, and `{subject}` is a process"),
            "as in `exited(0)`, `signalled(KILL)`, `absent`".to_string(),
        ),
        SubjectKind::Action => (
            format!("`{subject}` is an action, and is left in no state"),
            "as in always = \"deploy action-refused after session stop-requested\"".to_string(),
        ),
    };
    PatternError::new(at, message, Some(hint))
}

const STATES: [WorkerState; 12] = [
    WorkerState::Pending,
    WorkerState::Starting,
    WorkerState::Running,
    WorkerState::Ready,
    WorkerState::Stopping,
    WorkerState::Killing,
    WorkerState::Draining,
    WorkerState::Backoff,
    WorkerState::Finished,
    WorkerState::Stopped,
    WorkerState::Killed,
    WorkerState::Failed,
];
/// So many known subjects are listed where none is near.
const SHOWN: usize = 24;
