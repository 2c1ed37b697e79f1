//! One worker, from its first start to its last reaped process. Owns every rule about signals.
//!
//! ```text
//! Pending ─start─▶ Starting ─spawned─▶ Up ─stop─▶ Hooking ─▶ Stopping ─grace over─▶ Killing
//!                     │stop; ⇄ Retrying │└──the leader ended and left others──▲│        │
//!                     │                 └──leader ended, scope empty─┐         ▼▼scope empty, or given up
//!                     └▶ Abandoning ─spawned─▶ Hooking               └───▶ Draining ─output closed─▶ Ended ─again─▶ Backoff ─▶ Starting
//!                                                                           └─time is up──▶ Surveying ─▶ Ended
//! ```

mod again;
mod digest;
mod ending;
mod lines;
mod outcome;
mod plan;
mod ready;
mod rules;
mod run;
#[cfg(test)]
mod search;
mod start;
mod stop;
mod view;

pub use lines::{LINE_MAX, Lines};
pub use plan::StopPlan;
pub(crate) use run::Run;

use crate::digest::Digest;
use crate::ids::{ActorId, OpId, UnitId, WorkerId};
use crate::machine::{Broken, Command, Cx, Event, Machine};
use crate::restart::Restarts;
use crate::time::Instant;
use crate::vocab::{Condition, ExitStatus, Outcome, Request, SessionSpec, SpawnFailure, WorkerSpec, WorkerState};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::ops::Deref;
use ready::Readiness;

/// The machine of one worker.
#[derive(Clone, Debug)]
pub struct Worker {
    pub(crate) id: WorkerId,
    pub(crate) parent: ActorId,
    pub(crate) spec: Spec,
    pub(crate) incarnation: u32,
    /// Its own spec, while this incarnation is stopped by another policy.
    laid_aside: Option<Box<Spec>>,
    /// Whether its parent wants to hear how far it has come.
    herald: bool,
    /// How the incarnation before ended, where that is known: the next one is told.
    previous: Option<ExitStatus>,
    /// Its restarts so far; made when the first one is considered.
    restarts: Option<Box<Restarts>>,
    pub(crate) state: State,
}

/// Where a worker's spec stands: a plan is shared by all of its workers, and by thousands of simulations.
#[derive(Clone, Debug)]
pub(crate) enum Spec {
    Own(Arc<WorkerSpec>),
    Planned(Arc<SessionSpec>, WorkerId),
}

impl Deref for Spec {
    type Target = WorkerSpec;

    #[inline]
    fn deref(&self) -> &WorkerSpec {
        match self {
            Spec::Own(spec) => spec,
            Spec::Planned(plan, id) => &plan.workers[id.index()],
        }
    }
}

/// Finer than the twelve public states.
#[derive(Clone, Debug)]
pub(crate) enum State {
    /// Not started.
    Pending,
    /// The spawn is not answered; it has failed to start where it is not ready by `by`.
    Starting { unit: UnitId, op: OpId, since: Instant, by: Instant, tries: u32 },
    /// So many attempts have failed, the last one of this, which may pass by itself: the next one is made at `at`.
    Retrying { unit: UnitId, at: Instant, since: Instant, by: Instant, tries: u32, failure: SpawnFailure },
    /// A stop came before the spawn was answered: a late process is stopped by the same plan.
    Abandoning { unit: UnitId, op: OpId, since: Instant, plan: StopPlan },
    /// It runs. What is known of it is in a box: a state is taken out and put back at every event.
    Up(Box<Run>),
    /// Its pre-stop hook runs; the gentle signal follows when that is over, and at `until` at the latest.
    Hooking { run: Box<Run>, plan: StopPlan, until: Instant },
    /// The gentle signal was sent; KILL follows at `plan.kill_at`.
    Stopping { run: Box<Run>, plan: StopPlan },
    /// KILL was sent; the scope should be empty by `plan.empty_by`.
    Killing { run: Box<Run>, plan: StopPlan },
    /// Nobody is left to wait for; the rest of the output is read until `until`.
    Draining { run: Box<Run>, until: Instant, plan: StopPlan },
    /// Time is up: who is left is asked for, to be named in the outcome.
    Surveying { run: Box<Run>, op: OpId },
    /// Over, and to be started again.
    Backoff { until: Instant, last: Arc<Outcome> },
    /// Over.
    Ended(Arc<Outcome>),
}

impl State {
    const fn name(&self) -> &'static str {
        match self {
            State::Pending => "Pending",
            State::Starting { .. } => "Starting",
            State::Retrying { .. } => "Retrying",
            State::Abandoning { .. } => "Abandoning",
            State::Up(_) => "Up",
            State::Hooking { .. } => "Hooking",
            State::Stopping { .. } => "Stopping",
            State::Killing { .. } => "Killing",
            State::Draining { .. } => "Draining",
            State::Surveying { .. } => "Surveying",
            State::Backoff { .. } => "Backoff",
            State::Ended(_) => "Ended",
        }
    }
}

