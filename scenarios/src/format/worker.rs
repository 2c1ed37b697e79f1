//! One worker of a scenario: its kind, what it runs, and how it is stopped. Scripts are read here, and their mistakes are told
//! at their place in the file.

use super::diagnostic::DiagnosticKind;
use super::reader::{Keys, Reader};
use super::restart::{pre_stop, ready_policy, restart_policy};
use super::tree::{Field, Node, Table, Value};
use super::{proxy, relations};
use shakedown_core::puppet::{Block, Verb, nearest, parse};
use shakedown_core::vocab::{
    Body, Errno, Grace, Probe, ProcessSpec, Program, ReadyPolicy, RestartPolicy, Scope, SignalTo, StandIn, StopPolicy,
    WorkerSpec,
};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// What a worker is, as far as it could be read.
pub(super) struct Read {
    pub name: Arc<str>,
    /// `None` where something is wrong with it.
    pub spec: Option<WorkerSpec>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Process,
    Task,
    Proxy,
    Supervisor,
}

/// Reads a worker. `table` is its own table over the defaults.
pub(super) fn worker(reader: &mut Reader<'_>, field: &Field, table: &Table, workers: &Table) -> Read {
    let before = reader.problems.len();
    let name: Arc<str> = field.key.as_str().into();
    check_name(reader, field);
    reader.keys(table, &WORKER);
    let kind = match table.get("kind") {
        None => Some(Kind::Process),
        Some(node) => reader.choice(node, "kind of worker", KINDS),
    };
    let mut stop =
        table.get("stop").map_or_else(|| Some(StopPolicy::default()), |node| stop_policy(reader, node, &name));
    let restart =
        table.get("restart").map_or_else(|| Some(RestartPolicy::default()), |node| restart_policy(reader, node));
    let env = texts(reader, table, "env");
    let tags = texts(reader, table, "tags");
    let is_group = kind == Some(Kind::Supervisor);
    let is_probed = !is_group && kind != Some(Kind::Proxy);
    let ready = table.get("ready").filter(|_| is_probed).and_then(|node| ready_policy(reader, node, &name));
    let detached = detached(reader, table, kind, ready.as_ref());
    for (of, keys) in [(Kind::Supervisor, relations::SUPERVISOR.known), (Kind::Proxy, proxy::KEYS)] {
        let word = if of == Kind::Proxy { "proxy" } else { "supervisor" };
        for field in keys.iter().filter_map(|key| table.field(key)).filter(|_| kind != Some(of)) {
            let message = format!("only a {word} has `{}`", field.key);
            reader.mistake_hint(&field.key_at, message, format!("add kind = \"{word}\""));
        }
    }
    let body = match kind {
        Some(Kind::Process) => process(reader, field, table).map(|program| {
            let scope = stop.as_ref().map_or(Scope::Group, |stop| stop.scope);
            let spec = ProcessSpec { env, scope, ..ProcessSpec::new(&name, program) };
            Body::Process(Arc::new(if detached { spec.detached() } else { spec }))
        }),
        Some(Kind::Task) => task(reader, field, table).map(Body::PuppetTask),
        Some(Kind::Proxy) => proxy::proxy(reader, field, table, workers, stop.as_mut()),
        Some(Kind::Supervisor) => relations::supervisor(reader, field, table, workers),
        None => None,
    };
    let clean = reader.problems.len() == before;
    let parts = stop.zip(restart).zip(body).filter(|_| clean);
    let mut spec = parts.map(|((stop, restart), body)| {
        let ready = ready.map(Arc::new);
        WorkerSpec { stop, restart, ready, tags, ..WorkerSpec::new(&name, body) }
    });
    if let Some(spec) = &mut spec {
        relations::order(reader, table, workers, spec);
        proxy::depend(spec, workers);
    }
    Read { name, spec }
}

