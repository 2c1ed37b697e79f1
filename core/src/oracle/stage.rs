//! A stage for the oracles' own tests: facts and deeds of a history are played into an [`Audit`] line by line, beside a kernel
//! that is told what to be true, so that each test reads as the story it judges.

use crate::ids::{ProcId, UnitId, WorkerId};
use crate::oracle::fake::{FakeTruth, HOST};
use crate::oracle::{Audit, EndReason, EndState, Names, OracleName, Scene};
use crate::signal::Signal;
use crate::time::{Duration, Instant};
use crate::vocab::{
    Body, Deed, ExitStatus, Fact, FactRecord, Outcome, OutputTally, Reason, Requester, Sender, SessionSpec, Strategy,
    Stream, Subject, SupervisorSpec, Survivor, Target, WorkerSpec, WorkerState,
};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

struct FakeNames(Vec<String>, Option<SessionSpec>);

impl Names for FakeNames {
    fn worker(&self, id: WorkerId) -> &str {
        &self.0[id.index()]
    }

    fn plan(&self) -> Option<&SessionSpec> {
        self.1.as_ref()
    }
}

/// A session of these workers.
pub(super) fn plan<const N: usize>(workers: [WorkerSpec; N]) -> SessionSpec {
    SessionSpec { workers: workers.into(), ..SessionSpec::new("plan") }
}

/// A worker with the defaults.
pub(super) fn worker(name: &str) -> WorkerSpec {
    WorkerSpec::new(name, Body::Function(0))
}

/// A supervisor of the workers with these numbers.
pub(super) fn group(name: &str, strategy: Strategy, children: &[u32]) -> WorkerSpec {
    let children = children.iter().copied().map(WorkerId).collect();
    WorkerSpec::new(name, Body::Supervisor(Arc::new(SupervisorSpec { strategy, children, escalate: false })))
}

/// An outcome of incarnation 1 without output, survivors or a request; the stage sets the incarnation.
pub(super) fn outcome(state: WorkerState, status: ExitStatus, reason: Reason) -> Outcome {
    Outcome {
        state,
        status,
        reason,
        requested_by: None,
        survivors: Vec::new(),
        holders: Vec::new(),
        output: OutputTally::default(),
        incarnation: 1,
        spawned_at: Instant::ZERO,
        ended_at: Instant::ZERO,
        start_error: None,
        unmet: None,
        circuit_breaker: false,
    }
}

/// Ended by itself with exit code 0.
pub(super) fn finished() -> Outcome {
    outcome(WorkerState::Finished, ExitStatus::Exited(0), Reason::Natural)
}

/// Ended by our TERM after a request.
pub(super) fn stopped() -> Outcome {
    let status = ExitStatus::Signalled { signal: Signal::TERM, core: false };
    outcome(WorkerState::Stopped, status, Reason::Signal)
}

/// The stage: one audit, one kernel, and a clock that only tests move. The units of workers have the workers' numbers.
pub(super) struct Stage {
    pub(super) audit: Audit,
    pub(super) truth: FakeTruth,
    names: FakeNames,
    incarnations: Vec<u32>,
    now: Instant,
    seq: u64,
}

impl Stage {
    pub(super) fn new(workers: &[&str]) -> Stage {
        Stage::with(workers, None)
    }

    /// The stage of a plan that the oracles know.
    pub(super) fn of_plan(plan: SessionSpec) -> Stage {
        let names: Vec<Arc<str>> = plan.workers.iter().map(|worker| worker.name.clone()).collect();
        let names: Vec<&str> = names.iter().map(|name| &**name).collect();
        Stage::with(&names, Some(plan))
    }

    fn with(workers: &[&str], plan: Option<SessionSpec>) -> Stage {
        Stage {
            audit: Audit::new(),
            truth: FakeTruth::new(),
            names: FakeNames(workers.iter().map(|w| String::from(*w)).collect(), plan),
            incarnations: alloc::vec![1; workers.len()],
            now: Instant::ZERO,
            seq: 0,
        }
    }

