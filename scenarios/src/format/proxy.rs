//! A proxy of a scenario: its role, where it listens, how long it drains, and whom it stands before.

use super::reader::{Keys, Reader};
use super::relations;
use super::tree::{Field, Node, Table, Value};
use shakedown_core::ids::WorkerId;
use shakedown_core::proxy::{Limits, Listen, ProxySpec, Role, Upstream};
use shakedown_core::puppet::{Block, Handler, Verb};
use shakedown_core::time::Duration;
use shakedown_core::vocab::{
    Body, Condition, Dependency, Grace, Probe, ProcessSpec, SessionSpec, StopPolicy, WorkerSpec,
};
use std::net::SocketAddr;
use std::sync::Arc;

/// Reads a proxy. Its stop gets a grace that fits its drain.
pub(super) fn proxy(
    reader: &mut Reader<'_>,
    field: &Field,
    table: &Table,
    workers: &Table,
    stop: Option<&mut StopPolicy>,
) -> Option<Body> {
    for key in ["command", "sim", "puppet", "ready", "env"] {
        if let Some(field) = table.field(key) {
            let hint = "it is no process: it serves whoever connects, and is ready when it listens";
            reader.mistake_hint(&field.key_at, format!("a proxy has no `{key}`"), hint);
        }
    }
    let times = times(reader, table, stop);
    let listen = match table.get("listen") {
        None => Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        Some(node) => address(reader, node, "`listen`"),
    };
    let role = match table.get("role") {
        Some(node) => reader.choice(node, "role of a proxy", ROLES),
        // Whoever has an upstream stands before it.
        None => Some(if table.get("upstream").is_some() { Side::Reverse } else { Side::Forward }),
    };
    let role = match role? {
        Side::Forward => {
            for key in ["upstream", "upstream-address"] {
                if let Some(field) = table.field(key) {
                    let hint = "a forward proxy asks whom its users name; add role = \"reverse\"";
                    reader.mistake_hint(&field.key_at, format!("a forward proxy has no `{key}`"), hint);
                }
            }
            Role::Forward
        }
        Side::Reverse => {
            let Some(node) = table.get("upstream") else {
                let message = format!("reverse proxy `{}` has no `upstream`", field.key);
                reader.mistake_hint(&field.key_at, message, "name the worker behind it: upstream = \"server\"");
                return None;
            };
            relations::named(reader, node, workers)?;
            let worker: Arc<str> = reader.text(node, "`upstream`")?.into();
            let node = table.get("upstream-address");
            let at = node.map(|node| address(reader, node, "`upstream-address`"));
            Role::Reverse(Upstream { worker, address: at.flatten() })
        }
    };
    let name: Arc<str> = field.key.as_str().into();
    let (listen, limits) = (Listen::At(listen?), limits(reader, table)?);
    let (lag, drain) = times?;
    Some(Body::Proxy(Arc::new(ProxySpec { name, role, listen, drain, lag, limits })))
}

/// `limits = { connections = 2 }`: how much it takes on.
fn limits(reader: &mut Reader<'_>, table: &Table) -> Option<Limits> {
    let mut limits = Limits::DEFAULT;
    let Some(node) = table.get("limits") else { return Some(limits) };
    let table = reader.table(node, "`limits`")?;
    reader.keys(table, &LIMITS);
    for (key, limit) in [
        ("connections", &mut limits.connections_max),
        ("header-bytes", &mut limits.header_bytes_max),
        ("pending", &mut limits.pending_accepts_max),
        ("untold", &mut limits.untold_max),
    ] {
        if let Some(node) = table.get(key) {
            *limit = reader.integer(node, &format!("`{key}`"), 1, u64::from(u32::MAX))? as u32;
        }
    }
    Some(limits)
}

/// `proxy-lag` and `proxy-drain`. They stand for the grace, which is the time of processes: KILL comes when the drain should long be over.
fn times(reader: &mut Reader<'_>, table: &Table, stop: Option<&mut StopPolicy>) -> Option<(Duration, Duration)> {
    let written = match table.get("stop").map(|node| &node.value) {
        Some(Value::Table(stop)) => Some(stop),
        Some(Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Date | Value::List(_)) => {
            None
        }
        None => None,
    };
    let mut read = |key: &str, default| match written.and_then(|stop| stop.get(key)) {
        Some(node) => reader.duration(node, &format!("`{key}`")),
        None => Some(default),
    };
    let (lag, drain) = (read("proxy-lag", Duration::ZERO)?, read("proxy-drain", ProxySpec::DRAIN)?);
    stop?.grace = Grace::After(lag.saturating_add(drain).saturating_add(StopPolicy::EMPTY_WITHIN));
    Some((lag, drain))
}

fn address(reader: &mut Reader<'_>, node: &Node, what: &str) -> Option<SocketAddr> {
    let text = reader.text(node, what)?;
    let address = text.parse().ok();
    if address.is_none() {
        let hint = "as in \"127.0.0.1:8080\"; port 0 is any that is free";
        reader.mistake_hint(&node.at, format!("{what} is an address and a port"), hint);
    }
    address
}

