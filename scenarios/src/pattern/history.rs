//! The history of a run: its facts and what its processes did, in one order, and how everybody ended. Subjects are numbers of
//! the plan, so that judging a hundred thousand runs compares no text.

use super::names::{Event, Names, SubjectId, SubjectKind};
use shakedown_core::ids::WorkerId;
use shakedown_core::journal::Entry as Record;
use shakedown_core::signal::Signal;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{
    ExitStatus, Fact, FactRecord, ProcessEvent, ProcessWhat, Requester, Stream, Subject as FactSubject, WorkerState,
};
use std::sync::Arc;

/// One line of a history.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// When.
    pub at: Instant,
    /// Who.
    pub subject: SubjectId,
    /// What.
    pub event: Event,
    /// More of it, for reports.
    pub detail: Detail,
}

/// More of an event.
#[derive(Clone, PartialEq, Debug)]
pub enum Detail {
    /// Nothing more is known.
    None,
    /// Of `signalled`.
    Signal(Signal),
    /// Of `exited`, and of terminal events of workers.
    Status(ExitStatus),
    /// Of `stop-requested`.
    By(Requester),
    /// Of `output`.
    Line(Stream, Arc<[u8]>),
}

/// One process and how it ended. Several may share a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProcessEnd {
    /// Its name.
    pub subject: SubjectId,
    /// Its pid.
    pub pid: i32,
    /// How it ended; `None` while it runs.
    pub status: Option<ExitStatus>,
}

/// What happened in one run. Made once and cleared between runs, it allocates nothing more.
#[derive(Clone, Debug)]
pub struct History {
    names: Arc<Names>,
    entries: Vec<Entry>,
    states: Vec<WorkerState>,
    spawned: Vec<bool>,
    processes: Vec<ProcessEnd>,
    journal: Vec<Record>,
    end: Instant,
}

impl History {
    /// An empty history of this plan.
    pub fn new(names: Arc<Names>) -> History {
        let workers = names.workers();
        History {
            names,
            entries: Vec::new(),
            states: vec![WorkerState::Pending; workers],
            spawned: vec![false; workers],
            processes: Vec::new(),
            journal: Vec::new(),
            end: Instant::ZERO,
        }
    }

    /// From the records of a whole run, each in order. Of one instant, what processes did comes before what was known of it.
    pub fn of(names: Arc<Names>, facts: &[FactRecord], events: &[ProcessEvent]) -> History {
        let mut history = History::new(names);
        let mut events = events.iter().peekable();
        for fact in facts {
            while let Some(event) = events.next_if(|event| event.at <= fact.at) {
                history.process(event);
            }
            history.fact(fact);
        }
        events.for_each(|event| history.process(event));
        history
    }

