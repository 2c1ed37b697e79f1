//! The decision table: how an incarnation ended, from the kernel's word and from what was asked (LIFECYCLE, section 2).

use crate::signal::Signal;
use crate::vocab::{ExitStatus, Reason, WorkerState};

/// What is known when an incarnation is over.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Ending {
    /// The kernel's word; `None` where the leader's end was never seen.
    pub(crate) status: Option<ExitStatus>,
    /// Whether that is an exit with a code that counts as success.
    pub(crate) is_success: bool,
    /// Whether our KILL was sent before the leader's end was delivered.
    pub(crate) killed_leader: bool,
    /// Whether KILL was sent anywhere in the scope.
    pub(crate) killed_any: bool,
    /// Whether it was stopped because it did not become ready in time.
    pub(crate) started_too_slowly: bool,
    /// Whether a stop was asked for before the leader's end was delivered.
    pub(crate) stop_requested: bool,
    /// The signals that we sent, as bits.
    pub(crate) sent: u64,
}

pub(crate) const fn bit(signal: Signal) -> u64 {
    1 << (signal.number() - 1)
}

impl Ending {
    pub(crate) fn reason(&self) -> Reason {
        match self.status {
            Some(ExitStatus::Exited(_) | ExitStatus::Signalled { .. }) | None if self.started_too_slowly => {
                Reason::StartFailed
            }
            // A process that our KILL reached alive cannot exit: it had ended before.
            Some(ExitStatus::Exited(_)) => Reason::Natural,
            Some(ExitStatus::Signalled { signal: Signal::KILL, .. }) if self.killed_leader => Reason::ForcedKill,
            Some(ExitStatus::Signalled { .. }) => Reason::Signal,
            None if self.killed_leader => Reason::ForcedKill,
            Some(ExitStatus::Unknown) | None => Reason::RuntimeError,
        }
    }

    /// The first that fits.
    pub(crate) fn state(&self) -> WorkerState {
        if matches!(self.reason(), Reason::RuntimeError | Reason::StartFailed) {
            return WorkerState::Failed;
        }
        if self.killed_any {
            return WorkerState::Killed;
        }
        match self.status {
            Some(ExitStatus::Exited(_)) if self.stop_requested => WorkerState::Stopped,
            Some(ExitStatus::Signalled { signal, .. }) if self.stop_requested && self.sent & bit(signal) != 0 => {
                WorkerState::Stopped
            }
            Some(ExitStatus::Exited(_)) if self.is_success => WorkerState::Finished,
            Some(ExitStatus::Exited(_) | ExitStatus::Signalled { .. } | ExitStatus::Unknown) | None => {
                WorkerState::Failed
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_from_the_top() {
        let exited = |n| Some(ExitStatus::Exited(n));
        let by = |signal| Some(ExitStatus::Signalled { signal, core: false });
        let rows = [
            // status, killed leader, killed any, stop requested, sent → reason, state
            (exited(0), false, false, false, 0, Reason::Natural, WorkerState::Finished),
            (exited(42), false, false, false, 0, Reason::Natural, WorkerState::Failed),
            (exited(42), false, false, true, bit(Signal::TERM), Reason::Natural, WorkerState::Stopped),
            (by(Signal::TERM), false, false, true, bit(Signal::TERM), Reason::Signal, WorkerState::Stopped),
            (by(Signal::SEGV), false, false, true, bit(Signal::TERM), Reason::Signal, WorkerState::Failed),
            (by(Signal::KILL), false, false, false, 0, Reason::Signal, WorkerState::Failed),
            (by(Signal::KILL), true, true, true, bit(Signal::KILL), Reason::ForcedKill, WorkerState::Killed),
            (exited(0), true, true, true, bit(Signal::KILL), Reason::Natural, WorkerState::Killed),
            (None, true, true, true, bit(Signal::KILL), Reason::ForcedKill, WorkerState::Killed),
            (exited(0), false, true, false, bit(Signal::KILL), Reason::Natural, WorkerState::Killed),
            (Some(ExitStatus::Unknown), false, false, true, 0, Reason::RuntimeError, WorkerState::Failed),
        ];
        for (status, killed_leader, killed_any, stop_requested, sent, reason, state) in rows {
            let is_success = status == exited(0);
            let ending = Ending {
                status,
                is_success,
                killed_leader,
                killed_any,
                started_too_slowly: false,
                stop_requested,
                sent,
            };
            assert_eq!((ending.reason(), ending.state()), (reason, state), "{ending:?}");
            let late = Ending { started_too_slowly: true, ..ending };
            assert_eq!(late.state(), WorkerState::Failed, "{late:?}");
        }
    }
}
