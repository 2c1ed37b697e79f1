//! What workers are to each other: who waits for whom, who is whose child. Read after all workers are known, and checked as a whole, so
//! that no session can be built that could not start or stop.

use super::reader::{Keys, Reader};
use super::tree::{Field, Node, Table, Value};
use shakedown_core::ids::WorkerId;
use shakedown_core::time::Duration;
use shakedown_core::vocab::{
    Body, Condition, Dependency, Grace, SessionSpec, StopOrder, Strategy, SupervisorSpec, WorkerSpec,
};
use std::ops::Range;

/// Reads the children of a supervisor.
pub(super) fn supervisor(reader: &mut Reader<'_>, field: &Field, table: &Table, workers: &Table) -> Option<Body> {
    for key in ["command", "sim", "puppet", "ready", "env"] {
        if let Some(field) = table.field(key) {
            reader.mistake_hint(&field.key_at, format!("a supervisor has no `{key}`"), "its children have");
        }
    }
    let strategy = match table.get("strategy") {
        None => Some(Strategy::OneForOne),
        Some(node) => reader.choice(node, "strategy", STRATEGIES),
    };
    let escalate = match table.get("escalate") {
        None => Some(true),
        Some(node) => reader.boolean(node, "`escalate`"),
    };
    let Some(node) = table.get("children") else {
        let message = format!("supervisor `{}` has no `children`", field.key);
        reader.mistake_hint(&field.key_at, message, "name the workers that it keeps running: children = [\"a\"]");
        return None;
    };
    let items = reader.list(node, "`children`")?;
    let mut children: Vec<WorkerId> = Vec::new();
    for item in items {
        let Some(child) = named(reader, item, workers) else { continue };
        if children.contains(&child) {
            reader.mistake(&item.at, "this child is named twice");
        }
        children.push(child);
    }
    if items.is_empty() {
        reader.mistake_hint(&node.at, "a supervisor without children has nothing to do", "name at least one");
    }
    let spec = SupervisorSpec { strategy: strategy?, children, escalate: escalate? };
    Some(Body::Supervisor(spec.into()))
}

/// Reads `after` and `stop-after`.
pub(super) fn order(reader: &mut Reader<'_>, table: &Table, workers: &Table, spec: &mut WorkerSpec) {
    if let Some(node) = table.get("after")
        && let Some(after) = reader.table(node, "`after`")
    {
        for field in &after.0 {
            let on = known(reader, &field.key_at, &field.key, workers);
            let until = reader.choice(&field.node, "condition", CONDITIONS);
            if let (Some(on), Some(until)) = (on, until) {
                spec.after.push(Dependency { on, until });
            }
        }
    }
    if let Some(node) = table.get("stop-after")
        && let Some(items) = reader.list(node, "`stop-after`")
    {
        spec.stop_after = items.iter().filter_map(|item| named(reader, item, workers)).collect();
    }
}

/// The worker of the name that stands here.
pub(super) fn named(reader: &mut Reader<'_>, node: &Node, workers: &Table) -> Option<WorkerId> {
    let name = reader.text(node, "a worker's name")?.to_string();
    known(reader, &node.at, &name, workers)
}

fn known(reader: &mut Reader<'_>, at: &Range<usize>, name: &str, workers: &Table) -> Option<WorkerId> {
    let place = workers.0.iter().position(|field| field.key == *name);
    if place.is_none() {
        reader.unknown(at, "worker", name, workers.0.iter().map(|field| field.key.as_str()));
    }
    place.map(|place| WorkerId(place as u32))
}