impl Worker {
    /// A worker that has not been started. It reports to `parent`.
    pub fn new(id: WorkerId, parent: ActorId, spec: impl Into<Arc<WorkerSpec>>) -> Worker {
        Worker::with(id, parent, Spec::Own(spec.into()))
    }

    /// The worker of this number in a plan.
    ///
    /// # Panics
    /// When its spec is looked at, if the plan has no such worker.
    pub fn of_plan(id: WorkerId, parent: ActorId, plan: &Arc<SessionSpec>) -> Worker {
        Worker::with(id, parent, Spec::Planned(plan.clone(), id))
    }

    fn with(id: WorkerId, parent: ActorId, spec: Spec) -> Worker {
        let (incarnation, herald, state) = (0, false, State::Pending);
        Worker { id, parent, spec, incarnation, laid_aside: None, herald, previous: None, restarts: None, state }
    }

    /// The same worker, that tells its parent how far it has come ([`Event::News`]).
    #[must_use]
    pub fn heralding(mut self) -> Worker {
        self.herald = true;
        self
    }

    /// Its public state.
    pub fn state(&self) -> WorkerState {
        match &self.state {
            State::Pending => WorkerState::Pending,
            State::Starting { .. } | State::Retrying { .. } => WorkerState::Starting,
            State::Up(run) if run.readiness == Readiness::Ready => WorkerState::Ready,
            State::Up(_) => WorkerState::Running,
            State::Abandoning { .. } | State::Hooking { .. } | State::Stopping { .. } => WorkerState::Stopping,
            State::Killing { .. } => WorkerState::Killing,
            State::Draining { .. } | State::Surveying { .. } => WorkerState::Draining,
            State::Backoff { .. } => WorkerState::Backoff,
            State::Ended(outcome) => outcome.state,
        }
    }

    /// How its last incarnation ended, once it is over.
    pub fn outcome(&self) -> Option<&Arc<Outcome>> {
        match &self.state {
            State::Ended(outcome) | State::Backoff { last: outcome, .. } => Some(outcome),
            State::Pending | State::Starting { .. } | State::Retrying { .. } | State::Abandoning { .. } => None,
            State::Up(_) | State::Hooking { .. } | State::Stopping { .. } | State::Killing { .. } => None,
            State::Draining { .. } | State::Surveying { .. } => None,
        }
    }

    /// Which incarnation it is in, or was in last: from 1; 0 before the first.
    pub fn incarnation(&self) -> u32 {
        self.incarnation
    }

    /// The name of the state it is in, of those behind the twelve public ones.
    pub fn fine_state(&self) -> &'static str {
        self.state.name()
    }

    /// Its number in the plan.
    pub fn id(&self) -> WorkerId {
        self.id
    }

    #[inline(always)]
    fn herald(&self, come: Condition, cx: &mut Cx<'_>) {
        if self.herald {
            cx.tell(self.parent, Event::News { worker: self.id, come });
        }
    }
}

impl Machine for Worker {
    fn on(&mut self, event: Event, cx: &mut Cx<'_>) {
        match event {
            Event::Command(Command::Start) => self.start(Instant::NEVER, cx),
            Event::Command(Command::StartBy(deadline)) => self.start(deadline, cx),
            Event::Command(Command::Again { at }) => self.again(at, cx),
            Event::Command(Command::GiveUp { on }) => self.give_up(on, cx),
            Event::Command(Command::Hold { by }) => self.hold(by, cx),
            Event::Command(Command::Stop { by, deadline }) => self.stop(by, deadline, cx),
            Event::Command(Command::StopWith { policy, by, deadline }) => self.stop_with(policy, by, deadline, cx),
            Event::Command(Command::Kill { by, deadline }) => self.kill(by, deadline, cx),
            Event::Command(Command::Signal(signal)) => self.user_signal(signal, cx),
            Event::Command(Command::Input(bytes)) => self.input(Request::Write(bytes), cx),
            Event::Command(Command::CloseInput) => self.input(Request::CloseInput, cx),
            Event::Command(Command::Visit(visit)) => self.input(Request::Visit(visit), cx),
            Event::Tick => self.tick(cx),
            Event::Spawned { op, result } => self.spawned(op, result, cx),
            Event::Exited { op, notice } => self.exited(op, notice, cx),
            Event::Empty { op } => self.empty(op, cx),
            Event::Output { op, stream, chunk } => self.output(op, stream, chunk, cx),
            Event::OutputOver { op, streams } => self.output_over(op, streams, cx),
            Event::Surveyed { op, survey } => self.surveyed(op, survey, cx),
            Event::Notified { op } => self.notified(op, cx),
            Event::Traffic { op, traffic } => self.traffic(op, *traffic, cx),
            Event::Connected { op, accepted } => self.connected(op, accepted, cx),
            Event::Answered { op, status } => self.http_answered(op, status, cx),
            Event::Ran { op, status } => self.ran(op, status, cx),
            // ESRCH means gone, and its exit is on the way; EPERM and the rest leave KILL and the deadline to answer for it.
            Event::SignalFailed { .. } | Event::Written { .. } => {}
            // Taken whole, as every other is: what is only looked at would have to be dropped at the end of each delivery.
            event @ (Event::Command(Command::Worker(..) | Command::Restart(_) | Command::Adopt { .. })
            | Event::Command(Command::Forget(_))
            | Event::News { .. }
            | Event::Ended { .. }
            | Event::Heard { .. }
            | Event::Observed(_)) => cx.unexpected(self.state.name(), &event),
        }
    }

