//! One worker, exhaustively: every state that it can come to by any order of commands, answers and deadlines is visited, and in each
//! the invariant and the laws hold.
//!
//! Instants are abstracted to their order: time passes only from deadline to deadline, and policies of a few nanoseconds leave few
//! distances. Bounds: one line of output an incarnation, a budget of one restart, one user's signal.

use crate::laws::Laws;
use crate::world::{Move, World};
use shakedown_core::digest::Digest;
use shakedown_core::ids::{ActorId, WorkerId};
use shakedown_core::machine::{Command, Event, Machine};
use shakedown_core::puppet::Verb;
use shakedown_core::restart::Next;
use shakedown_core::solo::{Asked, Solo};
use shakedown_core::time::{Duration, Instant};
use shakedown_core::vocab::{
    Backoff, Body, Grace, HttpGet, PreStop, Probe, ProcessSpec, ReadyPolicy, Requester, RestartPolicy, RestartWhen,
    StopPolicy, WorkerSpec,
};
use shakedown_core::worker::Worker;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

const ME: ActorId = ActorId(0);
const PARENT: ActorId = ActorId(9);

/// Everything that a state's future depends on.
#[derive(Clone)]
struct Node {
    solo: Solo<Worker>,
    world: World,
    laws: Laws,
    /// What the worker has said would follow its end, until its parent has answered.
    next: Option<Next>,
}

/// What may happen to a worker.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Happens {
    Start,
    StartBy,
    Stop,
    StopBy,
    Kill,
    Again,
    GiveUp,
    Signal,
    Tick,
    World(Move),
}

impl Happens {
    /// As the table of pairs calls it.
    fn kind(self) -> &'static str {
        match self {
            Happens::Start | Happens::StartBy => "start",
            Happens::Stop | Happens::StopBy => "stop",
            Happens::Kill => "kill",
            Happens::Again => "again",
            Happens::GiveUp => "give-up",
            Happens::Signal => "signal",
            Happens::Tick => "tick",
            Happens::World(Move::Spawned | Move::SpawnFails(_)) => "spawned",
            Happens::World(Move::Exits(..)) => "exited",
            Happens::World(Move::Empties) => "empty",
            Happens::World(Move::Writes(_) | Move::Closes(_)) => "output",
            Happens::World(Move::Surveyed(_)) => "surveyed",
            Happens::World(Move::Notifies) => "notified",
            Happens::World(Move::Connects(_)) => "connected",
            Happens::World(Move::Answers(_)) => "answered",
            Happens::World(Move::CommandEnds(_)) => "ran",
        }
    }
}

const KINDS: &[&str] = &[
    "start",
    "stop",
    "kill",
    "again",
    "give-up",
    "signal",
    "tick",
    "spawned",
    "exited",
    "empty",
    "output",
    "surveyed",
    "notified",
    "connected",
    "answered",
    "ran",
];
const STATES: &[&str] = &[
    "Pending",
    "Starting",
    "Retrying",
    "Abandoning",
    "Up",
    "Hooking",
    "Stopping",
    "Killing",
    "Draining",
    "Surveying",
    "Backoff",
    "Ended",
];

impl Node {
    fn new(spec: WorkerSpec) -> Node {
        let worker = Worker::new(WorkerId(0), PARENT, spec);
        Node { solo: Solo::new(vec![worker]), world: World::default(), laws: Laws::default(), next: None }
    }

    fn key(&self) -> u64 {
        let mut digest = Digest::of(self.world.key());
        assert!(self.solo.machine(ME).digest(self.solo.now(), &mut digest), "a worker tells its state");
        digest.number(match self.next {
            None => 0,
            Some(Next::Over) => 1,
            Some(Next::Again { .. }) => 2,
            Some(Next::Tripped) => 3,
        });
        digest.value()
    }

    /// Everything that may happen now. A parent answers an end before anything else happens, or never.
    fn happenings(&self) -> Vec<Happens> {
        let state = self.solo.machine(ME).fine_state();
        let mut all =
            vec![Happens::Start, Happens::StartBy, Happens::Stop, Happens::StopBy, Happens::Kill, Happens::Signal];
        if matches!(state, "Pending") {
            all.push(Happens::GiveUp);
        }
        if matches!(self.next, Some(Next::Again { .. })) {
            all.push(Happens::Again);
        }
        let deadline = self.solo.machine(ME).deadline().filter(|at| *at != Instant::NEVER);
        // A survey is answered before time passes: no deadline waits for it.
        all.extend(deadline.map(|_| Happens::Tick));
        all.extend(self.world.moves().into_iter().map(Happens::World));
        all
    }

