//! monotone-stop: a stop is never taken back. Who was asked to end does not become ready any more, is not frozen, and is not asked
//! gently again once it was made to end; a session that was asked to stop does not begin anew. Others act on what is told of a stop.
//!
//! That its deadline never moves back is judged with the deadline, by stop-deadline; that nobody is started, by no-spawn-after-stop.

use crate::ids::WorkerId;
use crate::oracle::{Case, OracleName, slot};
use crate::signal::Signal;
use crate::vocab::{Requester, Target};
use alloc::format;
use alloc::vec::Vec;

/// How far the stop of an incarnation has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Stop {
    #[default]
    Unasked,
    /// It is to end.
    Asked {
        /// Its start was answered only after that: without a probe it is told to be ready, because started is ready.
        started_late: bool,
    },
    /// KILL was sent to all of it.
    Forced,
}

/// How far the stop of each worker has come; empty while nobody is asked.
#[derive(Debug, Default)]
pub(super) struct MonotoneStop {
    session_asked: bool,
    workers: Vec<Stop>,
}

impl MonotoneStop {
    pub(super) fn reset(&mut self) {
        self.session_asked = false;
        self.workers.clear();
    }

    pub(super) fn session_requested(&mut self) {
        self.session_asked = true;
    }

    pub(super) fn session_started(&mut self, case: &mut Case<'_>) {
        if self.session_asked {
            report("session", "the session is told to have started after it was asked to stop", case);
        }
    }

    pub(super) fn worker_requested(&mut self, id: WorkerId) {
        let stop = slot(&mut self.workers, id.index());
        if *stop == Stop::Unasked {
            *stop = Stop::Asked { started_late: false };
        }
    }

    pub(super) fn started(&mut self, id: WorkerId) {
        if let Some(Stop::Asked { started_late }) = self.workers.get_mut(id.index()) {
            *started_late = true;
        }
    }

    pub(super) fn ready(&self, id: WorkerId, case: &mut Case<'_>) {
        let names = case.scene.names;
        let has_probe = names.spec(id).is_some_and(|spec| spec.ready.is_some()) || names.is_group(id);
        match self.stop_of(id) {
            Stop::Unasked => return,
            Stop::Asked { started_late: true } if !has_probe => return,
            Stop::Asked { .. } | Stop::Forced => {}
        }
        let worker = names.worker(id);
        report(worker, &format!("{worker} is told to be ready after it was asked to stop"), case);
    }

    pub(super) fn signalled(
        &mut self,
        id: WorkerId,
        signal: Signal,
        target: Target,
        by: Requester,
        case: &mut Case<'_>,
    ) {
        let stop = self.stop_of(id);
        if stop == Stop::Unasked {
            return;
        }
        let worker = case.scene.names.worker(id);
        if signal == Signal::STOP {
            report(worker, &format!("{worker} is frozen, and was asked to stop"), case);
        }
        // What a user sends is no step of the stop.
        if by == Requester::User && signal != Signal::KILL {
            return;
        }
        if signal == Signal::KILL {
            if target == Target::Scope {
                self.workers[id.index()] = Stop::Forced;
            }
        } else if stop == Stop::Forced {
            report(worker, &format!("{worker} gets {signal}, and KILL was sent to all of it before"), case);
        }
    }

    pub(super) fn ended(&mut self, id: WorkerId) {
        if let Some(stop) = self.workers.get_mut(id.index()) {
            *stop = Stop::Unasked;
        }
    }

    fn stop_of(&self, id: WorkerId) -> Stop {
        self.workers.get(id.index()).copied().unwrap_or_default()
    }
}

#[cold]
fn report(subject: &str, message: &str, case: &mut Case<'_>) {
    case.report(OracleName::MonotoneStop, subject, message.into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::stage::{Stage, group, plan, stopped, worker};
    use crate::vocab::{ExitStatus, Probe, ReadyPolicy, Strategy, WorkerSpec};
    use alloc::sync::Arc;

    const NAME: OracleName = OracleName::MonotoneStop;

    #[test]
    fn what_is_to_end_does_not_become_ready() {
        let probed = || WorkerSpec { ready: Some(Arc::new(ReadyPolicy::new(Probe::Notify))), ..worker("a") };
        // the worker, whether it is asked before it has started, whether it may be told to be ready
        let rows = [
            (worker("a"), false, false),
            (worker("a"), true, true),
            (probed(), false, false),
            (probed(), true, false),
            (group("a", Strategy::OneForOne, &[]), false, false),
        ];
        for (spec, asked_at_once, may_be_ready) in rows {
            let what = format!("{spec:?}, asked at once: {asked_at_once}");
            let mut stage = Stage::of_plan(plan([spec]));
            if asked_at_once {
                stage.spawn_fact("a");
                stage.stop_requested("a", 1_000);
                stage.told_started("a");
            } else {
                stage.starts_function("a");
                stage.stop_requested("a", 1_000);
            }
            stage.assert_clean();
            stage.ready("a");
            assert_eq!(stage.found().is_empty(), may_be_ready, "{what}");
        }
    }

    #[test]
    fn the_next_incarnation_may_become_ready() {
        let mut stage = Stage::new(&["a"]);
        let main = stage.starts("a");
        stage.stop_requested_by("a", Requester::User, 1_000);
        stage.signals(main, Signal::TERM, "a");
        stage.exits("a", main, ExitStatus::Signalled { signal: Signal::TERM, core: false });
        stage.ends("a", stopped());
        stage.restarts("a");
        stage.starts("a");
        stage.ready("a");
        stage.assert_clean();
    }

    #[test]
    fn force_is_not_followed_by_a_gentle_word() {
        for (signals, is_right) in [
            (&[Signal::TERM, Signal::TERM, Signal::KILL, Signal::KILL][..], true),
            (&[Signal::TERM, Signal::CONT, Signal::KILL], true),
            (&[Signal::TERM, Signal::KILL, Signal::TERM], false),
            (&[Signal::TERM, Signal::STOP], false),
        ] {
            let mut stage = Stage::new(&["a"]);
            let main = stage.starts("a");
            stage.stop_requested("a", 1_000);
            for signal in signals {
                stage.signals(main, *signal, "a");
            }
            assert_eq!(stage.found().is_empty(), is_right, "{signals:?}");
        }
    }

    #[test]
    fn a_session_that_is_asked_to_stop_does_not_begin_anew() {
        let mut stage = Stage::new(&[]);
        stage.session_started();
        stage.session_stop_requested(1_000);
        stage.assert_clean();
        stage.session_started();
        stage.assert_found(&[(NAME, "session")]);
    }
}
