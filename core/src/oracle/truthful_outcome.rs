//! truthful-outcome: the outcome says what the kernel says. Status, reason and state are computed again from deeds, by the
//! decision tables of LIFECYCLE.md section 2, because a machine that confuses what was asked with what happened cannot know.
//!
//! Where an exit and our signal cross on the way, the kernel's order and the host's differ; then either answer is true.

use crate::ids::{Pid, UnitId, WorkerId};
use crate::oracle::roster::{Proc, Unit, bit};
use crate::oracle::{Case, OracleName};
use crate::signal::Signal;
use crate::vocab::{ExitStatus, Outcome, Reason, Requester, Survivor, WorkerState};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What the facts of an incarnation have told so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    spawned: bool,
    started: bool,
    /// A stop was requested before the exit was known.
    asked: bool,
    /// It was stopped because it did not become ready in time.
    late: bool,
    /// Our KILL was sent before the exit was known.
    killed_before_exit: bool,
    /// Our KILL was sent at all.
    killed: bool,
    /// Signals that we sent, one bit a number.
    sent: u64,
    exited: Option<ExitStatus>,
    /// The incarnation that ended last, while none was spawned since.
    ended: Option<u32>,
}

impl Told {
    pub(super) fn spawned(&mut self) {
        *self = Told { spawned: true, ..Told::default() };
    }

    pub(super) fn started(&mut self, id: WorkerId, pid: Option<i32>, unit: Option<UnitId>, case: &mut Case<'_>) {
        self.started = true;
        let (Some(pid), Some(unit)) = (pid, unit) else { return };
        let leader = case.roster.unit(unit).leader.and_then(|leader| case.roster.proc(leader).pid);
        if leader.map(Pid::as_raw) != Some(pid) {
            let worker = case.scene.names.worker(id);
            let truth = leader.map_or(String::from("nobody"), |p| format!("pid {p}"));
            lie(case, id, format!("{worker} is told to have started as pid {pid}, its leader is {truth}"));
        }
    }

    pub(super) fn stop_requested(&mut self, by: Requester) {
        // The policy's own request stops what a leader left behind; it asks nobody to end.
        self.asked |= self.exited.is_none() && by != Requester::Policy;
        self.late |= self.exited.is_none() && by == Requester::Deadline;
    }

    pub(super) fn signalled(&mut self, signal: Signal) {
        self.sent |= bit(signal);
        if signal == Signal::KILL {
            self.killed = true;
            self.killed_before_exit |= self.exited.is_none();
        }
    }

    pub(super) fn exited(&mut self, id: WorkerId, status: ExitStatus, unit: Option<UnitId>, case: &mut Case<'_>) {
        self.exited = Some(status);
        let Some(unit) = unit else { return };
        self.killed_before_exit |= case.roster.unit(unit).kill_sent;
        against_kernel(id, "`exited`", status, unit, case);
    }

    pub(super) fn ended(&mut self, id: WorkerId, outcome: &Outcome, unit: Option<UnitId>, case: &mut Case<'_>) {
        let over = Told { ended: Some(outcome.incarnation), ..Told::default() };
        let told = core::mem::replace(self, over);
        if told.ended.is_some_and(|last| last >= outcome.incarnation) {
            return; // That it ends only once is another oracle's promise.
        }
        if !told.spawned {
            return never_spawned(id, outcome, case);
        }
        if case.scene.names.is_group(id) {
            return group_ended(id, told, outcome, case);
        }
        let names = case.scene.names;
        let truth = Known::new(told, unit, case);
        let status = outcome.status;
        if told.exited.is_some_and(|e| e != status) {
            let worker = names.worker(id);
            lie(case, id, format!("the outcome of {worker} says {status}, its `exited` said otherwise"));
        }
        if let Some(unit) = unit
            && outcome.reason != Reason::StartFailed
            && !is_lost(outcome)
            && !dies_in_this_instant(status, unit, case)
        {
            against_kernel(id, "the outcome", status, unit, case);
        }
        if let Some(wrong) = truth.wrong_reason(outcome) {
            let worker = names.worker(id);
            lie(case, id, format!("the outcome of {worker} gives the reason {:?}: {wrong}", outcome.reason));
        }
        if let Some(right) = truth.wrong_state(outcome, |code| names.is_success(id, code)) {
            let (worker, said, right) = (names.worker(id), outcome.state.word(), right.word());
            lie(case, id, format!("{worker} is told to be {said}, and is {right}: {status}, {:?}", outcome.reason));
        }
        if !(outcome.survivors.is_empty() && outcome.holders.is_empty()) {
            survivors(id, outcome, unit, case);
        }
    }
}

