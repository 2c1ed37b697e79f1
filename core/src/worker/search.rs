//! Drives a worker through all that can happen to it, and holds the table of its diagram against what it does.
//!
//! Breadth first, from a worker that was not started, over every event that its state can meet; a state that was seen before, by the
//! same digest, is not entered again. Whoever answers is played here: an answer may come as soon as it was asked for, and never otherwise.

use super::ready::{Look, Readiness};
use super::run::Reading;
use super::{Run, State, Worker};
use crate::choose::Calm;
use crate::digest::Digest;
use crate::ids::{ActorId, WorkerId};
use crate::machine::{Command, Cx, Event, Machine};
use crate::reactor::{Effect, Reactor};
use crate::signal::Signal;
use crate::site::Label;
use crate::snapshot::states::{STATES, TRANSITIONS};
use crate::time::{Duration, Instant};
use crate::vocab::{
    Backoff, Body, Errno, ExitNotice, ExitStatus, Grace, HttpGet, PreStop, Probe, ProcessSpec, ReadyPolicy, Requester,
    RestartPolicy, RestartWhen, SpawnFailure, StopPolicy, Stream, Survey, WorkerSpec, WorkerState,
};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::rc::Rc;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::println;

/// An event, when it comes, and what a reader of the diagram calls it.
type Next = (Instant, Event, &'static str);

/// More incarnations than this show nothing new.
const INCARNATIONS_MAX: u32 = 2;

#[derive(Default)]
struct Search {
    arrows: BTreeMap<(WorkerState, WorkerState), BTreeSet<&'static str>>,
    states: usize,
}

impl Search {
    fn explore(&mut self, spec: WorkerSpec) {
        let reactor = Reactor::new();
        let mut seen = BTreeSet::new();
        let mut queue = VecDeque::from([(Worker::new(WorkerId(0), ActorId(0), spec), Instant::ZERO)]);
        while let Some((worker, now)) = queue.pop_front() {
            for (at, event, word) in events(&worker, now) {
                let after = take(&reactor, &worker, at, event);
                if after.state() != worker.state() {
                    self.arrows.entry((worker.state(), after.state())).or_default().insert(word);
                }
                // How the incarnation before ended decides nothing of what this one goes through.
                let mut digest = Digest::of(u64::from(after.incarnation));
                digest.number(after.restarts() as u64);
                after.state.digest(at, &mut digest);
                if after.incarnation <= INCARNATIONS_MAX && seen.insert(digest.value()) {
                    queue.push_back((after, at));
                }
            }
        }
        self.states += seen.len();
    }
}

/// The worker after this event, which it must have an answer for.
fn take(reactor: &Rc<Reactor>, before: &Worker, now: Instant, event: Event) -> Worker {
    let mut worker = before.clone();
    let (mut draws, mut chooser) = (0, Calm);
    let told = alloc::format!("{event:?}");
    let mut cx = Cx { now, me: ActorId(1), label: Label::ROOT, draws: &mut draws, reactor, chooser: &mut chooser };
    worker.on(event, &mut cx);
    let asked = core::mem::take(&mut *reactor.effects.borrow_mut());
    for effect in asked {
        if let Effect::Unexpected { what, .. } = effect {
            panic!("{what} in {:?}", before.state);
        }
    }
    assert_eq!(worker.invariant(), Ok(()), "after {told} in {:?}", before.state);
    worker
}

/// All that can happen to a worker now.
fn events(worker: &Worker, now: Instant) -> Vec<Next> {
    // One output shows what two would: the other is closed before anything else happens.
    if let Some(run) = worker.run().filter(|run| matches!(run.outputs[1], Reading::Open(_))) {
        let (op, streams) = (run.output_op, Stream::Stderr.into());
        return [(now, Event::OutputOver { op, streams }, "output closed")].into();
    }
    let told = commands(&worker.state, now).into_iter();
    let mut next: Vec<Next> = told.map(|(word, command)| (now, Event::Command(command), word)).collect();
    let mut now_comes = |word, event| next.push((now, event, word));
    match &worker.state {
        State::Starting { op, .. } | State::Abandoning { op, .. } => {
            now_comes("started", Event::Spawned { op: *op, result: Ok(Some(7)) });
            for errno in [Errno::ENOENT, Errno::ETXTBSY] {
                let failure = SpawnFailure { errno, at_exec: true };
                now_comes("start failed", Event::Spawned { op: *op, result: Err(failure) });
            }
        }
        State::Surveying { op, .. } => {
            for exit in [None, Some(ExitStatus::Exited(0))] {
                let survey = alloc::boxed::Box::new(Survey { members: Vec::new(), holders: Vec::new(), exit });
                now_comes("surveyed", Event::Surveyed { op: *op, survey });
            }
        }
        State::Retrying { .. } | State::Up(_) | State::Hooking { .. } | State::Stopping { .. } => {}
        State::Killing { .. } | State::Draining { .. } | State::Backoff { .. } => {}
        State::Pending | State::Ended(_) => {}
    }
    if let Some(run) = worker.run() {
        answers(run, &mut now_comes);
    }
    if let Some(at) = worker.deadline().filter(|at| *at != Instant::NEVER) {
        next.push((at.max(now), Event::Tick, "time is up"));
    }
    next
}

/// What it may be told in this state. Messages to its unit change no state, and a start with a deadline is one with a probe.
fn commands(state: &State, now: Instant) -> Vec<(&'static str, Command)> {
    let (by, never, later) = (Requester::User, Instant::NEVER, now.after(Duration::from_secs(1)));
    let policy = Arc::new(StopPolicy { grace: Grace::After(Duration::ZERO), ..StopPolicy::default() });
    let mut commands = Vec::from([
        Command::Start,
        Command::Hold { by },
        Command::Stop { by, deadline: never },
        Command::Stop { by, deadline: now },
        Command::StopWith { policy, by, deadline: never },
        Command::Kill { by, deadline: never },
        Command::Kill { by, deadline: now },
    ]);
    match state {
        State::Pending => commands.push(Command::GiveUp { on: WorkerId(1) }),
        State::Ended(_) => {
            let again = [now, later].map(|at| Command::Again { at });
            commands.extend(again.into_iter().chain([Command::GiveUp { on: WorkerId(1) }]));
        }
        State::Starting { .. } | State::Abandoning { .. } | State::Up(_) | State::Hooking { .. } => {}
        State::Stopping { .. } | State::Killing { .. } | State::Draining { .. } | State::Surveying { .. } => {}
        State::Retrying { .. } | State::Backoff { .. } => {}
    }
    // Each by name, so that whoever adds a command thinks of this search.
    let word = |command: &Command| match command {
        Command::Start | Command::StartBy(_) => "start",
        Command::Again { at } if *at > now => "restart later",
        Command::Again { .. } => "restart",
        Command::GiveUp { .. } => "give up",
        Command::Hold { .. } => "hold",
        Command::Stop { .. } | Command::StopWith { .. } => "stop",
        Command::Kill { .. } => "kill",
        Command::Signal(_) | Command::Input(_) | Command::CloseInput | Command::Visit(_) => "message",
        Command::Restart(_) | Command::Adopt { .. } | Command::Forget(_) | Command::Worker(..) => "for its parent",
    };
    commands.into_iter().map(|command| (word(&command), command)).collect()
}

/// What the world may answer to what a unit that runs has asked.
fn answers(run: &Run, comes: &mut impl FnMut(&'static str, Event)) {
    if run.exit.is_none() {
        let by = |signal| ExitStatus::Signalled { signal, core: false };
        let ends = [ExitStatus::Exited(0), ExitStatus::Exited(1), by(Signal::TERM), by(Signal::KILL)];
        for status in ends.into_iter().chain([ExitStatus::Unknown]) {
            for others in [Some(false), Some(true)] {
                comes(
                    "exited",
                    Event::Exited { op: run.exit_op, notice: ExitNotice { status, others, writers: None } },
                );
            }
        }
    }
    if let Some(op) = run.empty_op {
        comes("scope empty", Event::Empty { op });
    }
    if let Reading::Open(_) = run.outputs[0] {
        let (op, stream) = (run.output_op, Stream::Stdout);
        comes("output closed", Event::OutputOver { op, streams: stream.into() });
        if let Readiness::Awaited { look: Look::Output, .. } = run.readiness {
            comes("ready", Event::Output { op, stream, chunk: b"ready\n".into() });
        }
    }
    match run.readiness {
        Readiness::Awaited { look: Look::Word(op), .. } => comes("ready", Event::Notified { op }),
        Readiness::Awaited { look: Look::Connection(op), .. } => {
            comes("ready", Event::Connected { op, accepted: true });
            comes("not ready", Event::Connected { op, accepted: false });
        }
        Readiness::Awaited { look: Look::Answer(op), .. } => {
            comes("ready", Event::Answered { op, status: Some(204) });
            comes("not ready", Event::Answered { op, status: Some(503) });
            comes("not ready", Event::Answered { op, status: None });
        }
        Readiness::Awaited { look: Look::Command(op), .. } => {
            comes("ready", Event::Ran { op, status: Some(ExitStatus::Exited(0)) });
            comes("not ready", Event::Ran { op, status: None });
        }
        Readiness::Awaited { look: Look::Output | Look::Later(_), .. } | Readiness::Unknown | Readiness::Ready => {}
    }
    for op in run.hook.into_iter().chain(run.probe) {
        comes("command over", Event::Ran { op, status: Some(ExitStatus::Exited(1)) });
    }
}

fn command() -> Arc<ProcessSpec> {
    ProcessSpec::puppet("command", Arc::new([])).into()
}

/// Policies that differ in the states which they lead through.
fn specs() -> Vec<WorkerSpec> {
    let plain = WorkerSpec::new("w", Body::Process(command()));
    let restarting = |when| {
        let backoff = Backoff { jitter_milli: 0, ..Backoff::default() };
        let restart = RestartPolicy { when, budget: 1, backoff, ..RestartPolicy::default() };
        WorkerSpec { restart, ..plain.clone() }
    };
    let stopping = |stop| WorkerSpec { stop, ..plain.clone() };
    let hook = Some(Arc::new(PreStop { command: command(), within: Duration::from_secs(2) }));
    let mut specs = Vec::from([
        plain.clone(),
        restarting(RestartWhen::Always),
        restarting(RestartWhen::OnFailure),
        stopping(StopPolicy { grace: Grace::After(Duration::ZERO), ..StopPolicy::default() }),
        stopping(StopPolicy { grace: Grace::Never, ..StopPolicy::default() }),
        stopping(StopPolicy { drain: Duration::ZERO, ..StopPolicy::default() }),
        stopping(StopPolicy { hook, ..StopPolicy::default() }),
    ]);
    let http = HttpGet { address: "localhost:80".into(), path: "/".into() };
    let probes = [
        Probe::Log("ready".into()),
        Probe::Tcp("localhost:80".into()),
        Probe::Http(http.into()),
        Probe::Notify,
        Probe::Exec(command()),
    ];
    for probe in probes.into_iter().chain([Probe::Delay(Duration::from_secs(1)), Probe::Delay(Duration::ZERO)]) {
        specs.push(WorkerSpec { ready: Some(Arc::new(ReadyPolicy::new(probe))), ..plain.clone() });
    }
    specs
}

/// Each arrow drawn was seen, and each seen is drawn, for the same reasons.
#[test]
fn the_diagram_of_a_worker_is_what_a_worker_does() {
    let mut search = Search::default();
    specs().into_iter().for_each(|spec| search.explore(spec));
    let words = |words: &BTreeSet<&'static str>| words.iter().copied().collect::<Vec<_>>().join(", ");
    let seen: Vec<(WorkerState, WorkerState, String)> =
        search.arrows.iter().map(|((from, to), on)| (*from, *to, words(on))).collect();
    let drawn: Vec<(WorkerState, WorkerState, String)> =
        TRANSITIONS.iter().map(|arrow| (arrow.from, arrow.to, String::from(arrow.on))).collect();
    if seen != drawn {
        seen.iter().for_each(|(from, to, on)| println!("    row({from:?}, {to:?}, \"{on}\"),"));
    }
    assert!(
        seen == drawn,
        "the table in snapshot/states.rs is not what {} states have shown; see above",
        search.states
    );
    assert!(
        STATES.is_sorted() && STATES.iter().all(|state| drawn.iter().any(|(from, to, _)| from == state || to == state))
    );
}
