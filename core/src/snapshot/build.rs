//! A snapshot made from the machines of a session. It reads and decides nothing.

use super::{Kind, Snapshot};
use crate::actor::Actor;
use crate::children::Children;
use crate::host::{Host, Waiter};
use crate::ids::{ActorId, WorkerId};
use crate::machine::Machine;
use crate::session::Session;
use crate::supervisor::Supervisor;
use crate::vocab::{Coarse, Condition, Outcome, Reason, Requester, SessionSpec, Survivor, WorkerSpec, WorkerState};
use crate::worker::Worker;
use crate::world::World;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

impl<W: World> Host<W, Actor> {
    /// The whole tree of a session as it is now, between two steps.
    ///
    /// # Panics
    /// If `session` is not a session of this host.
    pub fn snapshot(&self, session: ActorId) -> Snapshot {
        let machine = self.session(session);
        let mut snapshot = Snapshot::new(&machine.spec().name, Kind::Session, machine.state());
        snapshot.children = self.below(machine.children(), machine.spec());
        if machine.state() == WorkerState::Finished {
            snapshot.status = ended_by_itself(&snapshot.children);
        }
        snapshot.coarse = snapshot.status.coarse();
        let is_open = !machine.is_stopped() && machine.state() != WorkerState::Pending;
        snapshot.waits_for = is_open.then(|| machine.waits_for());
        snapshot
    }

    /// Who keeps a session from being over, and why: while it stops, who blocks the stop.
    ///
    /// # Panics
    /// If `session` is not a session of this host.
    pub fn blocking(&self, session: ActorId) -> Vec<Waiter> {
        self.snapshot(session).blocking()
    }

    fn session(&self, id: ActorId) -> &Session {
        match self.machine(id) {
            Actor::Session(session) => session,
            Actor::Worker(_) | Actor::Supervisor(_) | Actor::Outside(_) => panic!("machine {} is no session", id.0),
        }
    }

    fn below(&self, children: &Children, plan: &SessionSpec) -> Vec<Snapshot> {
        children.actors().map(|(worker, actor)| self.child(children, worker, actor, plan)).collect()
    }

    fn child(&self, siblings: &Children, id: WorkerId, actor: ActorId, plan: &SessionSpec) -> Snapshot {
        let (mut snapshot, waits_for) = match self.machine(actor) {
            Actor::Worker(worker) => (of_worker(worker, plan), worker.waits_for()),
            Actor::Supervisor(supervisor) => {
                let mut snapshot = of_supervisor(supervisor, plan);
                snapshot.children = self.below(supervisor.brood(), plan);
                (snapshot, supervisor.waits_for())
            }
            Actor::Session(_) | Actor::Outside(_) => unreachable!("children are workers and supervisors"),
        };
        let blockers = siblings.blocked_by(id);
        let blockers: Vec<String> =
            blockers.into_iter().map(|(on, until)| awaited(&siblings.spec(on).name, until)).collect();
        let blocked_by = (!blockers.is_empty()).then(|| blockers.join(", "));
        if siblings.is_open(id) {
            snapshot.waits_for = Some(blocked_by.clone().unwrap_or(waits_for));
        }
        snapshot.metadata.extend(blocked_by.map(|who| ("blocked_by".to_string(), who)));
        snapshot
    }
}

/// A session that nobody has stopped is as its workers are.
fn ended_by_itself(children: &[Snapshot]) -> WorkerState {
    let any = |is: fn(&Snapshot) -> bool| children.iter().any(is);
    if any(|child| child.coarse == Coarse::Failed) {
        WorkerState::Failed
    } else if !children.is_empty() && !any(|child| child.status == WorkerState::Finished) {
        // Each was stopped alone, or none was ever started.
        WorkerState::Stopped
    } else {
        WorkerState::Finished
    }
}

fn of_worker(worker: &Worker, plan: &SessionSpec) -> Snapshot {
    let ended = worker.outcome();
    let mut snapshot = of_spec(worker.spec(), worker.state(), worker.incarnation(), worker.restarts());
    (snapshot.pid, snapshot.exit) = (worker.pid(), worker.exit());
    snapshot.error = ended.and_then(|outcome| error(outcome, worker.spec(), plan));
    note_circuit_breaker(&mut snapshot, ended.map(|outcome| &**outcome));
    snapshot
}

fn of_supervisor(supervisor: &Supervisor, plan: &SessionSpec) -> Snapshot {
    let ended = supervisor.outcome();
    let (spec, restarts) = (supervisor.spec(), supervisor.restarts());
    let mut snapshot = of_spec(spec, supervisor.state(), supervisor.incarnation(), restarts);
    snapshot.error = ended.and_then(|outcome| error(outcome, spec, plan));
    note_circuit_breaker(&mut snapshot, ended.map(|outcome| &**outcome));
    snapshot
}

fn of_spec(spec: &WorkerSpec, state: WorkerState, incarnation: u32, restarts: usize) -> Snapshot {
    let mut snapshot = Snapshot::new(&spec.name, Kind::from(&spec.body), state);
    snapshot.metadata = spec.tags.clone();
    for (key, count) in [("incarnation", incarnation as usize), ("restarts", restarts)] {
        if count > 0 {
            snapshot.metadata.insert(key.into(), count.to_string());
        }
    }
    snapshot
}

fn note_circuit_breaker(snapshot: &mut Snapshot, ended: Option<&Outcome>) {
    if ended.is_some_and(|outcome| outcome.circuit_breaker) {
        snapshot.metadata.insert("circuit_breaker".into(), "triggered".into());
    }
}

/// What went wrong, in words: all that the exit status does not tell by itself.
fn error(outcome: &Outcome, spec: &WorkerSpec, plan: &SessionSpec) -> Option<String> {
    let mut words = Vec::new();
    if let Some(failure) = outcome.start_error {
        words.push(failure.to_string());
    } else if let Some(on) = outcome.unmet {
        let until = spec.after.iter().find(|dependency| dependency.on == on).map(|dependency| dependency.until);
        words.push(missed(&plan.workers[on.index()].name, until));
    } else if outcome.reason == Reason::StartFailed && outcome.requested_by == Some(Requester::Deadline) {
        words.push("was not ready in time".into());
    } else if outcome.reason == Reason::StartFailed {
        words.push("did not start".into());
    } else if outcome.reason == Reason::RuntimeError {
        words.push("how it ended is not known".into());
    }
    if !outcome.survivors.is_empty() {
        words.push(format!("survived by {}", names(&outcome.survivors)));
    }
    if outcome.output.abandoned {
        words.push(match outcome.holders.as_slice() {
            [] => "output given up".into(),
            holders => format!("output held by {}", names(holders)),
        });
    }
    (!words.is_empty()).then(|| words.join("; "))
}

fn awaited(name: &str, until: Condition) -> String {
    match until {
        Condition::Started => format!("{name} to start"),
        Condition::Ready => format!("{name} to be ready"),
        Condition::Exited => format!("{name} to end"),
        Condition::Succeeded => format!("{name} to succeed"),
    }
}

fn missed(name: &str, until: Option<Condition>) -> String {
    match until {
        Some(Condition::Started) => format!("{name} did not start"),
        Some(Condition::Ready) => format!("{name} did not become ready"),
        Some(Condition::Succeeded) => format!("{name} did not succeed"),
        Some(Condition::Exited) | None => format!("{name} never ran"),
    }
}

fn names(who: &[Survivor]) -> String {
    let name = |one: &Survivor| if one.pid > 0 { format!("{} ({})", one.name, one.pid) } else { one.name.to_string() };
    let names: Vec<String> = who.iter().map(name).collect();
    names.join(", ")
}