/// Everything that bears on the end of one incarnation.
struct Known {
    told: Told,
    unit: Unit,
    leader: Proc,
}

impl Known {
    fn new(told: Told, unit: Option<UnitId>, case: &Case<'_>) -> Known {
        let unit = unit.map(|u| case.roster.unit(u)).unwrap_or_default();
        Known { told, unit, leader: unit.leader.map(|l| case.roster.proc(l)).unwrap_or_default() }
    }

    /// The first table: what is wrong with the reason, if anything is.
    fn wrong_reason(&self, outcome: &Outcome) -> Option<&'static str> {
        if outcome.start_error.is_some() && outcome.reason != Reason::StartFailed {
            return Some("it bears the error of a failed start");
        }
        // A leader that died of something else was dying of it already when our KILL came.
        let by_kill = match outcome.status {
            ExitStatus::Signalled { signal, .. } => signal == Signal::KILL,
            ExitStatus::Unknown => true,
            ExitStatus::Exited(_) => false,
        };
        let must_be_forced = by_kill && self.leader.killed_alive;
        let may_be_forced =
            must_be_forced || self.told.killed_before_exit || (self.told.exited.is_none() && self.unit.kill_sent);
        if outcome.reason == Reason::StartFailed {
            let in_time = self.told.started && !self.told.late;
            return in_time.then_some("it had started, and nobody waited in vain for it to be ready");
        }
        if !self.told.started {
            // A stop may have given up on a start that was never answered: whether it executed, nobody knows.
            let is_unanswered = self.told.asked && outcome.reason == Reason::RuntimeError;
            return (!is_unanswered).then_some("it was never executed, which is a failed start");
        }
        if must_be_forced && outcome.reason != Reason::ForcedKill {
            return Some("our KILL was sent before its leader ended");
        }
        let (is_true, wrong) = match outcome.reason {
            Reason::StartFailed => (true, ""),
            Reason::ForcedKill => (may_be_forced, "we sent no KILL before its leader ended"),
            Reason::Natural => (matches!(outcome.status, ExitStatus::Exited(_)), "it did not exit by itself"),
            Reason::Signal => (matches!(outcome.status, ExitStatus::Signalled { .. }), "no signal ended it"),
            Reason::RuntimeError => (is_lost(outcome) || outcome.status == ExitStatus::Unknown, "its status is known"),
        };
        (!is_true).then_some(wrong)
    }

    /// The second table: the right state, if the told one is not.
    fn wrong_state(&self, outcome: &Outcome, is_success: impl Fn(u8) -> bool) -> Option<WorkerState> {
        let right = match outcome.reason {
            // However it ended, it is not to be started again, and that is a failure.
            Reason::Natural | Reason::Signal if outcome.circuit_breaker => WorkerState::Failed,
            Reason::StartFailed | Reason::RuntimeError => WorkerState::Failed,
            Reason::ForcedKill => WorkerState::Killed,
            Reason::Natural | Reason::Signal if self.unit.kill_needed => WorkerState::Killed,
            // It was sent, and found only the dead: whether it was needed is a matter of who looks.
            Reason::Natural | Reason::Signal
                if outcome.state == WorkerState::Killed && (self.told.killed || self.unit.kill_sent) =>
            {
                return None;
            }
            Reason::Natural | Reason::Signal => self.gentle_state(outcome.status, is_success),
        };
        (outcome.state != right).then_some(right)
    }

    /// Where no KILL was needed.
    fn gentle_state(&self, status: ExitStatus, is_success: impl Fn(u8) -> bool) -> WorkerState {
        match status {
            ExitStatus::Exited(_) if self.told.asked => WorkerState::Stopped,
            ExitStatus::Signalled { signal, .. }
                if self.told.asked && (self.told.sent | self.unit.sent) & bit(signal) != 0 =>
            {
                WorkerState::Stopped
            }
            ExitStatus::Exited(code) if is_success(code) => WorkerState::Finished,
            ExitStatus::Exited(_) | ExitStatus::Signalled { .. } | ExitStatus::Unknown => WorkerState::Failed,
        }
    }
}