    #[inline]
    fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Pending | State::Surveying { .. } | State::Ended(_) => None,
            State::Starting { by, .. } => Some(*by),
            State::Retrying { at, by, .. } => Some(*at.min(by)),
            State::Up(run) => run.readiness.deadline(),
            State::Abandoning { plan, .. } => Some(plan.deadline),
            State::Hooking { plan, until, .. } => Some(plan.kill_at.min(*until)),
            State::Stopping { plan, .. } => Some(plan.kill_at),
            State::Killing { plan, .. } => Some(plan.empty_by),
            State::Draining { until, .. } => Some(*until),
            State::Backoff { until, .. } => Some(*until),
        }
    }

    #[inline]
    fn invariant(&self) -> Result<(), Broken> {
        let sane = |plan: &StopPlan| plan.kill_at <= plan.deadline && plan.empty_by <= plan.deadline;
        let broken = |what: &str| Err(Broken(format!("{} is {}: {what}", self.spec.name, self.state.name())));
        match &self.state {
            State::Pending if self.incarnation != 0 => broken("it was started before"),
            State::Pending | State::Ended(_) => Ok(()),
            State::Starting { .. } | State::Up(_) if self.incarnation == 0 => broken("it has no incarnation"),
            State::Retrying { tries, .. } if *tries >= SpawnFailure::TRIES_MAX => broken("it has tried often enough"),
            State::Starting { .. } | State::Retrying { .. } => Ok(()),
            State::Up(run) if run.exit.is_some() => broken("its leader has ended"),
            State::Up(run) if run.hook.is_some() => broken("its hook runs"),
            State::Up(_) => Ok(()),
            State::Hooking { run, .. } if run.hook.is_none() => broken("it has no hook"),
            State::Hooking { plan, .. } | State::Abandoning { plan, .. } => {
                if sane(plan) {
                    Ok(())
                } else {
                    broken("its plan ends before it begins")
                }
            }
            State::Stopping { plan, .. } | State::Killing { plan, .. } => {
                if sane(plan) {
                    Ok(())
                } else {
                    broken("its plan ends before it begins")
                }
            }
            State::Draining { run, until, .. } if run.exit.is_none() && *until == Instant::NEVER => {
                broken("it waits for ever for a leader that lives")
            }
            State::Draining { .. } | State::Surveying { .. } => Ok(()),
            State::Backoff { until, .. } if *until == Instant::NEVER => broken("it waits for ever"),
            State::Backoff { .. } => Ok(()),
        }
    }

    fn is_closed(&self) -> bool {
        matches!(self.state, State::Pending | State::Ended(_))
    }

    fn waits_for(&self) -> String {
        match &self.state {
            State::Pending => "its start".into(),
            State::Starting { .. } | State::Abandoning { .. } => "the answer to its spawn".into(),
            State::Retrying { at, failure, .. } => format!("its next attempt to start at {at}, after {failure}"),
            State::Up(run) => run.readiness.awaited().into(),
            State::Hooking { until, .. } => format!("the end of its pre-stop hook until {until}"),
            State::Stopping { run, plan } => format!("{} until KILL at {}", run.awaited(), plan.kill_at),
            State::Killing { run, plan } => format!("{} until {}", run.awaited(), plan.empty_by),
            State::Draining { until, .. } => format!("the end of its output until {until}"),
            State::Surveying { .. } => "the names of who is left".into(),
            State::Backoff { until, .. } => format!("its next start at {until}"),
            State::Ended(_) => "nothing".into(),
        }
    }

    fn digest(&self, now: Instant, into: &mut Digest) -> bool {
        self.digest_all(now, into);
        // A policy is not told.
        self.laid_aside.is_none()
    }
}
