//! A session of two workers, exhaustively: under itself, and under a supervisor of each strategy. Orders of start and stop hold in every
//! state that any order of commands, answers and deadlines leads to.
//!
//! Bounds: two workers; a unit has no output and nobody else in its scope, and its spawn is answered before its parent is told anything
//! else by the user; a budget of one restart; instants abstracted to their order.

use crate::laws::Laws;
use crate::world::{ExitOf, Move, World};
use shakedown_core::actor::Actor;
use shakedown_core::digest::Digest;
use shakedown_core::ids::{ActorId, WorkerId};
use shakedown_core::machine::{Command, Event, Machine};
use shakedown_core::puppet::Verb;
use shakedown_core::session::{Session, for_worker};
use shakedown_core::solo::{Asked, Solo};
use shakedown_core::supervisor::Supervisor;
use shakedown_core::time::{Duration, Instant};
use shakedown_core::vocab::Probe;
use shakedown_core::vocab::{
    Backoff, Body, Condition, Dependency, Fact, Grace, ProcessSpec, ReadyPolicy, Requester, RestartPolicy, RestartWhen,
    SessionSpec, StopPolicy, Strategy, Stream, Subject, SupervisorSpec, WorkerSpec,
};
use shakedown_core::worker::Worker;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

const SESSION: ActorId = ActorId(0);
const A: WorkerId = WorkerId(0);
const B: WorkerId = WorkerId(1);

#[derive(Clone)]
struct Node {
    plan: Arc<SessionSpec>,
    solo: Solo<Actor>,
    worlds: [World; 2],
    laws: Laws,
    order: Order,
    commands: Commands,
}

/// What people do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Commands {
    /// Start, stop and kill the session.
    Session,
    /// And start, stop and restart its first worker.
    AlsoOne,
}

/// The order between the two: `b` waits for `a` to be ready, and ends before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Order {
    is_ordered: bool,
    a_was_ready: bool,
    b_is_open: bool,
    is_stopping: bool,
    /// Somebody asked for one worker alone, or for force: then the order is not the session's any more.
    is_overruled: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Happens {
    Start,
    Stop,
    Kill,
    StopOne(WorkerId),
    StartOne(WorkerId),
    RestartOne(WorkerId),
    Tick(ActorId),
    World(WorkerId, Move),
}

fn actor(worker: WorkerId) -> ActorId {
    ActorId(worker.0 + 1)
}

impl Node {
    fn new(plan: SessionSpec, commands: Commands) -> Node {
        let is_ordered = plan.workers.iter().any(|worker| !worker.after.is_empty());
        let plan = Arc::new(plan);
        let actors: Vec<ActorId> = (0..plan.workers.len() as u32).map(|n| actor(WorkerId(n))).collect();
        let mut machines = vec![Actor::Session(Session::new(plan.clone(), &actors))];
        let group = plan.workers.iter().position(|worker| matches!(worker.body, Body::Supervisor(_)));
        let parent = group.map_or(SESSION, |at| actor(WorkerId(at as u32)));
        for (at, worker) in plan.workers.iter().enumerate() {
            let id = WorkerId(at as u32);
            machines.push(match &worker.body {
                Body::Supervisor(spec) => {
                    let children: Vec<ActorId> = spec.children.iter().map(|child| actor(*child)).collect();
                    Actor::Supervisor(Box::new(Supervisor::of_plan(id, SESSION, &plan, &children)))
                }
                Body::Process(_) | Body::PuppetTask(_) | Body::Function(_) | Body::Proxy(_) => {
                    Actor::Worker(Worker::of_plan(id, parent, &plan).heralding())
                }
            });
        }
        let order = Order { is_ordered, ..Order::default() };
        Node { plan, solo: Solo::new(machines), worlds: Default::default(), laws: Laws::default(), order, commands }
    }

    fn key(&self) -> u64 {
        let mut digest = Digest::of(0);
        for machine in self.solo.machines() {
            assert!(machine.digest(self.solo.now(), &mut digest), "every machine tells its state");
        }
        for world in &self.worlds {
            digest.number(world.key());
        }
        self.order.hash(&mut digest);
        digest.value()
    }

