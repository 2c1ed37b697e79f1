//! What a session looks like at one moment: a tree of plain data, made from the machines whenever somebody asks.
//!
//! A status page, a `ps`, a diagram and a hung stop ask the same question; here it is answered once, in words that need no machine to
//! be read. [`Host::snapshot`](crate::host::Host::snapshot) makes one, [`table`] and [`mermaid_tree`] draw it.

mod build;
mod mermaid;
pub mod states;
mod table;

pub use mermaid::{mermaid_fragment, mermaid_machine, mermaid_state, mermaid_tree};
pub use table::{COLUMNS_MAX, table};

use crate::host::Waiter;
use crate::ids::Pid;
use crate::vocab::{Body, Coarse, ExitStatus, WorkerState};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// One node of the tree: a session, a supervisor, or a worker with its unit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// Its name.
    pub name: Arc<str>,
    /// What it is.
    pub kind: Kind,
    /// Its public state.
    pub status: WorkerState,
    /// The same, folded into four.
    pub coarse: Coarse,
    /// The pid of its leader, while that lives: to be read, not to be signalled.
    pub pid: Option<Pid>,
    /// How its leader ended, in this incarnation or, where none runs, in the last one.
    pub exit: Option<ExitStatus>,
    /// What went wrong with its last incarnation, in words, where its exit alone does not tell.
    pub error: Option<String>,
    /// What it waits for, in words; none once it is over, or before its session has begun.
    pub waits_for: Option<String>,
    /// Its tags; and `incarnation`, `restarts`, `circuit_breaker` (`triggered`) and `blocked_by` (siblings that it waits for, in words), where there is something to tell. A tag
    /// of such a name is hidden by it.
    pub metadata: BTreeMap<String, String>,
    /// Those below it, in the order of the plan.
    pub children: Vec<Snapshot>,
}

/// What a node of the tree is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// The root.
    Session,
    /// A group of workers that is kept running.
    Supervisor,
    /// A worker whose unit is an operating-system process.
    Process,
    /// A worker whose unit is a puppet script, played by an async function.
    Task,
    /// A worker whose unit is an async function.
    Function,
    /// A worker whose unit is a proxy of HTTP connections.
    Proxy,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 6] =
        [Kind::Session, Kind::Supervisor, Kind::Process, Kind::Task, Kind::Function, Kind::Proxy];

    /// As tables and diagrams write it.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Session => "session",
            Kind::Supervisor => "supervisor",
            Kind::Process => "process",
            Kind::Task => "task",
            Kind::Function => "function",
            Kind::Proxy => "proxy",
        }
    }
}

impl From<&Body> for Kind {
    fn from(body: &Body) -> Kind {
        match body {
            Body::Process(_) => Kind::Process,
            Body::PuppetTask(_) => Kind::Task,
            Body::Function(_) => Kind::Function,
            Body::Proxy(_) => Kind::Proxy,
            Body::Supervisor(_) => Kind::Supervisor,
        }
    }
}

impl Snapshot {
    /// A node of which nothing is known but its state.
    pub fn new(name: &str, kind: Kind, status: WorkerState) -> Snapshot {
        Snapshot {
            name: name.into(),
            kind,
            status,
            coarse: status.coarse(),
            pid: None,
            exit: None,
            error: None,
            waits_for: None,
            metadata: BTreeMap::new(),
            children: Vec::new(),
        }
    }

    /// Who keeps it from being over, and why, in the order of the plan: while it stops, who blocks the stop. Nobody once it is over.
    pub fn blocking(&self) -> Vec<Waiter> {
        let mut blocking = Vec::new();
        self.collect_blocking(&mut blocking);
        blocking
    }

    fn collect_blocking(&self, into: &mut Vec<Waiter>) {
        let Some(waits_for) = &self.waits_for else { return };
        let before = into.len();
        self.children.iter().for_each(|child| child.collect_blocking(into));
        // Whoever waits for its children says nothing of its own.
        if into.len() == before {
            into.push(Waiter { who: String::from(&*self.name), waits_for: waits_for.clone() });
        }
    }

    /// The node of this name, itself or below it; the first in the order of the plan.
    pub fn find(&self, name: &str) -> Option<&Snapshot> {
        if *self.name == *name { Some(self) } else { self.children.iter().find_map(|child| child.find(name)) }
    }
}