/// The backend broke, so that nobody could know.
fn is_lost(outcome: &Outcome) -> bool {
    outcome.reason == Reason::RuntimeError && outcome.requested_by == Some(Requester::BackendLost)
}

#[cold]
fn lie(case: &mut Case<'_>, id: WorkerId, message: String) {
    case.report(OracleName::TruthfulOutcome, case.scene.names.worker(id), message);
}

/// A status is known once its leader is dead, and not before; never that of a leader that was taken over. A unit without a leader is a
/// function, or never began.
#[inline(always)]
fn against_kernel(id: WorkerId, what: &str, status: ExitStatus, unit: UnitId, case: &mut Case<'_>) {
    let unit = case.roster.unit(unit);
    let Some(leader) = unit.leader else { return };
    let kernel = case.roster.proc(leader).status.filter(|_| !unit.adopted);
    if kernel.unwrap_or(ExitStatus::Unknown) != status {
        let worker = case.scene.names.worker(id);
        let kernel = kernel.map_or(String::from("that its leader lives"), |s| format!("{s}"));
        lie(case, id, format!("{what} of {worker} says {status}, the kernel {kernel}"));
    }
}

/// Whoever has looked earlier in this instant has seen a leader that lives, and has no status.
fn dies_in_this_instant(told: ExitStatus, unit: UnitId, case: &Case<'_>) -> bool {
    let leader = case.roster.unit(unit).leader;
    told == ExitStatus::Unknown && leader.is_some_and(|leader| case.roster.proc(leader).died_at == case.scene.now)
}

/// A stop in Pending or Backoff spawns nothing, and ends in Stopped; what could not even be tried has failed.
fn never_spawned(id: WorkerId, outcome: &Outcome, case: &mut Case<'_>) {
    let is_true = match outcome.state {
        WorkerState::Stopped => outcome.reason != Reason::StartFailed,
        WorkerState::Failed => outcome.reason == Reason::StartFailed,
        WorkerState::Pending
        | WorkerState::Starting
        | WorkerState::Running
        | WorkerState::Ready
        | WorkerState::Stopping
        | WorkerState::Killing
        | WorkerState::Draining
        | WorkerState::Backoff
        | WorkerState::Finished
        | WorkerState::Killed => false,
    };
    if !is_true {
        let (worker, state, reason) = (case.scene.names.worker(id), outcome.state.word(), outcome.reason);
        lie(case, id, format!("{worker} was never spawned and is told to be {state}, {reason:?}"));
    }
}

/// A supervisor's unit is its children: it is Stopped if and only if it was asked to end.
fn group_ended(id: WorkerId, told: Told, outcome: &Outcome, case: &mut Case<'_>) {
    let is_true = match outcome.state {
        WorkerState::Stopped => told.asked,
        WorkerState::Finished | WorkerState::Failed => !told.asked,
        WorkerState::Pending | WorkerState::Starting | WorkerState::Running | WorkerState::Ready => false,
        WorkerState::Stopping | WorkerState::Killing | WorkerState::Draining | WorkerState::Backoff => false,
        WorkerState::Killed => false,
    };
    if !is_true {
        let asked = if told.asked { "was asked to end" } else { "was not asked to end" };
        let worker = case.scene.names.worker(id);
        lie(case, id, format!("the supervisor {worker} is told to be {}, and it {asked}", outcome.state.word()));
    }
}

/// Whoever is named must be of this unit and alive; dying in this very instant is not held against the survey.
fn survivors(id: WorkerId, outcome: &Outcome, unit: Option<UnitId>, case: &mut Case<'_>) {
    let mut alive: Vec<i32> = Vec::new();
    let (truth, roster, now) = (case.scene.truth, case.roster, case.scene.now);
    truth.every(&mut |view| {
        let is_of_unit = unit.is_none() || view.unit == unit;
        if is_of_unit && (view.alive || roster.proc(view.id).died_at == now) {
            alive.push(view.pid.as_raw());
        }
    });
    for named in outcome.survivors.iter().chain(&outcome.holders) {
        let Survivor { pid, name } = named;
        if !alive.contains(pid) {
            let worker = case.scene.names.worker(id);
            lie(case, id, format!("the outcome of {worker} names {name} (pid {pid}) as alive, and it is not"));
        }
    }
}

#[cfg(test)]
mod tests;
