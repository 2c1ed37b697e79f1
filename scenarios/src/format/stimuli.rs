//! Stimuli: what the outside world does to a session, and when.

use super::reader::{Keys, Reader};
use super::tree::{Node, Table, Value};
use crate::pattern::{Event, Names, SubjectId, SubjectKind, parse_phrase};
use shakedown_core::actions::ActionUse;
use shakedown_core::ids::WorkerId;
use shakedown_core::proxy::Visit;
use shakedown_core::signal::Signal;
use shakedown_core::time::{Duration, DurationRange};
use shakedown_core::vocab::{Act, Body, SessionSpec, Stimulus, Trigger, TriggerSubject};
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Do {
    Stop,
    Kill,
    Restart,
    Start,
    Interrupt,
    Hangup,
    Signal,
    Stdin,
    CloseStdin,
    Request,
    Connect,
    CrashHost,
    Recover,
    Action(ActionUse),
}

/// Reads all `[[stimuli]]`.
pub(super) fn stimuli(
    reader: &mut Reader<'_>,
    document: &Table,
    session: &SessionSpec,
    names: &Names,
) -> Vec<Stimulus> {
    let is_proxy = |at: &u32| matches!(session.workers[*at as usize].body, Body::Proxy(_));
    let all = session.workers.len() == names.workers();
    let proxies = all.then(|| (0..names.workers() as u32).filter(is_proxy).map(WorkerId).collect::<Vec<_>>());
    let tables = reader.tables(document, "stimuli");
    crashes(reader, &tables);
    let all = tables.into_iter().filter_map(|(node, table)| {
        let (count, every) = repeats(reader, table);
        let once = stimulus(reader, node, table, names, proxies.as_deref())?;
        Some((0..count).map(move |n| later(&once, every.saturating_mul(n))))
    });
    all.flatten().collect()
}

/// Each crash is followed by a recovery, or nobody would be there to keep a promise; and only what has crashed recovers.
fn crashes(reader: &mut Reader<'_>, tables: &[(&Node, &Table)]) {
    let verbs = |verb: &'static str| {
        let is = move |node: &&Node| matches!(&node.value, Value::Text(text) if text == verb);
        tables
            .iter()
            .filter_map(|(_, table)| table.get("do"))
            .filter(is)
            .map(|node| node.at.clone())
            .collect::<Vec<_>>()
    };
    let (crashes, recoveries) = (verbs("crash-host"), verbs("recover"));
    if let Some(at) = crashes.get(recoveries.len()) {
        reader.mistake_hint(at, "nobody takes over after this crash", "add a stimulus: do = \"recover\"");
    }
    if let Some(at) = recoveries.get(crashes.len()) {
        reader.mistake_hint(at, "there is no crash to recover from", "add a stimulus: do = \"crash-host\"");
    }
}

/// `count = 3` and `every = "10ms"`: the same again.
fn repeats(reader: &mut Reader<'_>, table: &Table) -> (u32, Duration) {
    let count = table.get("count").and_then(|node| reader.integer(node, "`count`", 1, COUNT_MAX));
    let every = table.get("every").and_then(|node| reader.duration(node, "`every`"));
    if let (Some(field), None) = (table.field("every"), table.field("count")) {
        reader.mistake_hint(&field.key_at, "`every` repeats a stimulus, but how often?", "add count = 3");
    }
    (count.unwrap_or(1) as u32, every.unwrap_or(Duration::ZERO))
}

fn later(stimulus: &Stimulus, by: Duration) -> Stimulus {
    let DurationRange { min, max, grid } = stimulus.at;
    let at = DurationRange { min: min.saturating_add(by), max: max.saturating_add(by), grid };
    Stimulus { at, ..stimulus.clone() }
}

fn is_action(verb: Do) -> bool {
    matches!(verb, Do::Action(_))
}

fn is_visit(verb: Do) -> bool {
    matches!(verb, Do::Request | Do::Connect)
}

