//! One worker, from its first start to its last reaped process. Owns every rule about signals.
//!
//! ```text
//! Pending ─start─▶ Starting ─spawned─▶ Up ─stop, or the leader ended and left others─▶ Stopping ─grace over─▶ Killing
//!                     │ stop             └──leader ended, scope empty──▶ Draining ◀──scope empty──┘ ◀──empty, or given up──┘
//!                     └▶ Abandoning ─spawned─▶ Stopping                     └─output closed─▶ Ended
//!                                                                           └─time is up──▶ Surveying ─▶ Ended
//! ```

mod digest;
mod ending;
mod lines;
mod outcome;
mod plan;
mod rules;
mod run;

pub use lines::{LINE_MAX, Lines};
pub use plan::StopPlan;
pub(crate) use run::Run;

use ending::Survey;

use crate::digest::Digest;
use crate::ids::{ActorId, OpId, UnitId, WorkerId};
use crate::machine::{Broken, Command, Cx, Event, Machine};
use crate::time::Instant;
use crate::vocab::{Outcome, Request, SessionSpec, WorkerSpec, WorkerState};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::ops::Deref;

/// The machine of one worker.
#[derive(Clone, Debug)]
pub struct Worker {
    pub(crate) id: WorkerId,
    pub(crate) parent: ActorId,
    pub(crate) spec: Spec,
    pub(crate) incarnation: u32,
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
    /// The spawn is not answered.
    Starting { unit: UnitId, op: OpId, since: Instant },
    /// A stop came before the spawn was answered: a late process is stopped by the same plan.
    Abandoning { unit: UnitId, op: OpId, since: Instant, plan: StopPlan },
    /// It runs.
    Up(Run),
    /// The gentle signal was sent; KILL follows at `plan.kill_at`.
    Stopping { run: Run, plan: StopPlan },
    /// KILL was sent; the scope should be empty by `plan.empty_by`.
    Killing { run: Run, plan: StopPlan },
    /// Nobody is left to wait for; the rest of the output is read until `until`.
    Draining { run: Run, until: Instant, plan: StopPlan },
    /// Time is up: who is left is asked for, to be named in the outcome.
    Surveying { run: Run, op: OpId },
    /// Over.
    Ended(Arc<Outcome>),
}

impl State {
    const fn name(&self) -> &'static str {
        match self {
            State::Pending => "Pending",
            State::Starting { .. } => "Starting",
            State::Abandoning { .. } => "Abandoning",
            State::Up(_) => "Up",
            State::Stopping { .. } => "Stopping",
            State::Killing { .. } => "Killing",
            State::Draining { .. } => "Draining",
            State::Surveying { .. } => "Surveying",
            State::Ended(_) => "Ended",
        }
    }
}

impl Worker {
    /// A worker that has not been started. It reports to `parent`.
    pub fn new(id: WorkerId, parent: ActorId, spec: WorkerSpec) -> Worker {
        Worker { id, parent, spec: Spec::Own(Arc::new(spec)), incarnation: 0, state: State::Pending }
    }

    /// The worker of this number in a plan.
    ///
    /// # Panics
    /// When its spec is looked at, if the plan has no such worker.
    pub fn of_plan(id: WorkerId, parent: ActorId, plan: &Arc<SessionSpec>) -> Worker {
        Worker { id, parent, spec: Spec::Planned(plan.clone(), id), incarnation: 0, state: State::Pending }
    }

    /// Its public state.
    pub fn state(&self) -> WorkerState {
        match &self.state {
            State::Pending => WorkerState::Pending,
            State::Starting { .. } => WorkerState::Starting,
            State::Up(_) => WorkerState::Ready,
            State::Abandoning { .. } | State::Stopping { .. } => WorkerState::Stopping,
            State::Killing { .. } => WorkerState::Killing,
            State::Draining { .. } | State::Surveying { .. } => WorkerState::Draining,
            State::Ended(outcome) => outcome.state,
        }
    }