    fn happenings(&self) -> Vec<Happens> {
        let mut all = vec![Happens::Start, Happens::Stop, Happens::Kill];
        if self.commands == Commands::AlsoOne {
            all.extend([Happens::StopOne(A), Happens::StartOne(A), Happens::RestartOne(A)]);
        }
        for worker in [A, B] {
            let moves = self.worlds[worker.index()].moves().into_iter().filter(|chosen| is_told(*chosen));
            all.extend(moves.map(|chosen| Happens::World(worker, chosen)));
        }
        // A survey is answered before time passes. Of the deadlines the earliest comes; of several at once, any.
        let surveys = self.worlds.iter().any(|world| world.moves().contains(&Move::Surveyed(false)));
        if let Some((at, _)) = self.solo.next_deadline().filter(|_| !surveys) {
            let due = |id: &ActorId| self.solo.machine(*id).deadline() == Some(at);
            let ids = (0..self.solo.machines().len() as u32).map(ActorId);
            all.extend(ids.filter(due).map(Happens::Tick));
        }
        all
    }

    fn take(&mut self, happens: Happens) -> Result<(), String> {
        let (by, deadline) = (Requester::User, Instant::NEVER);
        let (to, event) = match happens {
            Happens::Start => (SESSION, Event::Command(Command::Start)),
            Happens::Stop => (SESSION, Event::Command(Command::Stop { by, deadline })),
            Happens::Kill => (SESSION, Event::Command(Command::Kill { by, deadline })),
            Happens::StopOne(worker) => (SESSION, for_worker(worker, Command::Stop { by, deadline })),
            Happens::StartOne(worker) => (SESSION, for_worker(worker, Command::Start)),
            Happens::RestartOne(worker) => (SESSION, for_worker(worker, Command::Restart(by))),
            Happens::Tick(id) => {
                let at = self.solo.machine(id).deadline().expect("a tick has a deadline");
                self.solo.advance(at);
                (id, Event::Tick)
            }
            Happens::World(worker, chosen) => (actor(worker), self.worlds[worker.index()].make(chosen)),
        };
        self.order.is_overruled |=
            matches!(happens, Happens::StopOne(_) | Happens::StartOne(_) | Happens::RestartOne(_));
        // A second stop kills, and so does the session's deadline: the order is over.
        let is_second = happens == Happens::Stop && self.order.is_stopping;
        self.order.is_stopping |= matches!(happens, Happens::Stop | Happens::Kill);
        self.order.is_overruled |= is_second || matches!(happens, Happens::Kill | Happens::Tick(SESSION));
        self.send(to, event)?;
        self.close_outputs()?;
        self.solo.invariant().map_err(|broken| broken.0)
    }

    /// Outputs end with the first look: they are another search's subject.
    fn close_outputs(&mut self) -> Result<(), String> {
        for worker in [A, B] {
            for stream in Stream::BOTH {
                if self.worlds[worker.index()].moves().contains(&Move::Closes(stream)) {
                    let event = self.worlds[worker.index()].make(Move::Closes(stream));
                    self.send(actor(worker), event)?;
                }
            }
        }
        Ok(())
    }

    fn send(&mut self, to: ActorId, event: Event) -> Result<(), String> {
        for (by, asked) in self.solo.send(to, event) {
            if let Some(world) = by.0.checked_sub(1).and_then(|at| self.worlds.get_mut(at as usize)) {
                world.note(&asked);
            }
            self.laws.note(self.solo.now(), &asked)?;
            if let Asked::Fact { subject, fact, .. } = &asked {
                self.order.note(*subject, fact)?;
            }
        }
        Ok(())
    }
}

/// What this search lets the world do.
fn is_told(chosen: Move) -> bool {
    match chosen {
        Move::Exits(ExitOf::Success | ExitOf::Failure, others) => others == Some(false),
        Move::Exits(ExitOf::Term | ExitOf::Kill, _) | Move::Empties => false,
        Move::Writes(_) | Move::Closes(_) | Move::Connects(_) | Move::CommandEnds(_) => false,
        Move::Answers(_) => false,
        // Attempts again are the worker's own, and explored there: here each would multiply all states by its number.
        Move::SpawnFails(passes) => !passes,
        Move::Spawned | Move::Surveyed(_) | Move::Notifies => true,
    }
}

