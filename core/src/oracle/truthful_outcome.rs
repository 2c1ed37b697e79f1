//! truthful-outcome: the outcome says what the kernel says. Status, reason and state are computed again from deeds, by the
//! decision tables of LIFECYCLE.md section 2, because a machine that confuses what was asked with what happened cannot know.
//!
//! Where an exit and our signal cross on the way, the kernel's order and the host's differ; then either answer is true.

use crate::ids::{Pid, UnitId, WorkerId};
use crate::oracle::roster::{Proc, Unit, bit};
use crate::oracle::{Case, OracleName, slot};
use crate::signal::Signal;
use crate::vocab::{ExitStatus, Outcome, Reason, Requester, Survivor, WorkerState};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What the facts of an incarnation have told so far.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    spawned: bool,
    started: bool,
    /// A stop was requested before the exit was known.
    asked: bool,
    /// Our KILL was sent before the exit was known.
    killed_before_exit: bool,
    /// Our KILL was sent at all.
    killed: bool,
    /// Signals that we sent, one bit a number.
    sent: u64,
    exited: Option<ExitStatus>,
}

/// What the facts of each worker's current incarnation have told so far.
#[derive(Debug, Default)]
pub(super) struct TruthfulOutcome {
    workers: Vec<Told>,
}

impl TruthfulOutcome {
    pub(super) fn reset(&mut self) {
        self.workers.clear();
    }

    pub(super) fn spawned(&mut self, id: WorkerId) {
        *slot(&mut self.workers, id.index()) = Told { spawned: true, ..Told::default() };
    }

    pub(super) fn started(&mut self, id: WorkerId, pid: Option<i32>, unit: Option<UnitId>, case: &mut Case<'_>) {
        slot(&mut self.workers, id.index()).started = true;
        let (Some(pid), Some(unit)) = (pid, unit) else { return };
        let leader = case.scene.truth.leader(unit).map(|l| case.scene.truth.process(l).pid);
        if leader.map(Pid::as_raw) != Some(pid) {
            let worker = case.scene.names.worker(id);
            let truth = leader.map_or(String::from("nobody"), |p| format!("pid {p}"));
            lie(case, worker, format!("{worker} is told to have started as pid {pid}, its leader is {truth}"));
        }
    }

    pub(super) fn stop_requested(&mut self, id: WorkerId, by: Requester) {
        let told = slot(&mut self.workers, id.index());
        // The policy's own request stops what a leader left behind; it asks nobody to end.
        told.asked |= told.exited.is_none() && by != Requester::Policy;
    }

    pub(super) fn signalled(&mut self, id: WorkerId, signal: Signal) {
        let told = slot(&mut self.workers, id.index());
        told.sent |= bit(signal);
        if signal == Signal::KILL {
            told.killed = true;
            told.killed_before_exit |= told.exited.is_none();
        }
    }

    pub(super) fn exited(&mut self, id: WorkerId, status: ExitStatus, unit: Option<UnitId>, case: &mut Case<'_>) {
        let told = slot(&mut self.workers, id.index());
        told.exited = Some(status);
        let Some(unit) = unit else { return };
        told.killed_before_exit |= case.roster.unit(unit).kill_sent;
        let worker = case.scene.names.worker(id);
        against_kernel(worker, "`exited`", status, unit, case);
    }