    fn take(&mut self, happens: Happens) -> Result<(), String> {
        let now = self.solo.now();
        let (by, never) = (Requester::User, Instant::NEVER);
        let event = match happens {
            Happens::Start => Event::Command(Command::Start),
            Happens::StartBy => Event::Command(Command::StartBy(now.after(ns(2)))),
            Happens::Stop => Event::Command(Command::Stop { by, deadline: never }),
            Happens::StopBy => Event::Command(Command::Stop { by, deadline: now.after(ns(3)) }),
            Happens::Kill => Event::Command(Command::Kill { by, deadline: never }),
            Happens::Again => match self.next.take() {
                Some(Next::Again { at }) => Event::Command(Command::Again { at }),
                Some(Next::Over | Next::Tripped) | None => unreachable!("only what would follow is told"),
            },
            Happens::GiveUp => Event::Command(Command::GiveUp { on: WorkerId(1) }),
            Happens::Signal => Event::Command(Command::Signal(shakedown_core::signal::Signal::TERM)),
            Happens::Tick => {
                let at = self.solo.machine(ME).deadline().expect("a tick has a deadline");
                self.solo.advance(at);
                Event::Tick
            }
            Happens::World(chosen) => self.world.make(chosen),
        };
        let asked = self.solo.send(ME, event);
        let now = self.solo.now();
        for (_, asked) in &asked {
            self.world.note(asked);
            self.laws.note(now, asked)?;
            match asked {
                Asked::Told { to: PARENT, event: Event::Ended { next, .. } } => self.next = Some(*next),
                Asked::Start { .. } => self.next = None,
                _ => {}
            }
        }
        self.solo.invariant().map_err(|broken| broken.0)?;
        if happens == Happens::Tick {
            let deadline = self.solo.machine(ME).deadline().unwrap_or(Instant::NEVER);
            if deadline <= now {
                return Err(format!("after a tick at {} its deadline is {}", now.as_nanos(), deadline.as_nanos()));
            }
        }
        if self.solo.machine(ME).is_closed() && !self.laws.all_ended() {
            return Err("it is closed, and an incarnation has not ended".into());
        }
        Ok(())
    }
}

/// What a search has seen.
#[derive(Default)]
struct Seen {
    states: usize,
    transitions: usize,
    pairs: BTreeSet<(&'static str, &'static str)>,
    fine: BTreeMap<&'static str, usize>,
}

/// Visits everything that can be reached.
fn explore(spec: WorkerSpec, seen: &mut Seen) {
    let first = Node::new(spec);
    let mut visited = BTreeSet::from([first.key()]);
    let mut queue = VecDeque::from([(first, Vec::new())]);
    while let Some((node, way)) = queue.pop_front() {
        let state = node.solo.machine(ME).fine_state();
        *seen.fine.entry(state).or_default() += 1;
        seen.states += 1;
        assert!(seen.states < STATES_MAX, "more than {STATES_MAX} states: the model is not finite any more");
        for happens in node.happenings() {
            let mut after = node.clone();
            let mut way: Vec<Happens> = way.clone();
            way.push(happens);
            if let Err(broken) = after.take(happens) {
                panic!("{broken}\nin {state}, after {way:?}\n{:#?}", node.solo.machine(ME));
            }
            seen.transitions += 1;
            seen.pairs.insert((state, happens.kind()));
            if visited.insert(after.key()) {
                queue.push_back((after, way));
            }
        }
    }
}

/// Beyond it the model is not finite any more.
const STATES_MAX: usize = 30_000_000;

const fn ns(n: u64) -> Duration {
    Duration::from_nanos(n)
}

fn command(name: &str) -> Arc<ProcessSpec> {
    Arc::new(ProcessSpec::puppet(name, Arc::from([Verb::Hang])))
}