impl Order {
    fn note(&mut self, subject: Subject, fact: &Fact) -> Result<(), String> {
        let check = self.is_ordered && !self.is_overruled;
        match (subject, fact) {
            (Subject::Worker(A), Fact::Ready) => self.a_was_ready = true,
            (Subject::Worker(B), Fact::Spawn) => {
                self.b_is_open = true;
                if check && !self.a_was_ready {
                    return Err("b starts before a is ready".into());
                }
            }
            (Subject::Worker(B), Fact::Ended(_)) => self.b_is_open = false,
            // That it did not become ready in time is no stop of the session's.
            (Subject::Worker(A), Fact::StopRequested { by, .. })
                if check && self.b_is_open && *by != Requester::Deadline =>
            {
                return Err("a is stopped while b lives".into());
            }
            _ => {}
        }
        Ok(())
    }
}

fn explore(plan: SessionSpec, commands: Commands) -> (usize, usize) {
    let first = Node::new(plan, commands);
    let mut visited = BTreeSet::from([first.key()]);
    let mut parents: BTreeMap<u64, (u64, Happens)> = BTreeMap::new();
    let mut queue = VecDeque::from([first]);
    let (mut states, mut transitions) = (0, 0);
    while let Some(node) = queue.pop_front() {
        states += 1;
        assert!(states < STATES_MAX, "more than {STATES_MAX} states: the model is not finite any more");
        for happens in node.happenings() {
            let mut after = node.clone();
            if let Err(broken) = after.take(happens) {
                let mut way = vec![happens];
                let mut at = node.key();
                while let Some((before, happened)) = parents.get(&at) {
                    way.push(*happened);
                    at = *before;
                }
                way.reverse();
                panic!("{broken}\n{}\nafter {way:?}\n{:#?}", node.plan.name, after.solo.machines());
            }
            transitions += 1;
            let key = after.key();
            if visited.insert(key) {
                parents.insert(key, (node.key(), happens));
                queue.push_back(after);
            }
        }
    }
    (states, transitions)
}

/// Beyond it the model is not finite any more.
const STATES_MAX: usize = 300_000;

const fn ns(n: u64) -> Duration {
    Duration::from_nanos(n)
}

fn worker(name: &str, when: RestartWhen) -> WorkerSpec {
    let command = Arc::new(ProcessSpec::puppet(name, Arc::from([Verb::Hang])));
    let backoff = Backoff { initial: ns(1), max: ns(1), jitter_milli: 0, reset_after: ns(9), ..Backoff::default() };
    WorkerSpec {
        stop: StopPolicy { grace: Grace::After(ns(1)), drain: ns(0), ..StopPolicy::default() },
        restart: RestartPolicy { when, backoff, budget: 1, window: ns(100), ..RestartPolicy::default() },
        ..WorkerSpec::new(name, Body::Process(command))
    }
}

/// Two workers: alone, or under a supervisor; `b` after `a`, or not.
fn plan(strategy: Option<Strategy>, is_ordered: bool, when: RestartWhen) -> SessionSpec {
    let name = format!("{strategy:?}, ordered: {is_ordered}, restarts {when:?}");
    let mut plan = SessionSpec { stop_budget: Duration::from_secs(10), ..SessionSpec::new(&name) };
    plan.workers = vec![worker("a", when), worker("b", when)];
    if is_ordered {
        plan.workers[0].ready = Some(Arc::new(ReadyPolicy { timeout: ns(3), ..ReadyPolicy::new(Probe::Notify) }));
        plan.workers[1].after = vec![Dependency { on: A, until: Condition::Ready }];
    }
    if let Some(strategy) = strategy {
        let spec = SupervisorSpec { strategy, children: vec![A, B], escalate: true };
        plan.workers.push(WorkerSpec::new("tree", Body::Supervisor(Arc::new(spec))));
    }
    plan
}

fn all_of(plans: impl IntoIterator<Item = SessionSpec>, commands: Commands) {
    for plan in plans {
        let name = plan.name.clone();
        let (states, transitions) = explore(plan, commands);
        println!("{name}, {commands:?}: {states} states, {transitions} transitions");
    }
}

#[test]
fn every_state_of_a_session_of_two_is_sound() {
    all_of([plan(None, false, RestartWhen::Never), plan(None, true, RestartWhen::Never)], Commands::Session);
    all_of([plan(None, true, RestartWhen::OnFailure)], Commands::Session);
    all_of([plan(None, true, RestartWhen::Never)], Commands::AlsoOne);
}

#[test]
fn every_state_of_a_supervisor_of_two_is_sound() {
    let strategies = [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne];
    all_of(strategies.map(|strategy| plan(Some(strategy), true, RestartWhen::OnFailure)), Commands::Session);
}
