//! Restarts and readiness of a worker, as a file writes them.

use super::reader::{Keys, Reader};
use super::tree::{Node, Table, Value};
use super::worker::{argv, stand_in};
use shakedown_core::time::Duration;
use shakedown_core::vocab::{
    HttpGet, PreStop, Probe, ProcessSpec, Program, ReadyPolicy, RestartPolicy, RestartWhen, StandIn,
};
use std::sync::Arc;

/// `restart = { policy = "on-failure", initial = "100ms", … }`, or the policy's word alone.
pub(super) fn restart_policy(reader: &mut Reader<'_>, node: &Node) -> Option<RestartPolicy> {
    let mut policy = RestartPolicy::default();
    if let Value::Text(_) = node.value {
        policy.when = reader.choice(node, "restart policy", WHENS)?;
        return Some(policy);
    }
    let table = reader.table(node, "`restart`")?;
    reader.keys(table, &RESTART);
    if let Some(when) = table.get("policy").and_then(|node| reader.choice(node, "restart policy", WHENS)) {
        policy.when = when;
    }
    let backoff = &mut policy.backoff;
    for (key, slot) in [
        ("initial", &mut backoff.initial),
        ("max", &mut backoff.max),
        ("reset-after", &mut backoff.reset_after),
        ("window", &mut policy.window),
    ] {
        if let Some(duration) = table.get(key).and_then(|node| reader.duration(node, &format!("`{key}`"))) {
            *slot = duration;
        }
    }
    if let Some(factor) = table.get("factor").and_then(|node| milli(reader, node, "`factor`", FACTORS)) {
        policy.backoff.factor_milli = factor;
    }
    if let Some(jitter) = table.get("jitter").and_then(|node| milli(reader, node, "`jitter`", JITTERS)) {
        policy.backoff.jitter_milli = jitter;
    }
    if let Some(budget) = table.get("budget").and_then(|node| reader.integer(node, "`budget`", 0, BUDGET_MAX)) {
        policy.budget = budget as u32;
    }
    if let Some(codes) = table.get("success").and_then(|node| reader.list(node, "`success`")) {
        let code = |node| reader.integer(node, "an exit code", 0, 255);
        policy.success = codes.iter().filter_map(code).map(|code| code as u8).collect();
    }
    if policy.backoff.max < policy.backoff.initial
        && let Some(node) = table.get("max").or_else(|| table.get("initial"))
    {
        let hint = "the wait grows from the first to the second";
        reader.mistake_hint(&node.at, "`max` is shorter than `initial`", hint);
    }
    Some(policy)
}

/// A number between two ends, in thousandths; a text such as "10%" as well.
fn milli(reader: &mut Reader<'_>, node: &Node, what: &str, (least, most): (u32, u32)) -> Option<u32> {
    let number = match &node.value {
        Value::Integer(Some(n)) => Some(*n as f64),
        Value::Float(n) => Some(*n),
        Value::Text(text) => text.strip_suffix('%').and_then(|n| n.trim().parse::<f64>().ok()).map(|n| n / 100.0),
        Value::Integer(None) | Value::Bool(_) | Value::Date | Value::List(_) | Value::Table(_) => None,
    };
    let milli = number.map(|number| (number * 1000.0).round());
    match milli.filter(|milli| (f64::from(least)..=f64::from(most)).contains(milli)) {
        Some(milli) => Some(milli as u32),
        None => {
            let (least, most) = (f64::from(least) / 1000.0, f64::from(most) / 1000.0);
            reader.mistake(&node.at, format!("{what} is a number between {least} and {most}"));
            None
        }
    }
}

/// `ready = { log = "accepting", timeout = "10s" }`.
pub(super) fn ready_policy(reader: &mut Reader<'_>, node: &Node, worker: &Arc<str>) -> Option<ReadyPolicy> {
    let table = reader.table(node, "`ready`")?;
    reader.keys(table, &READY);
    let given: Vec<&str> = PROBES.iter().copied().filter(|probe| table.get(probe).is_some()).collect();
    let probe = match given[..] {
        [probe] => self::probe(reader, table, probe, worker)?,
        [] => {
            let hint = format!("say what shows it: one of {}", PROBES.join(", "));
            reader.mistake_hint(&node.at, "`ready` has no probe", hint);
            return None;
        }
        [_, second, ..] => {
            let at = table.field(second).map_or(node.at.clone(), |field| field.key_at.clone());
            reader.mistake_hint(&at, "`ready` has more than one probe", "one shows that it is ready; keep that");
            return None;
        }
    };
    let mut policy = ReadyPolicy::new(probe);
    if let Some(every) = table.get("every").and_then(|node| reader.duration(node, "`every`")) {
        policy.every = every;
    }
    if let Some(timeout) = table.get("timeout").and_then(|node| reader.duration(node, "`timeout`")) {
        policy.timeout = timeout;
    }
    if let Probe::Delay(delay) = policy.probe
        && delay >= policy.timeout
    {
        let hint = "raise `timeout`, or shorten `delay`";
        reader.mistake_hint(&node.at, "it would be stopped before it is ready", hint);
    }
    Some(policy)
}

