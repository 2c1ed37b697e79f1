//! Who and what a pattern can name: the subjects of one plan and the closed list of events. Known before the first run, so a
//! pattern that could never match is an error of the file and not a silent pass.

use shakedown_core::actions::ActionWhat;
use shakedown_core::ids::WorkerId;
use shakedown_core::proxy::Stage;
use shakedown_core::puppet::{Block, Handler, Verb};
use shakedown_core::vocab::{Body, Fact, SessionSpec, WorkerState};
use std::sync::Arc;

/// A subject of a plan: 0 is the session, then the workers in the order of the plan, then the processes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SubjectId(pub u32);

/// What a subject is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SubjectKind {
    /// The session.
    Session,
    /// A worker.
    Worker,
    /// A process of a worker.
    Process,
    /// An action of the session.
    Action,
}

/// A subject.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subject {
    /// `session`, `server`, `server/helper`.
    pub name: Arc<str>,
    /// What it is.
    pub kind: SubjectKind,
}

/// The subjects of one plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Names {
    subjects: Vec<Subject>,
    workers: usize,
    /// Workers whose processes are not known, because their scripts could not be read: every name under them passes.
    opaque: Vec<Arc<str>>,
}

impl Names {
    /// The subjects of a session: itself, its workers, and the processes that their scripts name.
    pub fn of(session: &SessionSpec) -> Names {
        let workers = session.workers.iter().map(|worker| {
            let script = match &worker.body {
                Body::Process(spec) => Some(spec.script().cloned()),
                Body::PuppetTask(_) | Body::Function(_) | Body::Proxy(_) | Body::Supervisor(_) => None,
            };
            (worker.name.clone(), script)
        });
        Names::new(workers.collect()).with_actions(session.actions.iter().map(|action| action.name.clone()))
    }

    /// From workers by name; `Some` for those that are processes, with their scripts where they have one.
    pub fn new(workers: Vec<(Arc<str>, Option<Option<Block>>)>) -> Names {
        let mut subjects = vec![Subject { name: "session".into(), kind: SubjectKind::Session }];
        subjects.extend(workers.iter().map(|(name, _)| Subject { name: name.clone(), kind: SubjectKind::Worker }));
        for (worker, script) in &workers {
            let Some(script) = script else { continue };
            let mut names = vec!["main".into()];
            if let Some(script) = script {
                processes(script, &mut names);
            }
            for name in names {
                let name: Arc<str> = format!("{worker}/{name}").into();
                if !subjects.iter().any(|subject| subject.name == name) {
                    subjects.push(Subject { name, kind: SubjectKind::Process });
                }
            }
        }
        Names { subjects, workers: workers.len(), opaque: Vec::new() }
    }

    /// The same, where nothing is known of the processes of these workers.
    #[must_use]
    pub fn opaque(mut self, workers: Vec<Arc<str>>) -> Names {
        self.opaque = workers;
        self
    }

    /// The same, with these actions of the session.
    #[must_use]
    pub fn with_actions(mut self, actions: impl IntoIterator<Item = Arc<str>>) -> Names {
        self.subjects.extend(actions.into_iter().map(|name| Subject { name, kind: SubjectKind::Action }));
        self
    }

    /// Whether a name may stand for a process that is not known.
    pub(crate) fn is_opaque(&self, pattern: &str) -> bool {
        pattern.split_once('/').is_some_and(|(worker, _)| self.opaque.iter().any(|name| glob(worker, name)))
    }

    /// Every subject, by its id.
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// How many workers there are.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// The subject of this id.
    ///
    /// # Panics
    /// Where the id is of another plan.
    pub fn subject(&self, id: SubjectId) -> &Subject {
        &self.subjects[id.0 as usize]
    }

    /// The subject of this exact name.
    pub fn find(&self, name: &str) -> Option<SubjectId> {
        let at = self.subjects.iter().position(|subject| &*subject.name == name)?;
        Some(SubjectId(at as u32))
    }

    /// The process of this exact name.
    pub(super) fn find_process(&self, name: &str) -> Option<SubjectId> {
        let first = self.workers + 1;
        let at = self.subjects[first..].iter().position(|subject| &*subject.name == name)?;
        Some(SubjectId((first + at) as u32))
    }

    /// The action of this exact name.
    pub(super) fn find_action(&self, name: &str) -> Option<SubjectId> {
        let is_it = |subject: &Subject| subject.kind == SubjectKind::Action && &*subject.name == name;
        self.subjects.iter().position(is_it).map(|at| SubjectId(at as u32))
    }

    /// The worker that this subject is, if it is one.
    pub fn worker(&self, id: SubjectId) -> Option<WorkerId> {
        (1..=self.workers).contains(&(id.0 as usize)).then(|| WorkerId(id.0 - 1))
    }

    /// The subject of a worker.
    pub fn of_worker(&self, worker: WorkerId) -> SubjectId {
        SubjectId(worker.0 + 1)
    }
}