/// A proxy before an upstream waits until that is ready, and so ends before it.
pub(super) fn depend(spec: &mut WorkerSpec, workers: &Table) {
    let Some(upstream) = upstream_of(spec) else { return };
    let place = workers.0.iter().position(|field| field.key == *upstream.worker);
    let Some(on) = place.map(|place| WorkerId(place as u32)) else { return };
    if spec.after.iter().all(|dependency| dependency.on != on) {
        spec.after.push(Dependency { on, until: Condition::Ready });
    }
}

/// Finds out where upstreams listen, where no file says it. To be called where every worker could be read.
pub(super) fn settle(reader: &mut Reader<'_>, session: &mut SessionSpec, workers: &Table) {
    for at in 0..session.workers.len() {
        let Some(upstream) = upstream_of(&session.workers[at]) else { continue };
        let behind = session.workers.iter().find(|worker| worker.name == upstream.worker);
        let found = match behind.map(|worker| (&worker.body, worker.ready.as_ref().map(|ready| &ready.probe))) {
            Some((Body::Process(_), Some(Probe::Tcp(address)))) => address.parse().ok(),
            Some((Body::Process(_), Some(Probe::Http(get)))) => get.address.parse().ok(),
            Some((Body::Process(spec), _)) => listens(spec),
            Some((Body::PuppetTask(_) | Body::Function(_) | Body::Proxy(_) | Body::Supervisor(_), _)) | None => {
                let message = format!("`{}` is no process, and cannot be an upstream", upstream.worker);
                let place = relations::place(workers, at, &["upstream"]);
                reader.mistake_hint(&place, message, "name a worker that listens on a port");
                continue;
            }
        };
        if let Body::Proxy(spec) = &mut session.workers[at].body
            && let Role::Reverse(upstream) = &mut Arc::make_mut(spec).role
        {
            upstream.address = upstream.address.or(found);
        }
    }
}

/// Whoever waits for a forward proxy goes through it: the first that it names.
pub(super) fn lead_through(session: &mut SessionSpec) {
    for at in 0..session.workers.len() {
        let is_forward = |spec: &&WorkerSpec| matches!(&spec.body, Body::Proxy(proxy) if proxy.role == Role::Forward);
        let awaited = session.workers[at].after.iter().map(|dependency| &session.workers[dependency.on.index()]);
        let Some(proxy) = awaited.into_iter().find(is_forward).map(|proxy| proxy.name.clone()) else { continue };
        if let Body::Process(spec) = &mut session.workers[at].body {
            Arc::make_mut(spec).proxy = Some(proxy);
        }
    }
}

fn upstream_of(spec: &WorkerSpec) -> Option<Upstream> {
    match &spec.body {
        Body::Proxy(proxy) => match &proxy.role {
            Role::Reverse(upstream) => Some(upstream.clone()),
            Role::Forward => None,
        },
        Body::Process(_) | Body::PuppetTask(_) | Body::Function(_) | Body::Supervisor(_) => None,
    }
}

/// The port on which the script of a process listens first.
fn listens(spec: &ProcessSpec) -> Option<SocketAddr> {
    fn port(script: &Block) -> Option<u16> {
        script.iter().find_map(|verb| match verb {
            Verb::Listen(port) => Some(*port),
            Verb::Spawn { body, .. } | Verb::Daemonize { body, .. } | Verb::Repeat { body, .. } => port_of(body),
            Verb::On { then: Handler::Run(body), .. } | Verb::Exec(body) | Verb::Thread(body) => port_of(body),
            Verb::On { then: Handler::Ignore | Handler::Default, .. } => None,
            Verb::Print { .. } | Verb::Write { .. } | Verb::Flood | Verb::Read(_) | Verb::Sleep(_) | Verb::Hang => None,
            Verb::Wait(_) | Verb::WaitAll | Verb::Kill { .. } | Verb::Setsid | Verb::Setpgid => None,
            Verb::Close(_) | Verb::Exit(_) | Verb::Die(_) | Verb::Freeze | Verb::LeaderExit | Verb::Busy(_) => None,
            Verb::Block(_) | Verb::Unblock(_) | Verb::Subreaper | Verb::Pdeathsig(_) => None,
            Verb::NotifyReady | Verb::Touch(_) | Verb::Lock(_) => None,
        })
    }
    use port as port_of;
    spec.script().and_then(port).map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Reverse,
    Forward,
}

/// The keys of a proxy beside those of every worker.
pub(super) const KEYS: &[&str] = &["role", "listen", "upstream", "upstream-address", "limits"];
pub(super) const LIMITS: Keys =
    Keys { of: "`limits` of a proxy", known: &["connections", "header-bytes", "pending", "untold"], later: &[] };
pub(super) const ROLES: &[(&str, Option<Side>)] = &[("reverse", Some(Side::Reverse)), ("forward", Some(Side::Forward))];
