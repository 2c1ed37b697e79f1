//! A session put onto a host: its machine, one for each worker, and the outside that acts on it.

use super::Host;
use crate::actor::Actor;
use crate::ids::{ActorId, WorkerId};
use crate::journal::SinkSpec;
use crate::machine::{Command, Event};
use crate::outside::Outside;
use crate::reactor::Name;
use crate::session::Session;
use crate::supervisor::Supervisor;
use crate::vocab::{Body, SessionSpec, Stimulus};
use crate::worker::Worker;
use crate::world::World;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

impl<W: World> Host<W, Actor> {
    /// Adds a session, its workers and its stimuli, and starts it. The session's id is the first free one, and those of its workers
    /// follow in the order of the plan.
    ///
    /// Where it [recovers](SessionSpec::recovers), it is started when nobody is left of an earlier one: see
    /// [`recover`](crate::recovery::recover). Where another supervisor of it lives, it starts nobody, and is over at once.
    pub fn start_session(&mut self, spec: &Arc<SessionSpec>, stimuli: &Arc<[Stimulus]>) -> ActorId {
        let session = if spec.recovers && spec.status.is_some() {
            let session = self.put_session(spec, Session::recovering);
            self.begin_recovery(session, spec);
            session
        } else {
            let session = self.put_session(spec, Session::new);
            self.send(session, Event::Command(Command::Start));
            session
        };
        self.put_outside(session, spec, stimuli);
        session
    }

    /// Adds a session and its workers.
    pub(super) fn put_session(
        &mut self,
        spec: &Arc<SessionSpec>,
        new: fn(Arc<SessionSpec>, &[ActorId]) -> Session,
    ) -> ActorId {
        if let Some(sink) = &spec.journal {
            self.keep_journal(spec, SinkSpec::clone(sink));
        }
        let session = ActorId(self.actors.len() as u32);
        if let Some(path) = &spec.status {
            self.keep_status(session, path.clone());
        }
        let actor = |worker: WorkerId| ActorId(session.0 + 1 + worker.0);
        let workers: Vec<ActorId> = (0..spec.workers.len() as u32).map(|i| actor(WorkerId(i))).collect();
        self.add_named(Name::Literal("session"), Actor::Session(new(spec.clone(), &workers)));
        self.actors.reserve(spec.workers.len() + 2);
        let parents = Parents::of(spec);
        for (i, worker) in spec.workers.iter().enumerate() {
            let id = WorkerId(i as u32);
            let parent = parents.of_worker(id).map_or(session, actor);
            let machine = match &worker.body {
                Body::Supervisor(supervisor) => {
                    let children: Vec<ActorId> = supervisor.children.iter().map(|child| actor(*child)).collect();
                    Actor::Supervisor(Box::new(Supervisor::of_plan(id, parent, spec, &children)))
                }
                Body::Process(_) | Body::PuppetTask(_) | Body::Function(_) | Body::Proxy(_) => {
                    let worker = Worker::of_plan(id, parent, spec);
                    Actor::Worker(if parents.listen(id) { worker.heralding() } else { worker })
                }
            };
            self.add(worker.name.clone(), machine);
        }
        if !spec.actions.is_empty() {
            self.offer_actions(session, spec);
        }
        session
    }

    /// Adds the outside that acts on a session.
    fn put_outside(&mut self, session: ActorId, spec: &Arc<SessionSpec>, stimuli: &Arc<[Stimulus]>) {
        if stimuli.is_empty() {
            return;
        }
        self.expect_crash(spec, stimuli);
        let outside = Actor::Outside(Outside::new(session, stimuli.clone()));
        self.add_named(Name::Literal("outside"), outside);
    }
}

/// Who is whose parent, and who wants to hear how far a worker has come. A plan without supervisors and dependencies costs nothing.
struct Parents {
    supervisors: Vec<Option<WorkerId>>,
    awaited: Vec<bool>,
}

impl Parents {
    fn of(plan: &SessionSpec) -> Parents {
        let mut parents = Parents { supervisors: Vec::new(), awaited: Vec::new() };
        for (i, worker) in plan.workers.iter().enumerate() {
            if let Body::Supervisor(supervisor) = &worker.body {
                parents.supervisors.resize(plan.workers.len(), None);
                for child in &supervisor.children {
                    parents.supervisors[child.index()] = Some(WorkerId(i as u32));
                }
            }
            for dependency in &worker.after {
                parents.awaited.resize(plan.workers.len(), false);
                parents.awaited[dependency.on.index()] = true;
            }
        }
        parents
    }

    fn of_worker(&self, worker: WorkerId) -> Option<WorkerId> {
        self.supervisors.get(worker.index()).copied().flatten()
    }

    /// A supervisor is ready when its children are; others ask where somebody depends on the worker.
    fn listen(&self, worker: WorkerId) -> bool {
        self.of_worker(worker).is_some() || self.awaited.get(worker.index()).copied().unwrap_or(false)
    }
}