/// `detached = true`: it outlives a supervisor that is killed. What it would say, nobody would hear then.
fn detached(reader: &mut Reader<'_>, table: &Table, kind: Option<Kind>, ready: Option<&ReadyPolicy>) -> bool {
    let Some(node) = table.get("detached") else { return false };
    if reader.boolean(node, "`detached`") != Some(true) {
        return false;
    }
    if kind != Some(Kind::Process) {
        reader.mistake_hint(&node.at, "only a process outlives its supervisor", "leave `detached` out");
    }
    let hears = match ready.map(|ready| &ready.probe) {
        Some(Probe::Log(_) | Probe::Notify | Probe::NewlineFd(_)) => true,
        Some(Probe::Tcp(_) | Probe::Http(_) | Probe::Exec(_) | Probe::Delay(_)) | None => false,
    };
    if hears {
        let hint = "look at it from outside: ready = { tcp = \"127.0.0.1:8080\" }, or http, exec, delay";
        reader.mistake_hint(&node.at, "nobody hears what a detached process says", hint);
    }
    true
}

fn check_name(reader: &mut Reader<'_>, field: &Field) {
    let name = field.key.as_str();
    if name == "session" {
        reader.mistake_hint(
            &field.key_at,
            "a worker cannot be called `session`",
            "patterns mean the session itself by it",
        );
    } else if name.is_empty()
        || name.len() > NAME_MAX
        || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    {
        let hint = format!("up to {NAME_MAX} letters, digits, `-` and `_`");
        reader.mistake_hint(&field.key_at, format!("`{}` is not a worker's name", super::reader::short(name)), hint);
    }
}

/// A process runs a puppet or a command.
pub(super) fn process(reader: &mut Reader<'_>, field: &Field, table: &Table) -> Option<Program> {
    let sim = match table.get("sim") {
        None => Some(StandIn::Unknown),
        Some(node) => stand_in(reader, node),
    };
    match (table.get("puppet"), table.get("command")) {
        // A misspelt key was told already, and says enough.
        (None, None) if table.0.iter().any(|field| misspelt(&field.key)) => None,
        (None, None) => {
            let message = format!("process `{}` has neither `puppet` nor `command`", field.key);
            reader.mistake_hint(&field.key_at, message, "give it a script: puppet = \"hang\"");
            None
        }
        (Some(puppet), Some(_)) => {
            let message = format!("process `{}` has both `puppet` and `command`", field.key);
            reader.mistake_hint(&puppet.at, message, "`sim` is the script that stands for a command in the simulator");
            None
        }
        (Some(puppet), None) => {
            if let Some(node) = table.get("sim") {
                reader.mistake_hint(&node.at, "`sim` stands for a `command`", "a puppet is played by both backends");
            }
            script(reader, puppet, "`puppet`").map(Program::Puppet)
        }
        (None, Some(command)) => {
            let argv = argv(reader, command)?;
            Some(Program::Command { argv, sim: sim? })
        }
    }
}

/// `sim`: a script, or the table `{ exec-fails = "ENOENT" }` for a program that cannot be executed.
pub(super) fn stand_in(reader: &mut Reader<'_>, node: &Node) -> Option<StandIn> {
    let Value::Table(table) = &node.value else {
        return script(reader, node, "`sim`").map(StandIn::Script);
    };
    reader.keys(table, &SIM);
    let Some(errno) = table.get("exec-fails") else {
        if table.0.is_empty() {
            reader.mistake_hint(&node.at, "`sim` says nothing", "as in sim = { exec-fails = \"ENOENT\" }");
        }
        return None;
    };
    reader.choice(errno, "error of exec", EXEC_ERRORS).map(StandIn::ExecFails)
}

fn misspelt(key: &str) -> bool {
    let keys = WORKER.known.iter().chain(WORKER.later).copied();
    !WORKER.known.contains(&key) && matches!(nearest(key, keys), Some("puppet" | "command"))
}

pub(super) fn argv(reader: &mut Reader<'_>, node: &Node) -> Option<Vec<String>> {
    if let Value::Text(text) = &node.value {
        let words: Vec<String> = text.split_whitespace().map(|word| format!("{word:?}")).collect();
        let hint = format!("no shell reads it: command = [{}]", words.join(", "));
        reader.mistake_hint(&node.at, "`command` is a list of texts", hint);
        return None;
    }
    let items = reader.list(node, "`command`")?;
    let mut argv = Vec::new();
    for item in items {
        let word = reader.text(item, "each word of `command`")?;
        if word.contains('\0') {
            reader.mistake(&item.at, "a zero byte cannot stand here");
            return None;
        }
        argv.push(word.to_string());
    }
    if argv.first().is_none_or(String::is_empty) {
        reader.mistake(&node.at, "`command` names no program");
        return None;
    }
    Some(argv)
}

