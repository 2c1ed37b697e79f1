//! all-waits-resolve: when nothing can happen any more, nobody waits. Every operation that a machine has opened was answered or
//! withdrawn, and no task is parked on an operation, a channel or a result that never comes.
//!
//! That started workers have ended is judged by one-terminal-event; that no task lives on when it is over, by quiescent-end. What
//! is left for this one: waits that nobody gave up, and runs that come to rest although nobody has said that they are over. Where
//! machines are still open then, the verdict `stuck` names the chain of them: a server that hangs waits as it was told to.

use crate::oracle::{Case, EndReason, EndState, OracleName};
use alloc::format;

/// Remembers whether the session told its end: tasks that are left are another oracle's then.
#[derive(Debug, Default)]
pub(super) struct AllWaitsResolve {
    session_stopped: bool,
}

impl AllWaitsResolve {
    pub(super) fn reset(&mut self) {
        self.session_stopped = false;
    }

    pub(super) fn session_stopped(&mut self) {
        self.session_stopped = true;
    }

    pub(super) fn end(&mut self, end: &EndState<'_>, case: &mut Case<'_>) {
        match end.reason {
            EndReason::SessionStopped | EndReason::RootReturned => {
                for machine in end.unanswered {
                    let message =
                        format!("{machine} has waited for an answer that never came, and has not withdrawn it");
                    case.report(OracleName::AllWaitsResolve, machine, message);
                }
            }
            EndReason::Stuck if end.machines_open.is_empty() && !self.session_stopped => {
                for waiter in end.waiters {
                    let name = waiter.who.strip_prefix("task `").and_then(|who| who.strip_suffix('`'));
                    let message = format!("{waiter}, and nothing can ever happen again");
                    case.report(OracleName::AllWaitsResolve, name.unwrap_or(&waiter.who), message);
                }
            }
            // Cut off in the middle, it owes nothing yet.
            EndReason::Stuck | EndReason::Cut => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Waiter;
    use crate::oracle::stage::Stage;

    const NAME: OracleName = OracleName::AllWaitsResolve;

    fn end<'a>(
        reason: EndReason,
        machines_open: &'a [&'a str],
        unanswered: &'a [&'a str],
        waiters: &'a [Waiter],
    ) -> EndState<'a> {
        EndState { tasks: &[], timers: 0, machines_open, waiters, unanswered, reason }
    }

    #[test]
    fn an_operation_that_is_left_open_is_missed_when_it_is_over() {
        for (reason, is_found) in [
            (EndReason::SessionStopped, true),
            (EndReason::RootReturned, true),
            (EndReason::Stuck, false),
            (EndReason::Cut, false),
        ] {
            let mut stage = Stage::new(&[]);
            stage.end_with(&end(reason, &[], &["runner"], &[]));
            assert_eq!(stage.found() == [(NAME, "runner".into())], is_found, "{reason:?}");
        }
    }

    #[test]
    fn a_task_that_waits_for_what_never_comes_is_named_where_nobody_else_is() {
        let waiters = [Waiter { who: "task `reader`".into(), waits_for: "a message".into() }];
        for (reason, machines, stopped, is_found) in [
            (EndReason::Stuck, &[][..], false, true),
            (EndReason::Stuck, &["session"], false, false),
            (EndReason::Stuck, &[], true, false),
            (EndReason::Cut, &[], false, false),
        ] {
            let mut stage = Stage::new(&[]);
            if stopped {
                stage.session_stopped();
            }
            stage.end_with(&end(reason, machines, &[], &waiters));
            let found = stage.found().contains(&(NAME, "reader".into()));
            assert_eq!(found, is_found, "{reason:?}, {machines:?}, stopped: {stopped}");
        }
    }
}