/// The policies that are tried, each with each.
fn specs() -> Vec<(String, WorkerSpec)> {
    let probes = [
        None,
        Some(Probe::Log("ready".into())),
        Some(Probe::Delay(ns(1))),
        Some(Probe::Notify),
        Some(Probe::Tcp("localhost:1".into())),
        Some(Probe::Http(HttpGet { address: "localhost:1".into(), path: "/".into() }.into())),
        Some(Probe::Exec(command("probe"))),
    ];
    let hooks = [None, Some(Arc::new(PreStop { command: command("hook"), within: ns(1) }))];
    let graces = [Grace::After(ns(2)), Grace::After(ns(0)), Grace::Never];
    let restarts = [RestartWhen::Never, RestartWhen::OnFailure];
    let mut specs = Vec::new();
    for probe in &probes {
        for hook in &hooks {
            for grace in graces {
                for when in restarts {
                    let name = format!("{probe:?} {} {grace:?} {when:?}", hook.is_some());
                    specs.push((name, spec(probe.clone(), hook.clone(), grace, when)));
                }
            }
        }
    }
    specs
}

fn spec(probe: Option<Probe>, hook: Option<Arc<PreStop>>, grace: Grace, when: RestartWhen) -> WorkerSpec {
    let backoff = Backoff { initial: ns(1), max: ns(1), jitter_milli: 0, reset_after: ns(1), ..Backoff::default() };
    WorkerSpec {
        stop: StopPolicy { hook, grace, drain: ns(1), ..StopPolicy::default() },
        restart: RestartPolicy { when, backoff, budget: 1, window: ns(3), ..RestartPolicy::default() },
        ready: probe.map(|probe| Arc::new(ReadyPolicy { probe, every: ns(1), timeout: ns(3) })),
        ..WorkerSpec::new("api", Body::Process(command("api")))
    }
}

/// A part of them in which each pair of a state and an event is met that is met at all: what `cargo test` has time for.
fn few() -> Vec<(String, WorkerSpec)> {
    let names = [
        "None false After(0ns) Never",
        "None true After(2ns) Never",
        "None false After(0ns) OnFailure",
        "Some(Log(\"ready\")) false After(0ns) Never",
        "Some(Delay(1ns)) false After(0ns) Never",
        "Some(Notify) false After(0ns) Never",
        "Some(Tcp(\"localhost:1\")) false After(0ns) Never",
        "Some(Http(HttpGet { address: \"localhost:1\", path: \"/\" })) false After(0ns) Never",
    ];
    let exec = |name: &str| name.starts_with("Some(Exec") && name.ends_with("false After(0ns) Never");
    specs().into_iter().filter(|(name, _)| names.contains(&&**name) || exec(name)).collect()
}

/// Which events are met in which states; the others are impossible, and a worker that met one would report it.
const PAIRS: &str = "\
Pending    start stop kill give-up signal
Starting   start stop kill signal tick spawned
Retrying   start stop kill signal tick
Abandoning start stop kill signal tick spawned
Up         start stop kill signal tick exited output notified connected answered ran
Hooking    start stop kill signal tick exited output ran
Stopping   start stop kill signal tick exited empty output ran
Killing    start stop kill signal tick exited empty output ran
Draining   start stop kill signal tick exited empty output ran
Surveying  start stop kill signal exited empty output surveyed ran
Backoff    start stop kill signal tick
Ended      start stop kill again signal
";

/// All policies with `SHAKEDOWN_EXHAUSTIVE=1` (`just exhaustive`), half a minute in release.
#[test]
fn every_state_of_a_worker_is_sound_whatever_happens_and_when() {
    let all = std::env::var_os("SHAKEDOWN_EXHAUSTIVE").is_some();
    let specs = if all { specs() } else { few() };
    let mut seen = Seen::default();
    for (_, spec) in &specs {
        explore(spec.clone(), &mut seen);
    }
    println!("{} policies, {} states, {} transitions", specs.len(), seen.states, seen.transitions);
    let mut pairs = String::new();
    for state in STATES {
        println!("  {state:10} {} states", seen.fine.get(state).copied().unwrap_or(0));
        let met: Vec<&str> = KINDS.iter().copied().filter(|kind| seen.pairs.contains(&(*state, *kind))).collect();
        pairs.push_str(&format!("{state:10} {}\n", met.join(" ")));
    }
    println!("met in each state, all else is impossible:\n{pairs}");
    assert_eq!(pairs, PAIRS);
}