/// A task plays a puppet of those verbs that a task can play.
fn task(reader: &mut Reader<'_>, field: &Field, table: &Table) -> Option<Block> {
    for key in ["command", "sim"] {
        if let Some(node) = table.get(key) {
            reader.mistake_hint(&node.at, format!("a task has no `{key}`"), "it plays a `puppet`");
        }
    }
    if let Some(env) = table.field("env") {
        reader.later(&env.key_at, "`env` of a task");
    }
    let Some(puppet) = table.get("puppet") else {
        if table.0.iter().any(|field| misspelt(&field.key)) {
            return None;
        }
        let hint = "give it a script: puppet = \"hang\"";
        reader.mistake_hint(&field.key_at, format!("task `{}` has no `puppet`", field.key), hint);
        return None;
    };
    let block = script(reader, puppet, "`puppet`")?;
    if !block.iter().all(Verb::fits_a_task) {
        let text = reader.text(puppet, "`puppet`")?;
        let found = unfit(text);
        for at in &found {
            let place = reader.inside(puppet, text, at);
            let message = format!("a task cannot play `{}`", &text[at.clone()]);
            let hint = "tasks have no pid, group, session or children, and TERM is their only signal";
            reader.mistake_hint(&place, message, hint);
        }
        if found.is_empty() {
            reader.mistake(&puppet.at, "this script has verbs that a task cannot play");
        }
        return None;
    }
    Some(block)
}

/// The places of verbs that a task cannot play, in a script that parses. Verbs carry no places; but they stand at the
/// beginnings of statements, and outside of quotes and comments those are easily found.
fn unfit(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut begins, mut quoted, mut blank, mut i) = (true, false, true, 0);
    let bytes = text.as_bytes();
    while let Some(&byte) = bytes.get(i) {
        let word = || text[i..].split([' ', '\t', '\r', '\n', ';', '{', '}']).next().unwrap_or("");
        match byte {
            b'\\' if quoted => i += 1,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'#' if blank => i += text[i..].find('\n').unwrap_or(text.len() - i) - 1,
            b'\n' | b';' | b'{' | b'}' => begins = true,
            b' ' | b'\t' | b'\r' => {}
            _ if begins => {
                begins = false;
                let rest = text[i + word().len()..].trim_start();
                let signal = rest.split([' ', '\t', ';', '{', '}', '\n']).next().unwrap_or("");
                let stranger = !signal.eq_ignore_ascii_case("TERM") && !signal.eq_ignore_ascii_case("SIGTERM");
                if UNFIT.contains(&word()) || (word() == "on" && stranger) {
                    let end = if word() == "on" { text.len() - rest.len() + signal.len() } else { i + word().len() };
                    found.push(i..end);
                }
            }
            _ => {}
        }
        blank = matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b';' | b'{' | b'}');
        i += 1;
    }
    found
}

/// Reads a script; its mistakes are told at their places in the file.
fn script(reader: &mut Reader<'_>, node: &Node, what: &str) -> Option<Block> {
    let text = reader.text(node, what)?;
    match parse(text) {
        Ok(block) => Some(block),
        Err(errors) => {
            for error in errors {
                let place = reader.inside(node, text, &error.offset);
                reader.note(&place, DiagnosticKind::Mistake, error.message, error.hint);
            }
            None
        }
    }
}