/// The names that a script gives to children and daemons, at any depth.
fn processes(script: &[Verb], names: &mut Vec<Arc<str>>) {
    for verb in script {
        match verb {
            Verb::Spawn { name, body } | Verb::Daemonize { name, body } => {
                names.push(name.clone());
                processes(body, names);
            }
            Verb::Repeat { body, .. } | Verb::On { then: Handler::Run(body), .. } => processes(body, names),
            Verb::Exec(body) | Verb::Thread(body) => processes(body, names),
            Verb::On { then: Handler::Ignore | Handler::Default, .. } => {}
            Verb::Print { .. } | Verb::Write { .. } | Verb::Flood | Verb::Read(_) | Verb::Sleep(_) | Verb::Hang => {}
            Verb::Wait(_) | Verb::WaitAll | Verb::Kill { .. } | Verb::Setsid | Verb::Setpgid => {}
            Verb::Close(_) | Verb::Exit(_) | Verb::Die(_) | Verb::Freeze | Verb::LeaderExit | Verb::Busy(_) => {}
            Verb::Block(_) | Verb::Unblock(_) | Verb::Subreaper | Verb::Pdeathsig(_) => {}
            Verb::NotifyReady | Verb::Touch(_) | Verb::Lock(_) | Verb::Listen(_) => {}
        }
    }
}

pub use shakedown_core::glob::glob;

macro_rules! events {
    ($($name:ident $word:literal $of:literal,)*) => {
        /// The closed list of events that a pattern can name.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Event { $(#[doc = concat!("`", $word, "`, of ", $of, ".")] $name,)* }

        impl Event {
            /// All of them.
            pub const ALL: &'static [Event] = &[$(Event::$name,)*];

            /// As patterns write it.
            pub const fn word(self) -> &'static str {
                match self { $(Event::$name => $word,)* }
            }

            /// Whether a subject of this kind can have it.
            pub fn fits(self, kind: SubjectKind) -> bool {
                let of = match self { $(Event::$name => $of,)* };
                match kind {
                    SubjectKind::Session => of.contains("session"),
                    SubjectKind::Worker => of.contains("worker"),
                    SubjectKind::Process => of.contains("process"),
                    SubjectKind::Action => of.contains("action"),
                }
            }
        }
    };
}

events! {
    Spawn "spawn" "a worker",
    Started "started" "session, worker or process",
    Ready "ready" "a worker",
    Unready "unready" "a worker",
    StopRequested "stop-requested" "session or worker",
    Signalled "signalled" "worker or process",
    Exited "exited" "worker or process",
    OutputClosed "output-closed" "a worker",
    DrainAbandoned "drain-abandoned" "a worker",
    Output "output" "a worker",
    RequestStarted "request-started" "a worker",
    RequestFinished "request-finished" "a worker",
    RequestRefused "request-refused" "a worker",
    RequestCut "request-cut" "a worker",
    Backoff "backoff" "a worker",
    Restarted "restarted" "a worker",
    Finished "finished" "a worker",
    Stopped "stopped" "session or worker",
    Killed "killed" "a worker",
    Failed "failed" "a worker",
    ActionStarted "action-started" "an action",
    ActionFinished "action-finished" "an action",
    ActionFailed "action-failed" "an action",
    ActionRefused "action-refused" "an action",
    ActionEnabled "action-enabled" "an action",
    ActionDisabled "action-disabled" "an action",
}

impl Event {
    /// The event of this word.
    pub fn parse(word: &str) -> Option<Event> {
        Event::ALL.iter().copied().find(|event| event.word() == word)
    }

    /// The event that a fact is; `None` for a terminal fact whose state is not terminal, which no machine of ours emits.
    pub fn of(fact: &Fact) -> Option<Event> {
        Some(match fact {
            Fact::Spawn => Event::Spawn,
            Fact::Started { .. } => Event::Started,
            Fact::Ready => Event::Ready,
            Fact::Unready => Event::Unready,
            Fact::StopRequested { .. } => Event::StopRequested,
            Fact::Signalled { .. } => Event::Signalled,
            Fact::Exited { .. } => Event::Exited,
            Fact::OutputClosed => Event::OutputClosed,
            Fact::DrainAbandoned => Event::DrainAbandoned,
            Fact::Output { .. } => Event::Output,
            Fact::Request(exchange) => match exchange.stage {
                Stage::Started => Event::RequestStarted,
                Stage::Finished { .. } => Event::RequestFinished,
                Stage::Refused { .. } => Event::RequestRefused,
                Stage::Cut { .. } => Event::RequestCut,
            },
            Fact::Action(news) => match &news.what {
                ActionWhat::Started { .. } => Event::ActionStarted,
                ActionWhat::Finished => Event::ActionFinished,
                ActionWhat::Failed { .. } => Event::ActionFailed,
                ActionWhat::Refused { .. } => Event::ActionRefused,
                ActionWhat::Enabled => Event::ActionEnabled,
                ActionWhat::Disabled => Event::ActionDisabled,
            },
            Fact::Backoff { .. } => Event::Backoff,
            Fact::Restarted => Event::Restarted,
            Fact::SessionStopped => Event::Stopped,
            Fact::Ended(outcome) => match outcome.state {
                WorkerState::Finished => Event::Finished,
                WorkerState::Stopped => Event::Stopped,
                WorkerState::Killed => Event::Killed,
                WorkerState::Failed => Event::Failed,
                WorkerState::Pending | WorkerState::Starting | WorkerState::Running | WorkerState::Ready => {
                    return None;
                }
                WorkerState::Stopping | WorkerState::Killing | WorkerState::Draining => return None,
                WorkerState::Backoff => return None,
            },
        })
    }
}
