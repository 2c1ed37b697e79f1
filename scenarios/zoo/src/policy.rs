//! Sessions of the library's own machines, for bugs that stand in a policy and not in code: what was written down is not what was meant.

use crate::case::{Any, Stage};
use crate::stage::spec;
use shakedown_core::ids::{ActorId, WorkerId};
use shakedown_core::machine::{Command, Event};
use shakedown_core::outside::Outside;
use shakedown_core::session::Session;
use shakedown_core::time::{Duration, DurationRange};
use shakedown_core::vocab::{Act, Body, Scope, SessionSpec, Stimulus, WorkerSpec};
use shakedown_core::worker::Worker;
use std::sync::Arc;

/// Puts a session without supervisors onto a host that is empty, and starts it; after `stop_at` it is asked to stop.
pub fn play(host: &mut Stage, plan: SessionSpec, stop_at: Duration) {
    let (plan, session) = (Arc::new(plan), ActorId(0));
    let workers: Vec<ActorId> = (1..=plan.workers.len() as u32).map(ActorId).collect();
    host.add("session", Any(Box::new(Session::new(plan.clone(), &workers))));
    for (n, worker) in plan.workers.iter().enumerate() {
        let machine = Worker::of_plan(WorkerId(n as u32), session, &plan).heralding();
        host.add(worker.name.clone(), Any(Box::new(machine)));
    }
    host.send(session, Event::Command(Command::Start));
    let stop = Stimulus { at: DurationRange::fixed(stop_at), when: None, on: None, act: Act::Stop };
    host.add("outside", Any(Box::new(Outside::new(session, Arc::from([stop])))));
}

/// A worker that is a process, plays this script, and is stopped as far as `scope` reaches.
pub fn worker(name: &str, script: &str, scope: Scope) -> WorkerSpec {
    let mut worker = WorkerSpec::new(name, Body::Process(Arc::new(spec(name, script).scope(scope))));
    worker.stop.scope = scope;
    worker
}

/// A session of these workers.
pub fn session(workers: Vec<WorkerSpec>) -> SessionSpec {
    SessionSpec { workers, ..SessionSpec::new("session") }
}
