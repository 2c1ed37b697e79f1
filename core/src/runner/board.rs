//! What tasks may know of a session's workers: written by the host whenever one of its machines has moved, read by any number of
//! tasks. It decides nothing.

use crate::ids::{ActorId, Pid, WorkerId};
use crate::snapshot::Kind;
use crate::sync::oneshot;
use crate::vocab::{ExitStatus, Outcome, WorkerSpec, WorkerState};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A worker as its session's [`Runner`](super::Runner) lists it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listing {
    /// Its number in the session.
    pub id: WorkerId,
    /// Its name. Only those of the plan are unique.
    pub name: Arc<str>,
    /// What it is.
    pub kind: Kind,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its public state.
    pub state: WorkerState,
    /// Which incarnation it is in, or was in last: from 1; 0 before the first.
    pub incarnation: u32,
    /// The pid of its leader, while that lives: to be read, not to be signalled.
    pub pid: Option<Pid>,
    /// How its leader ended, in this incarnation or, where none runs, in the last one.
    pub exit: Option<ExitStatus>,
    /// How its last incarnation ended, while no other runs.
    pub outcome: Option<Arc<Outcome>>,
    /// Whether its leader runs: somebody can be signalled.
    pub is_live: bool,
    /// Whether it is over, or was not started yet: it does not run, and will not unless somebody starts it.
    pub is_over: bool,
}

impl Listing {
    pub(crate) fn new(id: WorkerId, spec: &WorkerSpec) -> Listing {
        Listing {
            id,
            name: spec.name.clone(),
            kind: Kind::from(&spec.body),
            tags: spec.tags.clone(),
            state: WorkerState::Pending,
            incarnation: 0,
            pid: None,
            exit: None,
            outcome: None,
            is_live: false,
            is_over: true,
        }
    }
}

/// One worker, and those who wait for it to be over.
pub(crate) struct Entry {
    pub(crate) listing: Listing,
    pub(crate) is_planned: bool,
    /// Its place in the host's table, where its unit is a function.
    pub(crate) function: Option<u32>,
    /// Its machine; none yet within the turn that adds it.
    pub(crate) actor: Option<ActorId>,
    /// Variables that were set for its next starts.
    pub(crate) env: BTreeMap<String, String>,
    waiting: Vec<oneshot::Sender<Arc<Outcome>>>,
}

impl Entry {
    pub(crate) fn new(listing: Listing, is_planned: bool, function: Option<u32>) -> Entry {
        Entry { listing, is_planned, function, actor: None, env: BTreeMap::new(), waiting: Vec::new() }
    }
}

/// One session.
pub(crate) struct Board {
    /// The session's own state.
    pub(crate) state: WorkerState,
    /// The number of the next worker that is added; never used again.
    pub(crate) next: u32,
    pub(crate) workers: BTreeMap<WorkerId, Entry>,
}

/// The sessions of a host for which somebody holds a runner.
#[derive(Default)]
pub(crate) struct Boards {
    pub(crate) list: BTreeMap<ActorId, Board>,
    /// Which worker of which session a machine is.
    places: BTreeMap<ActorId, (ActorId, WorkerId)>,
    /// How many children of a parent were not over when they were last looked at.
    open: BTreeMap<ActorId, u32>,
}

/// What a wait finds: the worker is over, or the future that tells.
pub(crate) enum Wait {
    Over(Arc<Outcome>),
    Open(oneshot::Receiver<Arc<Outcome>>),
    Unknown,
    /// It was never started, and its session is over.
    Never,
}

impl Boards {
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty() && self.places.is_empty() && self.open.is_empty()
    }

    pub(crate) fn place(&mut self, actor: ActorId, session: ActorId, worker: WorkerId) {
        self.places.insert(actor, (session, worker));
        if let Some(entry) = self.list.get_mut(&session).and_then(|board| board.workers.get_mut(&worker)) {
            entry.actor = Some(actor);
        }
    }

    /// So many children of a parent are not over now: how many it was before, if that is known.
    pub(crate) fn open_before(&mut self, parent: ActorId, now: u32) -> Option<u32> {
        self.open.insert(parent, now)
    }

    /// The entry of a machine, where it is a worker of such a session.
    pub(crate) fn of_actor(&mut self, actor: ActorId) -> Option<&mut Entry> {
        let (session, worker) = *self.places.get(&actor)?;
        self.list.get_mut(&session)?.workers.get_mut(&worker)
    }

    /// What a parent, a session or a supervisor, says of its child.
    pub(crate) fn set_over(&mut self, parent: ActorId, worker: WorkerId, is_over: bool) {
        let session = self.places.get(&parent).map_or(parent, |(session, _)| *session);
        let Some(board) = self.list.get_mut(&session) else { return };
        let no_more = board.state.is_terminal();
        let Some(entry) = board.workers.get_mut(&worker) else { return };
        entry.listing.is_over = is_over;
        entry.tell();
        if no_more {
            entry.waiting.clear();
        }
    }

    /// What the board says of a child.
    pub(crate) fn is_over(&self, parent: ActorId, worker: WorkerId) -> Option<bool> {
        let session = self.places.get(&parent).map_or(parent, |(session, _)| *session);
        self.list.get(&session)?.workers.get(&worker).map(|entry| entry.listing.is_over)
    }

    /// The session itself has moved. Who waits for a worker that was never started waits in vain once it is over.
    pub(crate) fn set_state(&mut self, session: ActorId, state: WorkerState) {
        let Some(board) = self.list.get_mut(&session) else { return };
        board.state = state;
        if state.is_terminal() {
            board.workers.values_mut().for_each(|entry| entry.waiting.clear());
        }
    }
}

impl Board {
    /// Whether it takes new work.
    pub(crate) fn is_open(&self) -> bool {
        match self.state {
            WorkerState::Pending | WorkerState::Starting | WorkerState::Running | WorkerState::Ready => true,
            WorkerState::Stopping | WorkerState::Killing | WorkerState::Draining | WorkerState::Backoff => false,
            WorkerState::Finished | WorkerState::Stopped | WorkerState::Killed | WorkerState::Failed => false,
        }
    }

    pub(crate) fn wait(&mut self, worker: WorkerId) -> Wait {
        let over = self.state.is_terminal();
        let Some(entry) = self.workers.get_mut(&worker) else { return Wait::Unknown };
        match &entry.listing.outcome {
            Some(outcome) if entry.listing.is_over => Wait::Over(outcome.clone()),
            Some(_) | None if over => Wait::Never,
            Some(_) | None => {
                let (sender, receiver) = oneshot::channel();
                entry.waiting.push(sender);
                Wait::Open(receiver)
            }
        }
    }
}

impl Entry {
    /// All who wait are told the same outcome, as soon as the worker is over.
    fn tell(&mut self) {
        let Some(outcome) = self.listing.outcome.as_ref().filter(|_| self.listing.is_over) else { return };
        for waiting in self.waiting.drain(..) {
            // Who has stopped waiting is not told.
            let _ = waiting.send(outcome.clone());
        }
    }
}