fn probe(reader: &mut Reader<'_>, table: &Table, key: &str, worker: &Arc<str>) -> Option<Probe> {
    let node = table.get(key)?;
    if let (Some(field), true) = (table.field("sim"), key != "exec") {
        reader.mistake_hint(&field.key_at, "`sim` stands for a command", "only `exec` has one");
    }
    match key {
        "log" => {
            let text = reader.text(node, "`log`")?;
            if text.is_empty() || text.contains('\n') {
                reader.mistake(&node.at, "`log` is a part of one line");
            }
            Some(Probe::Log(text.into()))
        }
        "tcp" => {
            let text = reader.text(node, "`tcp`")?;
            let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
            if !matches!(port, Some(Ok(1..))) {
                reader.mistake_hint(&node.at, "`tcp` is an address and a port", "as in tcp = \"127.0.0.1:8080\"");
            }
            Some(Probe::Tcp(text.into()))
        }
        "http" => {
            let url = reader.text(node, "`http`")?;
            let get = HttpGet::of_url(url);
            if get.is_none() {
                let hint = "as in http = \"http://127.0.0.1:8080/health\"";
                reader.mistake_hint(&node.at, "`http` is an address of plain HTTP", hint);
            }
            get.map(|get| Probe::Http(Arc::new(get)))
        }
        "notify" => {
            if !reader.boolean(node, "`notify`")? {
                reader.mistake_hint(&node.at, "`notify = false` says nothing", "leave it out");
            }
            Some(Probe::Notify)
        }
        "newline-fd" => reader.integer(node, "`newline-fd`", 3, FD_MAX).map(|fd| Probe::NewlineFd(fd as i32)),
        "delay" => reader.duration(node, "`delay`").map(Probe::Delay),
        _ => {
            let name: Arc<str> = format!("{worker}.ready").into();
            command(reader, table, node, name).map(|spec| Probe::Exec(Arc::new(spec)))
        }
    }
}

/// A command beside a worker, with what stands for it in the simulator.
fn command(reader: &mut Reader<'_>, table: &Table, node: &Node, name: Arc<str>) -> Option<ProcessSpec> {
    let argv = argv(reader, node)?;
    let sim = match table.get("sim") {
        // It can be played for real only; the case as a whole says so.
        None => StandIn::Unknown,
        Some(node) => stand_in(reader, node)?,
    };
    let program = Program::Command { argv, sim };
    Some(ProcessSpec::new(&name, program))
}

/// `pre-stop = { command = ["drain"], sim = "sleep 10ms", within = "5s" }`.
pub(super) fn pre_stop(reader: &mut Reader<'_>, node: &Node, worker: &Arc<str>) -> Option<PreStop> {
    let table = reader.table(node, "`pre-stop`")?;
    reader.keys(table, &PRE_STOP);
    let Some(argv) = table.get("command") else {
        reader.mistake_hint(
            &node.at,
            "`pre-stop` has no `command`",
            "as in pre-stop = { command = [\"drain\"], sim = \"exit 0\" }",
        );
        return None;
    };
    let command = Arc::new(command(reader, table, argv, format!("{worker}.pre-stop").into())?);
    let within = table.get("within").and_then(|node| reader.duration(node, "`within`")).unwrap_or(HOOK_WITHIN);
    Some(PreStop { command, within })
}

pub(super) const WHENS: &[(&str, Option<RestartWhen>)] = &[
    ("always", Some(RestartWhen::Always)),
    ("on-failure", Some(RestartWhen::OnFailure)),
    ("never", Some(RestartWhen::Never)),
];
pub(super) const RESTART: Keys = Keys {
    of: "`restart`",
    known: &["policy", "initial", "factor", "max", "jitter", "budget", "window", "reset-after", "success"],
    later: &[],
};
/// The probes, one of which makes a readiness.
const PROBES: &[&str] = &["log", "tcp", "http", "notify", "newline-fd", "exec", "delay"];
pub(super) const READY: Keys = Keys {
    of: "`ready`",
    known: &["log", "tcp", "http", "notify", "newline-fd", "exec", "delay", "sim", "every", "timeout"],
    later: &[],
};
pub(super) const PRE_STOP: Keys = Keys { of: "`pre-stop`", known: &["command", "sim", "within"], later: &[] };
/// In thousandths.
const FACTORS: (u32, u32) = (1000, 1_000_000);
const JITTERS: (u32, u32) = (0, 10_000);
const BUDGET_MAX: u64 = 1_000_000;
const FD_MAX: u64 = 255;
/// A hook has so long where the file says nothing.
const HOOK_WITHIN: Duration = Duration::from_secs(5);