fn stop_policy(reader: &mut Reader<'_>, node: &Node, worker: &Arc<str>) -> Option<StopPolicy> {
    let table = reader.table(node, "`stop`")?;
    reader.keys(table, &STOP);
    let hook = table.get("pre-stop").and_then(|node| pre_stop(reader, node, worker)).map(Arc::new);
    let mut policy = StopPolicy { hook, ..StopPolicy::default() };
    if let Some(signal) = table.get("signal").and_then(|node| reader.signal(node)) {
        policy.signal = signal;
    }
    if let Some(to) = table.get("signal-to").and_then(|node| reader.choice(node, "receiver of signals", RECEIVERS)) {
        policy.signal_to = to;
    }
    if let Some(scope) = table.get("scope").and_then(|node| reader.choice(node, "scope", SCOPES)) {
        policy.scope = scope;
    }
    if let Some(drain) = table.get("drain").and_then(|node| reader.duration(node, "`drain`")) {
        policy.drain = drain;
    }
    if let Some(node) = table.get("grace") {
        policy.grace = match &node.value {
            Value::Text(text) if text == "never" => Grace::Never,
            Value::Text(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Bool(_)
            | Value::Date
            | Value::List(_)
            | Value::Table(_) => reader.duration(node, "`grace`").map_or(policy.grace, Grace::After),
        };
    }
    Some(policy)
}

pub(super) fn texts(reader: &mut Reader<'_>, table: &Table, key: &str) -> BTreeMap<String, String> {
    let Some(field) = table.field(key) else { return BTreeMap::new() };
    let pairs = reader.pairs(field, &format!("`{key}`"));
    let mut map = BTreeMap::new();
    for (field, value) in pairs {
        if field.key.is_empty() || (key == "env" && field.key.contains('=')) {
            reader
                .mistake(&field.key_at, format!("`{}` cannot be a name in `{key}`", super::reader::short(&field.key)));
        }
        map.insert(field.key, value);
    }
    map
}

pub(super) const WORKER: Keys = Keys {
    of: "a worker",
    known: &[
        "kind",
        "command",
        "sim",
        "puppet",
        "stop",
        "restart",
        "ready",
        "after",
        "stop-after",
        "strategy",
        "children",
        "escalate",
        "role",
        "listen",
        "upstream",
        "upstream-address",
        "limits",
        "env",
        "detached",
        "tags",
    ],
    later: &[],
};
pub(super) const STOP: Keys = Keys {
    of: "`stop`",
    known: &["signal", "signal-to", "grace", "scope", "drain", "pre-stop", "proxy-drain", "proxy-lag"],
    later: &[],
};
pub(super) const SIM: Keys = Keys { of: "`sim`", known: &["exec-fails"], later: &[] };
/// What execve(2) may say.
pub(super) const EXEC_ERRORS: &[(&str, Option<Errno>)] = &[
    ("ENOENT", Some(Errno::ENOENT)),
    ("EACCES", Some(Errno::EACCES)),
    ("ENOEXEC", Some(Errno::ENOEXEC)),
    ("ETXTBSY", Some(Errno::ETXTBSY)),
    ("ELOOP", Some(Errno::ELOOP)),
    ("E2BIG", Some(Errno::E2BIG)),
    ("ENOMEM", Some(Errno::ENOMEM)),
    ("EAGAIN", Some(Errno::EAGAIN)),
];
pub(super) const KINDS: &[(&str, Option<Kind>)] = &[
    ("process", Some(Kind::Process)),
    ("task", Some(Kind::Task)),
    ("container", None),
    ("systemd", None),
    ("proxy", Some(Kind::Proxy)),
    ("supervisor", Some(Kind::Supervisor)),
];
pub(super) const RECEIVERS: &[(&str, Option<SignalTo>)] =
    &[("scope", Some(SignalTo::Scope)), ("leader", Some(SignalTo::Leader))];
pub(super) const SCOPES: &[(&str, Option<Scope>)] = &[
    ("process", Some(Scope::Process)),
    ("group", Some(Scope::Group)),
    ("posix-session", Some(Scope::PosixSession)),
    ("tree", Some(Scope::Tree)),
    ("cgroup", Some(Scope::Cgroup)),
    ("job", Some(Scope::Job)),
];
/// Verbs that fit no task, beside `on` for another signal than TERM.
const UNFIT: &[&str] = &["spawn", "daemonize", "wait", "kill", "setsid", "setpgid", "close", "die"];
/// The most letters of a worker's name.
pub(super) const NAME_MAX: usize = 64;