    /// Forgets the run, keeps the plan and the memory.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.states.fill(WorkerState::Pending);
        self.spawned.fill(false);
        self.processes.clear();
        self.journal.clear();
        self.end = Instant::ZERO;
    }

    /// Adds a fact. Facts of workers that the plan does not know are passed over.
    pub fn fact(&mut self, record: &FactRecord) {
        let Some(event) = Event::of(&record.fact) else { return };
        let subject = match (record.subject, &record.fact) {
            (FactSubject::Session, Fact::Action(news)) => match self.names.find_action(&news.action) {
                Some(action) => action,
                None => return,
            },
            (FactSubject::Session, _) => SubjectId(0),
            (FactSubject::Worker(worker), _) => {
                if worker.index() >= self.states.len() {
                    return;
                }
                self.note_state(worker, &record.fact);
                self.names.of_worker(worker)
            }
        };
        let detail = match &record.fact {
            Fact::Signalled { signal, .. } => Detail::Signal(*signal),
            Fact::Exited { status } => Detail::Status(*status),
            Fact::StopRequested { by, .. } => Detail::By(*by),
            Fact::Output { stream, line, .. } => Detail::Line(*stream, line.clone()),
            Fact::Ended(outcome) => Detail::Status(outcome.status),
            Fact::Spawn | Fact::Started { .. } | Fact::Ready | Fact::Unready | Fact::OutputClosed => Detail::None,
            Fact::DrainAbandoned | Fact::Backoff { .. } | Fact::Restarted | Fact::SessionStopped => Detail::None,
            Fact::Request(_) | Fact::Action(_) => Detail::None,
        };
        self.push(Entry { at: record.at, subject, event, detail });
    }

    /// Adds what a process did. Processes that the plan does not name are passed over: no pattern can mean them.
    pub fn process(&mut self, event: &ProcessEvent) {
        let Some(subject) = self.names.find_process(&event.name) else { return };
        let (what, detail) = match event.what {
            ProcessWhat::Started => {
                self.processes.push(ProcessEnd { subject, pid: event.pid, status: None });
                (Event::Started, Detail::None)
            }
            ProcessWhat::Exited(status) => {
                let of = |end: &&mut ProcessEnd| end.pid == event.pid && end.subject == subject && end.status.is_none();
                match self.processes.iter_mut().rfind(of) {
                    Some(end) => end.status = Some(status),
                    None => self.processes.push(ProcessEnd { subject, pid: event.pid, status: Some(status) }),
                }
                (Event::Exited, Detail::Status(status))
            }
            ProcessWhat::Signalled(signal) => (Event::Signalled, Detail::Signal(signal)),
            ProcessWhat::Installed(_) => return,
        };
        self.push(Entry { at: event.at, subject, event: what, detail });
    }

    /// Says in which state a worker really is at the end. Without it the state follows from the facts.
    pub fn settle(&mut self, worker: WorkerId, state: WorkerState) {
        if let Some(slot) = self.states.get_mut(worker.index()) {
            *slot = state;
        }
    }

    /// Says what the journal holds at the end.
    pub fn keep(&mut self, journal: Vec<Record>) {
        self.journal = journal;
    }

    /// Says when the run was over, where that is later than its last event.
    pub fn finish(&mut self, at: Instant) {
        self.end = self.end.max(at);
    }

    /// The plan.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// All of it, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Every process that was seen, in the order of birth.
    pub fn processes(&self) -> &[ProcessEnd] {
        &self.processes
    }

    /// What the journal holds at the end, where somebody looked.
    pub fn journal(&self) -> &[Record] {
        &self.journal
    }

    /// When the run was over.
    pub fn end(&self) -> Instant {
        self.end
    }

    /// The state in which a worker was left; `None` where the plan does not know it.
    pub fn state(&self, worker: WorkerId) -> Option<WorkerState> {
        self.states.get(worker.index()).copied()
    }

    /// Whether a start of the worker was ever attempted.
    pub fn was_spawned(&self, worker: WorkerId) -> bool {
        self.spawned.get(worker.index()).copied().unwrap_or(false)
    }

    /// The name of an entry's subject.
    pub fn name(&self, entry: &Entry) -> &Arc<str> {
        &self.names.subject(entry.subject).name
    }

    /// What an entry's subject is.
    pub fn kind(&self, entry: &Entry) -> SubjectKind {
        self.names.subject(entry.subject).kind
    }

    fn push(&mut self, entry: Entry) {
        self.end = self.end.max(entry.at);
        self.entries.push(entry);
    }

    fn note_state(&mut self, worker: WorkerId, fact: &Fact) {
        let state = match fact {
            Fact::Spawn => {
                self.spawned[worker.index()] = true;
                WorkerState::Starting
            }
            Fact::Started { .. } => WorkerState::Running,
            Fact::Ready => WorkerState::Ready,
            Fact::StopRequested { .. } => WorkerState::Stopping,
            Fact::Signalled { signal: Signal::KILL, .. } => WorkerState::Killing,
            Fact::Exited { .. } => WorkerState::Draining,
            Fact::Backoff { .. } => WorkerState::Backoff,
            Fact::Ended(outcome) => outcome.state,
            Fact::Signalled { .. } | Fact::OutputClosed | Fact::DrainAbandoned | Fact::Output { .. } => return,
            Fact::Unready | Fact::Restarted | Fact::SessionStopped | Fact::Request(_) => return,
            Fact::Action(_) => return,
        };
        self.states[worker.index()] = state;
    }
}