/// Checks the session as a whole. To be called where every worker could be read, so that numbers are places in the file.
pub(super) fn check(reader: &mut Reader<'_>, session: &SessionSpec, workers: &Table, budget: Option<&Range<usize>>) {
    let parents = parents(reader, session, workers);
    if has_family_cycle(reader, &parents, workers) {
        return;
    }
    strangers(reader, session, &parents, workers);
    let edges = stop_edges(session);
    if let Some(mut cycle) = cycle(session.workers.len(), |at| &edges[at]) {
        // It is told of a worker that says whom it waits for: somebody in it does.
        let speaks = |at: &usize| !session.workers[*at].after.is_empty() || !session.workers[*at].stop_after.is_empty();
        cycle.pop();
        let first = cycle.iter().position(speaks).unwrap_or(0);
        cycle.rotate_left(first);
        cycle.push(cycle[0]);
        let names: Vec<&str> = cycle.iter().map(|at| workers.0[*at].key.as_str()).collect();
        let place = place(workers, cycle[0], &["after", "stop-after"]);
        let message = format!("`{}` waits for itself: {}", names[0], names.join(" → "));
        return reader.mistake_hint(&place, message, "one of them must start, and one must stop, before the others");
    }
    chain_within_budget(reader, session, workers, &edges, budget);
}

/// Whose child each is.
fn parents(reader: &mut Reader<'_>, session: &SessionSpec, workers: &Table) -> Vec<Option<usize>> {
    let mut parents: Vec<Option<usize>> = vec![None; session.workers.len()];
    for (at, worker) in session.workers.iter().enumerate() {
        let Body::Supervisor(spec) = &worker.body else { continue };
        for child in &spec.children {
            let Some(slot) = parents.get_mut(child.index()) else { continue };
            match *slot {
                Some(other) if other != at => {
                    let place = place(workers, at, &["children"]);
                    let (child, other) = (&workers.0[child.index()].key, &workers.0[other].key);
                    reader.mistake_hint(
                        &place,
                        format!("`{child}` is a child of `{other}` already"),
                        "a worker has one parent",
                    );
                }
                Some(_) | None => *slot = Some(at),
            }
        }
    }
    parents
}

fn has_family_cycle(reader: &mut Reader<'_>, parents: &[Option<usize>], workers: &Table) -> bool {
    for at in 0..parents.len() {
        let mut above = parents[at];
        for _ in 0..parents.len() {
            if above == Some(at) {
                let place = place(workers, at, &["children"]);
                reader.mistake(&place, format!("`{}` is below itself", workers.0[at].key));
                return true;
            }
            above = above.and_then(|parent| parents[parent]);
        }
    }
    false
}

/// Order is a matter among siblings: a parent starts and stops its own children.
fn strangers(reader: &mut Reader<'_>, session: &SessionSpec, parents: &[Option<usize>], workers: &Table) {
    for (at, worker) in session.workers.iter().enumerate() {
        let after = worker.after.iter().map(|dependency| ("after", dependency.on));
        for (key, other) in after.chain(worker.stop_after.iter().map(|other| ("stop-after", *other))) {
            if parents.get(other.index()) == Some(&parents[at]) {
                continue;
            }
            let (me, other_name) = (&workers.0[at].key, &workers.0[other.index()].key);
            let hint = match (parents[at], parents[other.index()]) {
                (_, Some(parent)) if Some(parent) != parents[at] && parent != at => {
                    format!("name `{}`, its supervisor", workers.0[parent].key)
                }
                (Some(parent), _) => format!("say it of `{}`, the supervisor of `{me}`", workers.0[parent].key),
                (None, _) => "name workers with the same parent".to_string(),
            };
            let message = format!("`{me}` and `{other_name}` have different parents, and cannot wait for each other");
            reader.mistake_hint(&place(workers, at, &[key]), message, hint);
        }
    }
}

/// For each worker, whom its stop waits for.
fn stop_edges(session: &SessionSpec) -> Vec<Vec<usize>> {
    let mut edges = vec![Vec::new(); session.workers.len()];
    for (at, worker) in session.workers.iter().enumerate() {
        for dependency in &worker.after {
            if let Some(first) = edges.get_mut(dependency.on.index()) {
                first.push(at);
            }
        }
        edges[at].extend(worker.stop_after.iter().map(|other| other.index()));
    }
    edges
}

/// A way from a worker back to itself.
fn cycle<'e>(count: usize, edges: impl Fn(usize) -> &'e Vec<usize>) -> Option<Vec<usize>> {
    // Whoever nobody waits for any more is taken away; what is left goes round.
    let mut left: Vec<bool> = vec![true; count];
    while let Some(free) = (0..count).find(|at| left[*at] && edges(*at).iter().all(|to| !left[*to])) {
        left[free] = false;
    }
    let start = left.iter().position(|left| *left)?;
    let mut way = vec![start];
    loop {
        let next = edges(*way.last()?).iter().copied().find(|to| left[*to])?;
        if let Some(from) = way.iter().position(|at| *at == next) {
            way.drain(..from);
            way.push(next);
            return Some(way);
        }
        way.push(next);
    }
}