/// `proxies` are those workers that are, where all of them could be read.
fn stimulus(
    reader: &mut Reader<'_>,
    node: &Node,
    table: &Table,
    names: &Names,
    proxies: Option<&[WorkerId]>,
) -> Option<Stimulus> {
    reader.keys(table, &STIMULUS);
    let at = match table.get("at") {
        Some(node) => reader.range(node, "`at`"),
        None => Some(DurationRange::fixed(Duration::ZERO)),
    };
    let when = table.get("when").map(|node| trigger(reader, node, names));
    let on = table.get("on").map(|node| receiver(reader, node, names));
    let Some(verb) = table.get("do") else {
        reader.mistake_hint(&node.at, "this stimulus does nothing", "say what: do = \"stop\"");
        return None;
    };
    let verb_at = verb.at.clone();
    let verb = reader.choice(verb, "stimulus", DOS)?;
    for (key, of) in [("signal", verb == Do::Signal), ("text", verb == Do::Stdin), ("action", is_action(verb))] {
        if let Some(field) = table.field(key).filter(|_| !of) {
            reader.mistake_hint(&field.key_at, format!("`{key}` does nothing here"), "another `do` needs it");
        }
    }
    let needs_worker =
        matches!(verb, Do::Signal | Do::Stdin | Do::CloseStdin | Do::Restart | Do::Start) || is_visit(verb);
    let is_of_host = matches!(verb, Do::CrashHost | Do::Recover);
    for (key, why, of) in [
        ("on", "a terminal tells the session, not a worker", matches!(verb, Do::Interrupt | Do::Hangup)),
        ("on", "an action is the session's, not a worker's", is_action(verb)),
        ("on", "the supervisor is killed and replaced, not a worker", is_of_host),
        ("when", "a recovery counts from the crash before it", verb == Do::Recover),
        ("count", "each crash is a stimulus of its own", is_of_host),
    ] {
        if let Some(field) = table.field(key).filter(|_| of) {
            reader.mistake_hint(&field.key_at, why, format!("leave `{key}` out"));
            return None;
        }
    }
    if needs_worker && on.is_none() {
        reader.mistake_hint(&verb_at, "this stimulus needs a worker", "name it: on = \"server\"");
        return None;
    }
    if let (true, Some(Some(worker))) = (is_visit(verb), on)
        && proxies.is_some_and(|proxies| !proxies.contains(&worker))
    {
        reader.mistake_hint(&verb_at, "only a proxy has clients", "name one: on = \"edge\"");
    }
    let act = match verb {
        Do::Stop => Act::Stop,
        Do::Kill => Act::Kill,
        Do::Restart => Act::Restart,
        Do::Start => Act::Start,
        Do::Interrupt => Act::Interrupt,
        Do::Hangup => Act::Hangup,
        Do::Signal => match table.get("signal") {
            Some(node) => Act::Signal(catchable(reader, node)?),
            None => return missing(reader, &verb_at, "signal", "USR1"),
        },
        Do::Stdin => match table.get("text") {
            Some(node) => Act::Stdin(reader.text(node, "`text`")?.as_bytes().into()),
            None => return missing(reader, &verb_at, "text", "hello\\n"),
        },
        Do::CloseStdin => Act::CloseStdin,
        Do::Request => Act::Visit(Visit::Request),
        Do::Connect => Act::Visit(Visit::Tunnel),
        Do::CrashHost => Act::CrashHost,
        Do::Recover => Act::Recover,
        Do::Action(how) => match table.get("action") {
            Some(node) => Act::Use(how, action(reader, node, names)?),
            None => return missing(reader, &verb_at, "action", "deploy"),
        },
    };
    // Outer: whether the key is there; inner: whether it could be read.
    let (when, on) = (flat(when)?, flat(on)?);
    Some(Stimulus { at: at?, when, act, on })
}

fn flat<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        None => Some(None),
        Some(None) => None,
        Some(Some(value)) => Some(Some(value)),
    }
}

fn missing<T>(reader: &mut Reader<'_>, at: &std::ops::Range<usize>, key: &str, example: &str) -> Option<T> {
    reader.mistake_hint(at, format!("this stimulus needs `{key}`"), format!("as in {key} = \"{example}\""));
    None
}

/// The action that is used.
fn action(reader: &mut Reader<'_>, node: &Node, names: &Names) -> Option<Arc<str>> {
    let text = reader.text(node, "`action`")?;
    let mut known = names.subjects().iter().filter(|subject| subject.kind == SubjectKind::Action);
    if let Some(subject) = known.clone().find(|subject| &*subject.name == text) {
        return Some(subject.name.clone());
    }
    if known.next().is_none() {
        reader.mistake_hint(&node.at, "the file has no action", "add one: [actions.deploy] and puppet = \"exit 0\"");
    } else {
        let known = names.subjects().iter().filter(|subject| subject.kind == SubjectKind::Action);
        reader.unknown(&node.at, "action", text, known.map(|subject| &*subject.name));
    }
    None
}

