//! The facts of supervisors that start a worker more than once, or look after several: one incarnation of one worker.

use crate::stage::{spec, tell_session};
use shakedown_core::ids::WorkerId;
use shakedown_core::signal::Signal;
use shakedown_core::task::{Process, TaskCx};
use shakedown_core::time::Instant;
use shakedown_core::vocab::{ExitStatus, Fact, Outcome, OutputTally, Reason, Requester, Target, WorkerState};
use std::cell::Cell;
use std::sync::Arc;

/// One incarnation, from its spawn to its terminal fact.
pub struct Life {
    cx: TaskCx,
    worker: WorkerId,
    incarnation: u32,
    spawned_at: Instant,
    process: Process,
    status: Cell<ExitStatus>,
}

impl Life {
    /// Starts incarnation `incarnation` of the worker with this number, and tells of it.
    pub async fn begin(cx: &TaskCx, worker: u32, incarnation: u32, name: &str, script: &str) -> Life {
        let (worker, spawned_at) = (WorkerId(worker), cx.now());
        cx.emit(Some(worker), incarnation, None, Fact::Spawn);
        let process = cx.process().start(spec(name, script)).await.expect("a start that nothing disturbs");
        let life =
            Life { cx: cx.clone(), worker, incarnation, spawned_at, process, status: Cell::new(ExitStatus::Unknown) };
        life.tell(Fact::Started { pid: Some(life.process.pid().as_raw()) });
        life
    }

    /// Tells a fact about it.
    pub fn tell(&self, fact: Fact) {
        self.cx.emit(Some(self.worker), self.incarnation, Some(self.process.unit()), fact);
    }

    /// Asks it to end.
    pub fn stop(&self, by: Requester, deadline: Instant) {
        self.tell(Fact::StopRequested { by, deadline });
        self.signal(Signal::TERM, by);
    }

    /// Sends it a signal, and tells of it.
    pub fn signal(&self, signal: Signal, by: Requester) {
        self.process.signal_scope(signal);
        self.tell(Fact::Signalled { signal, target: Target::Scope, by });
    }

    /// Waits for its exit, and tells of it.
    pub async fn exits(&self) -> ExitStatus {
        let status = self.process.wait().await;
        self.status.set(status);
        self.tell(Fact::Exited { status });
        self.tell(Fact::OutputClosed);
        status
    }

    /// Tells its end: asked for, or by itself.
    pub fn tell_end(&self, requested_by: Option<Requester>) {
        let state = match (requested_by, self.status.get()) {
            (Some(_), _) => WorkerState::Stopped,
            (None, ExitStatus::Exited(0)) => WorkerState::Finished,
            (None, ExitStatus::Exited(_) | ExitStatus::Signalled { .. } | ExitStatus::Unknown) => WorkerState::Failed,
        };
        self.tell_outcome(state, requested_by, false);
    }

    /// Tells its end, which is the last that its budget allows.
    pub fn tell_tripped(&self) {
        self.tell_outcome(WorkerState::Failed, None, true);
    }

    /// Waits for its end, and tells of it.
    pub async fn over(&self, requested_by: Option<Requester>) {
        self.exits().await;
        self.tell_end(requested_by);
    }

    fn tell_outcome(&self, state: WorkerState, requested_by: Option<Requester>, circuit_breaker: bool) {
        let status = self.status.get();
        let reason = match status {
            ExitStatus::Exited(_) => Reason::Natural,
            ExitStatus::Signalled { .. } => Reason::Signal,
            ExitStatus::Unknown => Reason::RuntimeError,
        };
        self.tell(Fact::Ended(Arc::new(Outcome {
            state,
            status,
            reason,
            requested_by,
            survivors: Vec::new(),
            holders: Vec::new(),
            output: OutputTally::default(),
            incarnation: self.incarnation,
            spawned_at: self.spawned_at,
            ended_at: self.cx.now(),
            start_error: None,
            unmet: None,
            circuit_breaker,
        })));
    }

    /// Tells that it will be started again, and waits for that.
    pub async fn rest(&self, until: Instant) {
        self.tell(Fact::Backoff { until });
        self.cx.sleep_until(until).await;
    }
}

/// Tells that the session is asked to end.
pub fn tell_session_stop(cx: &TaskCx, deadline: Instant) {
    tell_session(cx, Fact::StopRequested { by: Requester::User, deadline });
}