/// The longest chain of graces must fit into the stop budget, or the last of it were killed for no fault of its own.
fn chain_within_budget(
    reader: &mut Reader<'_>,
    session: &SessionSpec,
    workers: &Table,
    edges: &[Vec<usize>],
    budget: Option<&Range<usize>>,
) {
    if session.order == StopOrder::Parallel {
        return;
    }
    let mut longest: Vec<Option<(Duration, Vec<usize>)>> = vec![None; edges.len()];
    for at in 0..edges.len() {
        measure(session, edges, at, &mut longest);
    }
    let Some((total, chain)) = longest.into_iter().flatten().max_by_key(|(total, chain)| (*total, chain.len())) else {
        return;
    };
    if chain.len() < 2 || total <= session.stop_budget {
        return;
    }
    let names: Vec<&str> = chain.iter().map(|at| workers.0[*at].key.as_str()).collect();
    let message = format!(
        "one after the other, {} may take {total:?} to stop, longer than the session's stop budget of {:?}",
        names.join(", "),
        session.stop_budget
    );
    // Where the budget is not written, one of the graces is; without either it is the last worker's.
    let graced = |at: &&usize| matches!(&workers.0[**at].node.value, Value::Table(own) if own.get("stop").is_some());
    let spoken = chain.iter().find(graced).or(chain.last()).copied().unwrap_or(0);
    let at = budget.cloned().unwrap_or_else(|| place(workers, spoken, &["stop"]));
    reader.mistake_hint(&at, message, "shorten a grace of the chain, or raise `stop-budget` of [session]");
}

/// The longest way to the end of this one's stop. The edges have no cycle.
fn measure(session: &SessionSpec, edges: &[Vec<usize>], at: usize, longest: &mut [Option<(Duration, Vec<usize>)>]) {
    if longest[at].is_some() {
        return;
    }
    for &first in &edges[at] {
        measure(session, edges, first, longest);
    }
    let before = edges[at].iter().filter_map(|first| longest[*first].clone()).max_by_key(|(total, _)| *total);
    let (before, mut chain) = before.unwrap_or_default();
    let stop = &session.workers[at].stop;
    let own = match (&session.workers[at].body, stop.grace) {
        (Body::Process(_) | Body::PuppetTask(_) | Body::Function(_) | Body::Proxy(_), Grace::After(grace)) => {
            grace.saturating_add(stop.hook_within())
        }
        (Body::Supervisor(_), _) | (_, Grace::Never) => Duration::ZERO,
    };
    chain.push(at);
    longest[at] = Some((before.saturating_add(own), chain));
}

/// Where the first of these keys stands in a worker's own table; the worker's name where none does.
pub(super) fn place(workers: &Table, at: usize, keys: &[&str]) -> Range<usize> {
    let field = &workers.0[at];
    let Value::Table(table) = &field.node.value else { return field.key_at.clone() };
    let found = keys.iter().find_map(|key| table.field(key));
    found.map_or(field.key_at.clone(), |found| found.key_at.clone())
}

/// The keys of a supervisor beside those of every worker.
pub(super) const SUPERVISOR: Keys =
    Keys { of: "a supervisor", known: &["strategy", "children", "escalate"], later: &[] };
pub(super) const STRATEGIES: &[(&str, Option<Strategy>)] = &[
    ("one-for-one", Some(Strategy::OneForOne)),
    ("one-for-all", Some(Strategy::OneForAll)),
    ("rest-for-one", Some(Strategy::RestForOne)),
];
pub(super) const CONDITIONS: &[(&str, Option<Condition>)] = &[
    ("started", Some(Condition::Started)),
    ("ready", Some(Condition::Ready)),
    ("exited", Some(Condition::Exited)),
    ("succeeded", Some(Condition::Succeeded)),
];