/// A signal that a program may catch: the other two are no request that it could answer.
fn catchable(reader: &mut Reader<'_>, node: &Node) -> Option<Signal> {
    let signal = reader.signal(node)?;
    if signal.can_be_caught() {
        return Some(signal);
    }
    let hint = if signal == Signal::KILL { "do = \"kill\" ends it by force" } else { "a puppet may stop itself" };
    reader.mistake_hint(&node.at, format!("{signal} cannot be sent by a stimulus"), hint);
    None
}

/// The worker that a stimulus is for.
fn receiver(reader: &mut Reader<'_>, node: &Node, names: &Names) -> Option<WorkerId> {
    let name = reader.text(node, "`on`")?;
    match names.find(name) {
        Some(id) => match names.subject(id).kind {
            SubjectKind::Worker => names.worker(id),
            SubjectKind::Session => {
                reader.mistake_hint(&node.at, "`on` names a worker", "without `on` the session is meant");
                None
            }
            SubjectKind::Process => {
                reader.later(&node.at, "a stimulus on a process");
                None
            }
            SubjectKind::Action => {
                reader.mistake_hint(&node.at, "`on` names a worker", "an action is named by `action`");
                None
            }
        },
        None => {
            let known = names.subjects().iter().filter(|subject| subject.kind != SubjectKind::Session);
            reader.unknown(&node.at, "worker", name, known.map(|subject| &*subject.name));
            None
        }
    }
}

/// `when = "SUBJECT EVENT"`: one subject and one event, since a stimulus strikes once.
fn trigger(reader: &mut Reader<'_>, node: &Node, names: &Names) -> Option<Trigger> {
    let text = reader.text(node, "`when`")?;
    let phrase = match parse_phrase(text) {
        Ok(phrase) => phrase,
        Err(errors) => {
            super::expect::tell(reader, node, text, errors);
            return None;
        }
    };
    let [subject] = &phrase.subjects[..] else {
        reader.mistake_hint(&node.at, "`when` names one subject", "write a stimulus for each");
        return None;
    };
    let [(word, event)] = &phrase.events[..] else {
        reader.mistake_hint(&node.at, "`when` names one event", "write a stimulus for each");
        return None;
    };
    let Some(id) = names.find(&subject.text) else {
        if !names.is_opaque(&subject.text) {
            let place = reader.inside(node, text, &subject.at);
            let known = names.subjects().iter().map(|subject| &*subject.name);
            reader.unknown(&place, "subject", &subject.text, known);
        }
        return None;
    };
    if !event.fits(names.subject(id).kind) {
        let place = reader.inside(node, text, &word.at);
        let can = Event::ALL.iter().filter(|event| event.fits(names.subject(id).kind)).map(|event| event.word());
        let hint = format!("it can be {}", can.collect::<Vec<_>>().join(", "));
        reader.mistake_hint(&place, format!("`{}` is never `{}`", subject.text, word.text), hint);
        return None;
    }
    if names.subject(id).kind == SubjectKind::Action {
        reader.later(&node.at, "a stimulus that waits for an action");
        return None;
    }
    Some(Trigger { subject: trigger_subject(names, id), event: event.word().into() })
}

fn trigger_subject(names: &Names, id: SubjectId) -> TriggerSubject {
    match names.worker(id) {
        Some(worker) => TriggerSubject::Worker(worker),
        None if names.subject(id).kind == SubjectKind::Session => TriggerSubject::Session,
        None => TriggerSubject::Process(names.subject(id).name.clone()),
    }
}

pub(super) const STIMULUS: Keys = Keys {
    of: "a stimulus",
    known: &["at", "when", "do", "on", "signal", "text", "action", "count", "every"],
    later: &[],
};
pub(super) const DOS: &[(&str, Option<Do>)] = &[
    ("stop", Some(Do::Stop)),
    ("kill", Some(Do::Kill)),
    ("signal", Some(Do::Signal)),
    ("stdin", Some(Do::Stdin)),
    ("close-stdin", Some(Do::CloseStdin)),
    ("restart", Some(Do::Restart)),
    ("interrupt", Some(Do::Interrupt)),
    ("hangup", Some(Do::Hangup)),
    ("request", Some(Do::Request)),
    ("connect", Some(Do::Connect)),
    ("crash-host", Some(Do::CrashHost)),
    ("recover", Some(Do::Recover)),
    ("start", Some(Do::Start)),
    ("run-action", Some(Do::Action(ActionUse::Run))),
    ("enable-action", Some(Do::Action(ActionUse::Enable))),
    ("disable-action", Some(Do::Action(ActionUse::Disable))),
];
/// More repetitions than that were a flood.
const COUNT_MAX: u64 = 1000;