    /// The next run with the same audit.
    pub(super) fn rewind(&mut self) {
        self.audit.reset();
        self.truth = FakeTruth::new();
        self.incarnations.fill(1);
        (self.now, self.seq) = (Instant::ZERO, 0);
    }

    pub(super) fn wait_ms(&mut self, ms: u64) {
        self.now = self.now.after(Duration::from_millis(ms));
    }

    pub(super) fn now(&self) -> Instant {
        self.now
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.now.as_nanos() / 1_000_000
    }

    fn worker(&self, name: &str) -> WorkerId {
        WorkerId(self.names.0.iter().position(|n| n == name).expect("a worker of the stage") as u32)
    }

    fn with_scene<R>(&mut self, act: impl FnOnce(&mut Audit, &Scene<'_>) -> R) -> R {
        act(&mut self.audit, &Scene { now: self.now, truth: &self.truth, names: &self.names })
    }

    // Facts.

    pub(super) fn record(&mut self, seq: u64, at: u64, subject: Subject, inc: u32, unit: Option<UnitId>, fact: Fact) {
        let at = Instant::from_nanos(at);
        let record = FactRecord { seq, at, subject, incarnation: inc, unit, fact };
        self.with_scene(|audit, scene| audit.fact(&record, scene));
    }

    pub(super) fn raw_fact(&mut self, subject: Subject, incarnation: u32, unit: Option<UnitId>, fact: Fact) {
        self.seq += 1;
        self.record(self.seq, self.now.as_nanos(), subject, incarnation, unit, fact);
    }

    pub(super) fn journal_ended(&mut self, counts: &crate::journal::SinkCounts) {
        self.with_scene(|audit, scene| audit.journal_ended(counts, scene));
    }

    fn session_fact(&mut self, fact: Fact) {
        self.raw_fact(Subject::Session, 0, None, fact);
    }

    fn fact(&mut self, worker: &str, fact: Fact) {
        let id = self.worker(worker);
        self.raw_fact(Subject::Worker(id), self.incarnations[id.index()], Some(self.unit_of(id)), fact);
    }

    /// The unit of the worker's present incarnation.
    fn unit_of(&self, id: WorkerId) -> UnitId {
        UnitId(id.0 + (self.incarnations[id.index()] - 1) * self.incarnations.len() as u32)
    }

    pub(super) fn session_started(&mut self) {
        self.session_fact(Fact::Started { pid: None });
    }

    pub(super) fn session_stop_requested(&mut self, deadline_ms: u64) {
        let deadline = Instant::ZERO.after(Duration::from_millis(deadline_ms));
        self.session_fact(Fact::StopRequested { by: Requester::User, deadline });
    }

    pub(super) fn session_stopped(&mut self) {
        self.session_fact(Fact::SessionStopped);
    }

    pub(super) fn spawn_fact(&mut self, worker: &str) {
        self.fact(worker, Fact::Spawn);
    }

    pub(super) fn started_fact(&mut self, worker: &str, pid: i32) {
        self.fact(worker, Fact::Started { pid: Some(pid) });
    }

    pub(super) fn ready(&mut self, worker: &str) {
        self.fact(worker, Fact::Ready);
    }

    pub(super) fn exited_fact(&mut self, worker: &str, status: ExitStatus) {
        self.fact(worker, Fact::Exited { status });
    }

    pub(super) fn drain_abandoned(&mut self, worker: &str) {
        self.fact(worker, Fact::DrainAbandoned);
    }

    pub(super) fn outputs(&mut self, worker: &str, line: &str, complete: bool) {
        self.fact(worker, Fact::Output { stream: Stream::Stdout, line: line.as_bytes().into(), complete });
    }

    pub(super) fn stop_requested(&mut self, worker: &str, deadline_ms: u64) {
        self.stop_requested_by(worker, Requester::Parent, deadline_ms);
    }

    pub(super) fn stop_requested_by(&mut self, worker: &str, by: Requester, deadline_ms: u64) {
        let deadline = Instant::ZERO.after(Duration::from_millis(deadline_ms));
        self.fact(worker, Fact::StopRequested { by, deadline });
    }

    pub(super) fn ends(&mut self, worker: &str, mut outcome: Outcome) {
        outcome.incarnation = self.incarnations[self.worker(worker).index()];
        self.fact(worker, Fact::Ended(Arc::new(outcome)));
    }

    pub(super) fn ends_unspawned(&mut self, worker: &str) {
        self.ends(worker, outcome(WorkerState::Stopped, ExitStatus::Unknown, Reason::Natural));
    }

    /// A stop before its next start: that incarnation ends without having been spawned.
    pub(super) fn called_off(&mut self, worker: &str) {
        let id = self.worker(worker);
        self.incarnations[id.index()] += 1;
        self.ends_unspawned(worker);
    }

    /// It is to be started again at this instant.
    pub(super) fn backs_off(&mut self, worker: &str, until_ms: u64) {
        self.fact(worker, Fact::Backoff { until: Instant::ZERO.after(Duration::from_millis(until_ms)) });
    }

    pub(super) fn restarts(&mut self, worker: &str) {
        self.fact(worker, Fact::Restarted);
        let id = self.worker(worker);
        self.incarnations[id.index()] += 1;
    }

    // Deeds.

    fn deed(&mut self, deed: Deed) {
        self.with_scene(|audit, scene| audit.deed(&deed, scene));
    }

    fn bear(&mut self, name: &str, unit: Option<UnitId>, parent: ProcId, pid: i32) -> ProcId {
        let child = self.truth.add(name, unit, parent, pid);
        let pid = self.truth.process_of(child).pid;
        self.deed(Deed::Born { child, pid, parent, unit });
        child
    }

    fn fresh_pid(&self) -> i32 {
        200 + self.truth.births() as i32
    }

    pub(super) fn born(&mut self, name: &str, unit: UnitId) -> ProcId {
        self.born_of(name, unit, HOST)
    }

    pub(super) fn born_of(&mut self, name: &str, unit: UnitId, parent: ProcId) -> ProcId {
        self.bear(name, Some(unit), parent, self.fresh_pid())
    }

    pub(super) fn born_stranger(&mut self, name: &str) -> ProcId {
        self.bear(name, None, ProcId(1), self.fresh_pid())
    }

    pub(super) fn born_with_pid_of(&mut self, name: &str, unit: UnitId, old: ProcId) -> ProcId {
        self.bear(name, Some(unit), HOST, self.truth.process_of(old).pid.as_raw())
    }

    pub(super) fn dies(&mut self, who: ProcId, status: ExitStatus) {
        self.truth.set_status(who, status);
        self.deed(Deed::Died { who, status });
    }

    pub(super) fn reaped(&mut self, who: ProcId) {
        self.truth.set_reaped(who);
        self.deed(Deed::Reaped { who, by: HOST });
    }

    pub(super) fn signals_from(&mut self, to: ProcId, signal: Signal, by: Sender) {
        self.deed(Deed::Signalled { to, signal, by });
    }

    pub(super) fn signals_by_number(&mut self, to: ProcId, signal: Signal) {
        self.signals_from(to, signal, Sender::Host(None));
    }

    /// Our signal to a process, meant for the worker's unit, with its fact.
    pub(super) fn signals(&mut self, to: ProcId, signal: Signal, worker: &str) {
        let unit = self.unit_of(self.worker(worker));
        self.signals_from(to, signal, Sender::Host(Some(unit)));
        self.fact(worker, Fact::Signalled { signal, target: Target::Scope, by: Requester::Parent });
    }

    // Both.

    /// Spawned, born and started: the leader.
    pub(super) fn starts(&mut self, worker: &str) -> ProcId {
        self.spawn_fact(worker);
        let unit = self.unit_of(self.worker(worker));
        let main = self.born(&alloc::format!("{worker}/main"), unit);
        self.started_fact(worker, self.truth.process_of(main).pid.as_raw());
        main
    }

    pub(super) fn starts_function(&mut self, worker: &str) {
        self.spawn_fact(worker);
        self.told_started(worker);
    }

    pub(super) fn told_started(&mut self, worker: &str) {
        self.fact(worker, Fact::Started { pid: None });
    }

    pub(super) fn exits_function(&mut self, worker: &str, status: ExitStatus) {
        self.exited_fact(worker, status);
        self.fact(worker, Fact::OutputClosed);
    }

    pub(super) fn exits_unreaped(&mut self, worker: &str, main: ProcId, status: ExitStatus) {
        if self.truth.process_of(main).alive {
            self.dies(main, status);
        }
        self.exits_function(worker, status);
    }

    /// The leader dies if it has not yet, is told, drained and reaped.
    pub(super) fn exits(&mut self, worker: &str, main: ProcId, status: ExitStatus) {
        self.exits_unreaped(worker, main, status);
        self.reaped(main);
    }

    /// The same with an abandoned drain.
    pub(super) fn exits_abandoned(&mut self, worker: &str, main: ProcId, status: ExitStatus) {
        self.dies(main, status);
        self.exited_fact(worker, status);
        self.drain_abandoned(worker);
        self.reaped(main);
    }

    /// A worker that starts and finishes as it should.
    pub(super) fn whole_life(&mut self, worker: &str) {
        let main = self.starts(worker);
        self.exits(worker, main, ExitStatus::Exited(0));
        self.ends(worker, finished());
    }

    pub(super) fn survivor(&self, who: ProcId) -> Survivor {
        let view = self.truth.process_of(who);
        Survivor { pid: view.pid.as_raw(), name: view.name.into() }
    }

    // The rest of the audit.

    pub(super) fn owner_ended(&mut self, task: &str, unit: UnitId) {
        self.with_scene(|audit, scene| audit.owner_ended(task, unit, scene));
    }

    pub(super) fn looks_at_status(&mut self, now: Option<&[u8]>, after_crash: &[Option<&[u8]>]) {
        self.with_scene(|audit, scene| audit.looked_at_status(now, after_crash, scene));
    }

    pub(super) fn stalls(&mut self, unit: UnitId) {
        self.with_scene(|audit, scene| audit.stalled(unit, scene));
    }

    pub(super) fn unexpected(&mut self, who: &str, what: &str) {
        self.with_scene(|audit, scene| audit.unexpected(who, what, scene));
    }

    pub(super) fn end_with(&mut self, end: &EndState<'_>) {
        self.with_scene(|audit, scene| audit.end(end, scene));
    }

    pub(super) fn end(&mut self, reason: EndReason) {
        self.end_with(&EndState { tasks: &[], timers: 0, machines_open: &[], waiters: &[], unanswered: &[], reason });
    }

    pub(super) fn found(&self) -> Vec<(OracleName, String)> {
        self.audit.violations().iter().map(|v| (v.oracle, v.subject.clone())).collect()
    }

    pub(super) fn assert_clean(&self) {
        assert!(self.audit.violations().is_empty(), "{:#?}", self.audit.violations());
    }

    pub(super) fn assert_found(&self, expected: &[(OracleName, &str)]) {
        let found: Vec<_> = self.audit.violations().iter().map(|v| (v.oracle, v.subject.as_str())).collect();
        assert_eq!(found, expected, "{:#?}", self.audit.violations());
    }

    pub(super) fn assert_holds(&self, expected: (OracleName, &str)) {
        assert!(self.found().contains(&(expected.0, expected.1.into())), "{:#?}", self.audit.violations());
    }
}
