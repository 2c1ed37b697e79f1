//! A runner's host: it adds workers while a session runs, and writes on the board what its machines have become.
//! It costs nothing where nobody holds a runner.

use super::Host;
use crate::actions::ProcessService;
use crate::actor::Actor;
use crate::children::Children;
use crate::ids::{ActorId, OpId, WorkerId};
use crate::machine::{Command, Event, Machine};
use crate::reactor::Owner;
use crate::runner::{Board, Entry, Listing, Runner};
use crate::vocab::{Body, WorkerSpec, WorkerState};
use crate::worker::Worker;
use crate::world::World;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;

/// How a host whose machines are of any type knows those of the library: both ways are the identity.
pub(super) struct Knows<A> {
    view: fn(&A) -> &Actor,
    make: fn(Actor) -> A,
}

/// Of which children a parent may have another opinion after an event.
pub(super) enum Touched {
    One(WorkerId),
    /// One has ended. In a stop that may be the end of others, too, that were to come back with it: the number of those who are open tells.
    End(WorkerId),
    All,
}

impl Touched {
    pub(super) fn by(event: &Event) -> Touched {
        match event {
            Event::News { worker, .. } => Touched::One(*worker),
            Event::Command(Command::Worker(worker, _) | Command::Adopt { worker, .. } | Command::Forget(worker)) => {
                Touched::One(*worker)
            }
            Event::Ended { worker, .. } => Touched::End(*worker),
            Event::Tick => Touched::All,
            Event::Command(
                Command::Start
                | Command::StartBy(_)
                | Command::Restart(_)
                | Command::Again { .. }
                | Command::GiveUp { .. }
                | Command::Hold { .. },
            ) => Touched::All,
            Event::Command(Command::Stop { .. } | Command::StopWith { .. } | Command::Kill { .. }) => Touched::All,
            Event::Command(Command::Signal(_) | Command::Input(_) | Command::CloseInput) => Touched::All,
            Event::Command(Command::Visit(_)) | Event::Traffic { .. } => Touched::All,
            Event::Spawned { .. } | Event::SignalFailed { .. } | Event::Exited { .. } | Event::Empty { .. } => {
                Touched::All
            }
            Event::Output { .. } | Event::Written { .. } | Event::Surveyed { .. } | Event::Notified { .. } => {
                Touched::All
            }
            Event::Answered { .. } | Event::OutputOver { .. } => Touched::All,
            Event::Connected { .. } | Event::Ran { .. } | Event::Heard { .. } | Event::Observed(_) => Touched::All,
        }
    }
}

impl<W: World> Host<W, Actor> {
    /// Opens a session to its tasks: from now on they may start, stop and wait for workers, through this or [`TaskCx::runner`].
    ///
    /// [`TaskCx::runner`]: crate::task::TaskCx::runner
    ///
    /// # Panics
    /// If `session` is not a session of this host.
    pub fn runner(&mut self, session: ActorId) -> Runner {
        self.knows = Some(Knows { view: |actor| actor, make: |actor| actor });
        let Actor::Session(machine) = self.machine(session) else { panic!("machine {} is no session", session.0) };
        let plan = machine.spec().clone();
        let workers = plan.workers.iter().enumerate().map(|(at, spec)| {
            let id = WorkerId(at as u32);
            let function = if let Body::Function(at) = spec.body { Some(at) } else { None };
            (id, Entry::new(Listing::new(id, spec), true, function))
        });
        let board = Board { state: WorkerState::Pending, next: plan.workers.len() as u32, workers: workers.collect() };
        self.reactor.boards.borrow_mut().list.entry(session).or_insert(board);
        self.place_below(session, session);
        let runner = Runner::new(&self.reactor, session);
        self.reactor.serve_processes(ProcessService::Session(runner.clone()));
        runner
    }