    /// How it ended, once it has.
    pub fn outcome(&self) -> Option<&Arc<Outcome>> {
        match &self.state {
            State::Ended(outcome) => Some(outcome),
            State::Pending | State::Starting { .. } | State::Abandoning { .. } | State::Up(_) => None,
            State::Stopping { .. } | State::Killing { .. } | State::Draining { .. } | State::Surveying { .. } => None,
        }
    }
}

impl Machine for Worker {
    fn on(&mut self, event: Event, cx: &mut Cx<'_>) {
        match event {
            Event::Command(Command::Start) => self.start(cx),
            Event::Command(Command::Stop { by, deadline }) => self.stop(by, deadline, cx),
            Event::Command(Command::Kill { by, deadline }) => self.kill(by, deadline, cx),
            Event::Command(Command::Signal(signal)) => self.user_signal(signal, cx),
            Event::Command(Command::Input(bytes)) => self.input(Request::Write(bytes), cx),
            Event::Command(Command::CloseInput) => self.input(Request::CloseInput, cx),
            Event::Tick => self.tick(cx),
            Event::Spawned { op, result } => self.spawned(op, result, cx),
            Event::Exited { op, notice } => self.exited(op, notice, cx),
            Event::Empty { op } => self.empty(op, cx),
            Event::Output { op, stream, ref chunk } => self.output(op, stream, chunk, cx),
            Event::Surveyed { op, members, holders, exit } => self.surveyed(op, Survey { members, holders, exit }, cx),
            // ESRCH means gone, and its exit is on the way; EPERM and the rest leave KILL and the deadline to answer for it.
            Event::SignalFailed { .. } | Event::Written { .. } => {}
            Event::Command(Command::Worker(..)) | Event::Ended { .. } | Event::Heard { .. } | Event::Observed(_) => {
                cx.unexpected(self.state.name(), &event);
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Pending | State::Starting { .. } | State::Up(_) | State::Surveying { .. } | State::Ended(_) => None,
            State::Abandoning { plan, .. } => Some(plan.deadline),
            State::Stopping { plan, .. } => Some(plan.kill_at),
            State::Killing { plan, .. } => Some(plan.empty_by),
            State::Draining { until, .. } => Some(*until),
        }
    }

    fn invariant(&self) -> Result<(), Broken> {
        let sane = |plan: &StopPlan| plan.kill_at <= plan.deadline && plan.empty_by <= plan.deadline;
        let broken = |what: &str| Err(Broken(format!("{} is {}: {what}", self.spec.name, self.state.name())));
        match &self.state {
            State::Pending if self.incarnation != 0 => broken("it was started before"),
            State::Pending | State::Ended(_) => Ok(()),
            State::Starting { .. } | State::Up(_) if self.incarnation == 0 => broken("it has no incarnation"),
            State::Starting { .. } => Ok(()),
            State::Up(run) if run.exit.is_some() => broken("its leader has ended"),
            State::Up(_) => Ok(()),
            State::Abandoning { plan, .. } | State::Stopping { plan, .. } | State::Killing { plan, .. } => {
                if sane(plan) { Ok(()) } else { broken("its plan ends before it begins") }
            }
            State::Draining { run, until, .. } if run.exit.is_none() && *until == Instant::NEVER => {
                broken("it waits for ever for a leader that lives")
            }
            State::Draining { .. } | State::Surveying { .. } => Ok(()),
        }
    }

    fn is_closed(&self) -> bool {
        matches!(self.state, State::Pending | State::Ended(_))
    }

    fn waits_for(&self) -> String {
        match &self.state {
            State::Pending => "its start".into(),
            State::Starting { .. } | State::Abandoning { .. } => "the answer to its spawn".into(),
            State::Up(_) => "its leader to end, or a stop".into(),
            State::Stopping { run, plan } => format!("{} until KILL at {}", run.awaited(), plan.kill_at),
            State::Killing { run, plan } => format!("{} until {}", run.awaited(), plan.empty_by),
            State::Draining { until, .. } => format!("the end of its output until {until}"),
            State::Surveying { .. } => "the names of who is left".into(),
            State::Ended(_) => "nothing".into(),
        }
    }

    fn digest(&self, now: Instant, into: &mut Digest) -> bool {
        self.state.digest(now, into);
        true
    }
}