    pub(super) fn ended(&mut self, id: WorkerId, outcome: &Outcome, unit: Option<UnitId>, case: &mut Case<'_>) {
        let told = core::mem::take(slot(&mut self.workers, id.index()));
        let worker = case.scene.names.worker(id);
        if !told.spawned {
            return never_spawned(worker, outcome, case);
        }
        let truth = Known::new(told, unit, case);
        let status = outcome.status;
        if told.exited.is_some_and(|e| e != status) {
            lie(case, worker, format!("the outcome of {worker} says {status}, its `exited` said otherwise"));
        }
        if let Some(unit) = unit
            && outcome.reason != Reason::StartFailed
            && !is_lost(outcome)
        {
            against_kernel(worker, "the outcome", status, unit, case);
        }
        if let Some(wrong) = truth.wrong_reason(outcome) {
            lie(case, worker, format!("the outcome of {worker} gives the reason {:?}: {wrong}", outcome.reason));
        }
        if let Some(right) = truth.wrong_state(outcome, |code| case.scene.names.is_success(id, code)) {
            let (said, right) = (outcome.state.word(), right.word());
            lie(case, worker, format!("{worker} is told to be {said}, and is {right}: {status}, {:?}", outcome.reason));
        }
        if !(outcome.survivors.is_empty() && outcome.holders.is_empty()) {
            survivors(worker, outcome, unit, case);
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
        let leader = unit.and_then(|u| case.scene.truth.leader(u));
        Known {
            told,
            unit: unit.map(|u| case.roster.unit(u)).unwrap_or_default(),
            leader: leader.map(|l| case.roster.proc(l)).unwrap_or_default(),
        }
    }

    /// The first table: what is wrong with the reason, if anything is.
    fn wrong_reason(&self, outcome: &Outcome) -> Option<&'static str> {
        if outcome.start_error.is_some() && outcome.reason != Reason::StartFailed {
            return Some("it bears the error of a failed start");
        }
        let must_be_forced = self.leader.killed_alive;
        let may_be_forced =
            must_be_forced || self.told.killed_before_exit || (self.told.exited.is_none() && self.unit.kill_sent);
        if outcome.reason == Reason::StartFailed {
            return self.told.started.then_some("it had started");
        }
        if !self.told.started {
            return Some("it was never executed, which is a failed start");
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
fn lie(case: &mut Case<'_>, worker: &str, message: String) {
    case.report(OracleName::TruthfulOutcome, worker, message);
}

/// A status is known once its leader is dead, and not before. A unit without a leader is a function, or never began.
fn against_kernel(worker: &str, what: &str, status: ExitStatus, unit: UnitId, case: &mut Case<'_>) {
    let truth = case.scene.truth;
    let Some(leader) = truth.leader(unit) else { return };
    let kernel = truth.process(leader).status;
    if kernel.unwrap_or(ExitStatus::Unknown) != status {
        let kernel = kernel.map_or(String::from("that its leader lives"), |s| format!("{s}"));
        lie(case, worker, format!("{what} of {worker} says {status}, the kernel {kernel}"));
    }
}

/// A stop in Pending or Backoff spawns nothing, and ends in Stopped; what could not even be tried has failed.
fn never_spawned(worker: &str, outcome: &Outcome, case: &mut Case<'_>) {
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
        let (state, reason) = (outcome.state.word(), outcome.reason);
        lie(case, worker, format!("{worker} was never spawned and is told to be {state}, {reason:?}"));
    }
}

/// Whoever is named must be of this unit and alive; dying in this very instant is not held against the survey.
fn survivors(worker: &str, outcome: &Outcome, unit: Option<UnitId>, case: &mut Case<'_>) {
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
            lie(case, worker, format!("the outcome of {worker} names {name} (pid {pid}) as alive, and it is not"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ProcId;
    use crate::oracle::fake::{Stage, finished, outcome};
    use crate::vocab::Sender;

    const NAME: OracleName = OracleName::TruthfulOutcome;
    const BY_TERM: ExitStatus = ExitStatus::Signalled { signal: Signal::TERM, core: false };
    const BY_KILL: ExitStatus = ExitStatus::Signalled { signal: Signal::KILL, core: false };
    const BY_SEGV: ExitStatus = ExitStatus::Signalled { signal: Signal::SEGV, core: true };

    /// One row: what happened to the leader, how it died, what is told, whether that is true.
    type Row = (&'static [Step], ExitStatus, WorkerState, Reason, bool);

    #[derive(Clone, Copy)]
    enum Step {
        Ask,
        Send(Signal),
        Exit,
        KillHelper,
    }
    use Step::{Ask, Exit, KillHelper, Send};

    fn run(row: &Row) -> Stage {
        let (steps, status, state, reason, _) = *row;
        let mut stage = Stage::new(&["a"]);
        let main = stage.starts("a");
        let helper = stage.born("a/helper", UnitId(0));
        for step in steps {
            match step {
                Ask => stage.stop_requested("a", 10_000),
                Send(signal) => stage.signals(main, *signal, "a"),
                Exit => stage.exits("a", main, status),
                KillHelper => stage.signals(helper, Signal::KILL, "a"),
            }
        }
        stage.dies(helper, BY_KILL);
        stage.ends("a", outcome(state, status, reason));
        stage
    }

    #[test]
    fn state_and_reason_follow_the_tables_of_lifecycle_section_2() {
        use Reason::{ForcedKill, Natural, RuntimeError};
        use WorkerState::{Failed, Finished, Killed, Stopped};
        const TERM: Step = Send(Signal::TERM);
        const KILL: Step = Send(Signal::KILL);
        let (zero, three) = (ExitStatus::Exited(0), ExitStatus::Exited(3));
        let rows: &[Row] = &[
            (&[Exit], zero, Finished, Natural, true),
            (&[Exit], zero, Stopped, Natural, false),
            (&[Exit], three, Failed, Natural, true),
            (&[Exit], three, Finished, Natural, false),
            (&[Exit], zero, Failed, RuntimeError, false),
            (&[Ask, TERM, Exit], BY_TERM, Stopped, Reason::Signal, true),
            (&[Ask, TERM, Exit], BY_TERM, Stopped, Natural, false),
            (&[Ask, TERM, Exit], three, Stopped, Natural, true),
            (&[Ask, TERM, Exit], BY_SEGV, Failed, Reason::Signal, true),
            (&[Ask, TERM, Exit], BY_SEGV, Stopped, Reason::Signal, false),
            (&[Exit, Ask], zero, Finished, Natural, true),
            (&[Exit, Ask], zero, Stopped, Natural, false),
            (&[Exit], BY_KILL, Failed, Reason::Signal, true),
            (&[Exit], BY_KILL, Killed, ForcedKill, false),
            (&[Ask, TERM, KILL, Exit], BY_KILL, Killed, ForcedKill, true),
            (&[Ask, TERM, KILL, Exit], BY_KILL, Stopped, Reason::Signal, false),
            (&[Ask, TERM, Exit, KillHelper], BY_TERM, Killed, Reason::Signal, true),
            (&[Ask, TERM, Exit, KillHelper], BY_TERM, Stopped, Reason::Signal, false),
            (&[Exit, KillHelper], zero, Killed, Natural, true),
            (&[Exit, KillHelper], zero, Killed, ForcedKill, false),
        ];
        for (n, row) in rows.iter().enumerate() {
            let found = run(row).found().contains(&(NAME, "a".into()));
            assert_eq!(found, !row.4, "row {n}");
        }
    }

    #[test]
    fn a_kill_that_crosses_the_exit_on_the_way_may_be_told_either_way() {
        for (state, reason) in [
            (WorkerState::Killed, Reason::ForcedKill),
            (WorkerState::Stopped, Reason::Signal),
            (WorkerState::Killed, Reason::Signal),
        ] {
            let mut stage = Stage::new(&["a"]);
            let main = stage.starts("a");
            stage.stop_requested("a", 10_000);
            stage.signals(main, Signal::TERM, "a");
            stage.dies(main, BY_TERM);
            stage.signals(main, Signal::KILL, "a");
            stage.exits("a", main, BY_TERM);
            stage.ends("a", outcome(state, BY_TERM, reason));
            stage.assert_clean();
        }
    }

    #[test]
    fn a_status_that_is_not_the_kernels_is_a_lie_in_the_fact_and_in_the_outcome() {
        let mut stage = Stage::new(&["a"]);
        let main = stage.starts("a");
        stage.dies(main, ExitStatus::Exited(1));
        stage.exited_fact("a", ExitStatus::Exited(0));
        stage.assert_found(&[(NAME, "a")]);

        let mut stage = Stage::new(&["a"]);
        let main = stage.starts("a");
        stage.exits("a", main, ExitStatus::Exited(1));
        stage.ends("a", finished());
        stage.assert_found(&[(NAME, "a")]);
    }

    #[test]
    fn a_leader_that_cannot_be_killed_has_no_status_yet() {
        let mut stage = Stage::new(&["a"]);
        let main = stage.starts("a");
        stage.stop_requested("a", 10_000);
        stage.signals(main, Signal::KILL, "a");
        stage.drain_abandoned("a");
        let mut end = outcome(WorkerState::Killed, ExitStatus::Unknown, Reason::ForcedKill);
        end.survivors = alloc::vec![stage.survivor(main)];
        end.output.abandoned = true;
        stage.ends("a", end);
        stage.assert_clean();
    }

    #[test]
    fn a_failed_start_was_never_executed_and_what_was_never_executed_is_a_failed_start() {
        let failed = |reason| outcome(WorkerState::Failed, ExitStatus::Unknown, reason);
        let mut stage = Stage::new(&["a"]);
        stage.spawn_fact("a");
        stage.ends("a", failed(Reason::StartFailed));
        stage.assert_clean();

        let mut stage = Stage::new(&["a"]);
        stage.spawn_fact("a");
        stage.ends("a", failed(Reason::RuntimeError));
        stage.assert_found(&[(NAME, "a")]);

        let mut stage = Stage::new(&["a"]);
        let main = stage.starts("a");
        stage.exits("a", main, ExitStatus::Exited(127));
        stage.ends("a", failed(Reason::StartFailed));
        stage.assert_holds((NAME, "a"));
    }

    #[test]
    fn a_survivor_that_is_dead_is_a_lie_unless_it_died_in_this_very_instant() {
        for (wait_ms, is_lie) in [(0, false), (1, true)] {
            let mut stage = Stage::new(&["a"]);
            let main = stage.starts("a");
            let helper: ProcId = stage.born("a/helper", UnitId(0));
            stage.exits("a", main, ExitStatus::Exited(0));
            let mut end = finished();
            end.survivors = alloc::vec![stage.survivor(helper)];
            stage.dies(helper, ExitStatus::Exited(0));
            stage.wait_ms(wait_ms);
            stage.ends("a", end);
            assert_eq!(stage.found().contains(&(NAME, "a".into())), is_lie);
        }
    }

    #[test]
    fn started_must_tell_the_leaders_own_pid() {
        let mut stage = Stage::new(&["a"]);
        stage.spawn_fact("a");
        stage.born("a/main", UnitId(0));
        stage.started_fact("a", 9_999);
        stage.assert_found(&[(NAME, "a")]);
    }

    #[test]
    fn a_stop_before_any_start_ends_in_stopped_and_in_nothing_else() {
        let mut stage = Stage::new(&["a"]);
        stage.ends_unspawned("a");
        stage.assert_clean();
        let mut stage = Stage::new(&["a"]);
        stage.ends("a", finished());
        stage.assert_found(&[(NAME, "a")]);
    }

    #[test]
    fn a_kill_by_bare_number_is_not_known_to_the_machine_and_may_be_told_as_a_signal() {
        let mut stage = Stage::new(&["a"]);
        let main = stage.starts("a");
        stage.signals_from(main, Signal::KILL, Sender::Host(None));
        stage.exits("a", main, BY_KILL);
        stage.ends("a", outcome(WorkerState::Failed, BY_KILL, Reason::Signal));
        stage.assert_clean();
    }
}