    /// Every machine below this parent finds its place on the board, and is written there.
    fn place_below(&self, session: ActorId, parent: ActorId) {
        let children = children_of(self.machine(parent)).into_iter().flat_map(Children::actors);
        for (worker, actor) in children {
            self.reactor.boards.borrow_mut().place(actor, session, worker);
            self.place_below(session, actor);
        }
        self.note(parent, &Touched::All);
    }
}

impl<W: World, A: Machine> Host<W, A> {
    /// A worker joins a session that runs.
    pub(super) fn adopt(&mut self, session: ActorId, worker: WorkerId, spec: Arc<WorkerSpec>) {
        let Some(knows) = &self.knows else { return };
        let machine = (knows.make)(Actor::Worker(Worker::new(worker, session, spec.clone())));
        let actor = self.add(spec.name.clone(), machine);
        self.reactor.boards.borrow_mut().place(actor, session, worker);
        self.world.borrow_mut().adopted(worker, &spec);
        if let Some(recorder) = &mut self.recorder {
            recorder.adopted(worker, &spec);
        }
        self.deliver(session, Event::Command(Command::Adopt { worker, actor, spec }));
    }

    /// A machine has moved: what it is now is written on the board.
    pub(super) fn note(&self, id: ActorId, touched: &Touched) {
        let Some(knows) = &self.knows else { return };
        let actor = (knows.view)(&self.actors[id.index()].machine);
        let mut boards = self.reactor.boards.borrow_mut();
        match actor {
            Actor::Worker(worker) => {
                let Some(entry) = boards.of_actor(id) else { return };
                let listing = &mut entry.listing;
                (listing.state, listing.incarnation) = (worker.state(), worker.incarnation());
                (listing.pid, listing.exit, listing.is_live) = (worker.pid(), worker.exit(), worker.is_live());
                listing.outcome = worker.outcome().cloned();
            }
            Actor::Supervisor(supervisor) => {
                if let Some(Entry { listing, .. }) = boards.of_actor(id) {
                    (listing.state, listing.incarnation) = (supervisor.state(), supervisor.incarnation());
                    listing.outcome = supervisor.outcome().cloned();
                }
            }
            Actor::Session(_) => {}
            Actor::Outside(_) => return,
        }
        if let Some(children) = children_of(actor) {
            let (open, before) = (children.open_count(), boards.open_before(id, children.open_count()));
            let alone = |worker| before == Some(open + u32::from(!children.is_open(worker)));
            match *touched {
                Touched::One(worker) => boards.set_over(id, worker, !children.is_open(worker)),
                Touched::End(worker) if alone(worker) => boards.set_over(id, worker, !children.is_open(worker)),
                Touched::End(_) | Touched::All => {
                    children.actors().for_each(|(worker, _)| boards.set_over(id, worker, !children.is_open(worker)));
                }
            }
            // The other way round it may be for a moment: a task that starts somebody has him on the board before its parent hears of it.
            debug_assert!(
                children
                    .actors()
                    .take(100)
                    .all(|(worker, _)| !(children.is_open(worker) && boards.is_over(id, worker) == Some(true))),
                "whom his parent has not seen over is not over on the board"
            );
        }
        if let Actor::Session(session) = actor {
            boards.set_state(id, session.state());
        }
    }

    /// The variables that were set for the next start of whoever has asked for this operation.
    pub(super) fn env_of(&self, op: OpId) -> Option<BTreeMap<String, String>> {
        self.knows.as_ref()?;
        let owner = self.reactor.ops.borrow_mut().get(op).map(|open| open.owner);
        let Some(Owner::Actor(actor)) = owner else { return None };
        let mut boards = self.reactor.boards.borrow_mut();
        boards.of_actor(actor).map(|entry| entry.env.clone()).filter(|env| !env.is_empty())
    }
}

/// The children of a machine that has some.
fn children_of(actor: &Actor) -> Option<&Children> {
    match actor {
        Actor::Session(session) => Some(session.children()),
        Actor::Supervisor(supervisor) => Some(supervisor.brood()),
        Actor::Worker(_) | Actor::Outside(_) => None,
    }
}
