//! The session of a scenario and all of its workers, with the checks that need more than one of them.

use super::reader::{Keys, Reader};
use super::relations;
use super::tree::{Node, Table, Value};
use super::worker::{self, Read};
use super::{actions, proxy};
use crate::pattern::Names;
use shakedown_core::journal::{SinkSpec, WhenFull};
use shakedown_core::vocab::{Body, Grace, SecondStop, SessionSpec, StopOrder, StopPolicy, WorkerSpec};
use std::ops::Range;
use std::sync::Arc;

/// Reads the session. The names are known even where workers are faulty, so that references to them can be checked.
pub(super) fn session(reader: &mut Reader<'_>, document: &Table, name: &str) -> (SessionSpec, Names) {
    let mut session = SessionSpec::new(name);
    let budget = document.get("session").and_then(|node| policy(reader, node, &mut session));
    let none = Table::default();
    let defaults = match document.get("defaults") {
        Some(node) => reader.table(node, "`defaults`").unwrap_or(&none),
        None => &none,
    };
    let workers = match document.get("workers") {
        Some(node) => reader.table(node, "`workers`").unwrap_or(&none),
        None => &none,
    };
    if workers.0.is_empty() {
        let at = document.field("workers").map_or(0..0, |field| field.key_at.clone());
        reader.mistake_hint(&at, "there is no worker", "add one: [workers.server] and puppet = \"hang\"");
    }
    let mut reads: Vec<Read> = Vec::new();
    for field in &workers.0 {
        let Some(own) = reader.table(&field.node, "a worker") else {
            reads.push(Read { name: field.key.as_str().into(), spec: None });
            continue;
        };
        let merged = own.over(defaults);
        let read = worker::worker(reader, field, &merged, workers);
        if let Some(spec) = &read.spec {
            within_budget(reader, &session, budget.as_ref(), spec, &merged);
        }
        reads.push(read);
    }
    let names = names(&reads).with_actions(actions::names(document));
    session.actions = actions::actions(reader, document, workers);
    let all = reads.iter().all(|read| read.spec.is_some());
    session.workers = reads.into_iter().filter_map(|read| read.spec).collect();
    if all {
        proxy::settle(reader, &mut session, workers);
        proxy::lead_through(&mut session);
        relations::check(reader, &session, workers, budget.as_ref());
    }
    (session, names)
}

/// Reads `[session]`; answers the place of its stop budget.
fn policy(reader: &mut Reader<'_>, node: &Node, session: &mut SessionSpec) -> Option<Range<usize>> {
    let table = reader.table(node, "`session`")?;
    reader.keys(table, &SESSION);
    if let Some(order) = table.get("order").and_then(|node| reader.choice(node, "order of the stop", ORDERS)) {
        session.order = order;
    }
    if let Some(second) = table.get("second-stop").and_then(|node| reader.choice(node, "second stop", SECOND_STOPS)) {
        session.second_stop = second;
    }
    if let Some(policy) = table.get("journal").and_then(|node| reader.choice(node, "policy of a journal", &policies()))
    {
        session.journal =
            Some(Arc::new(SinkSpec { when_full: policy, room: JOURNAL_ROOM, ..SinkSpec::new("journal") }));
    }
    if table.get("status").and_then(|node| reader.boolean(node, "`status`")) == Some(true) {
        session.status = Some("status".into());
    }
    let budget = table.get("stop-budget")?;
    session.stop_budget = reader.duration(budget, "`stop-budget`")?;
    Some(budget.at.clone())
}

/// A grace that the session's budget cuts off was never meant.
fn within_budget(
    reader: &mut Reader<'_>,
    session: &SessionSpec,
    budget: Option<&Range<usize>>,
    worker: &WorkerSpec,
    table: &Table,
) {
    let Grace::After(grace) = worker.stop.grace else { return };
    if grace <= session.stop_budget {
        return;
    }
    let written = table.get("stop").and_then(|node| match &node.value {
        Value::Table(stop) => stop.get("grace").map(|node| node.at.clone()),
        Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Date | Value::List(_) => None,
    });
    let default = if grace == default_grace() { " (the default)" } else { "" };
    let message = format!(
        "worker `{}` has a grace of {grace:?}{}, longer than the session's stop budget of {:?}",
        worker.name,
        if written.is_none() { default } else { "" },
        session.stop_budget
    );
    let at = written.or_else(|| budget.cloned()).unwrap_or(0..0);
    reader.mistake_hint(&at, message, "shorten the grace, or raise `stop-budget` of [session]");
}

fn default_grace() -> std::time::Duration {
    match StopPolicy::default().grace {
        Grace::After(grace) => grace,
        Grace::Never => std::time::Duration::ZERO,
    }
}

fn names(reads: &[Read]) -> Names {
    let plan = reads.iter().map(|read| {
        let script = match read.spec.as_ref().map(|spec| &spec.body) {
            Some(Body::Process(process)) => Some(process.script().cloned()),
            Some(Body::PuppetTask(_) | Body::Function(_) | Body::Proxy(_) | Body::Supervisor(_)) | None => None,
        };
        (read.name.clone(), script)
    });
    let names = Names::new(plan.collect());
    let faulty: Vec<Arc<str>> = reads.iter().filter(|read| read.spec.is_none()).map(|read| read.name.clone()).collect();
    names.opaque(faulty)
}

pub(super) const SESSION: Keys =
    Keys { of: "`session`", known: &["stop-budget", "order", "second-stop", "journal", "status"], later: &[] };
/// So many records wait before the policy has a say: few, so that a short scenario comes to it.
const JOURNAL_ROOM: usize = 16;

pub(super) fn policies() -> Vec<(&'static str, Option<WhenFull>)> {
    WhenFull::ALL.iter().map(|(word, policy)| (*word, Some(*policy))).collect()
}

pub(super) const ORDERS: &[(&str, Option<StopOrder>)] =
    &[("reverse-dependency", Some(StopOrder::ReverseDependency)), ("parallel", Some(StopOrder::Parallel))];
pub(super) const SECOND_STOPS: &[(&str, Option<SecondStop>)] =
    &[("kill", Some(SecondStop::Kill)), ("join", Some(SecondStop::Join))];
