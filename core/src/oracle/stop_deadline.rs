//! stop-deadline: a stop is over at the deadline that was told with its request, also when somebody cannot be killed. Nothing
//! extends a deadline; a later request may only bring it forward.

use crate::ids::WorkerId;
use crate::oracle::{Book, Case, EndReason, OracleName};
use crate::time::Instant;
use crate::vocab::Subject;
use alloc::format;

/// The deadline that a worker or the session was given, while its stop lasts.
pub(super) type Given = Option<Instant>;

/// How many workers were given a deadline, and what the session was given.
#[derive(Debug, Default)]
pub(super) struct StopDeadline {
    open: usize,
    session: Given,
}

impl StopDeadline {
    pub(super) fn reset(&mut self) {
        self.open = 0;
        self.session = None;
    }

    pub(super) fn worker_requested(&mut self, id: WorkerId, given: &mut Given, deadline: Instant, case: &mut Case<'_>) {
        self.open += usize::from(given.is_none());
        request(given, deadline, Subject::Worker(id), case);
    }

    pub(super) fn session_requested(&mut self, deadline: Instant, case: &mut Case<'_>) {
        request(&mut self.session, deadline, Subject::Session, case);
    }

    pub(super) fn worker_ended(&mut self, id: WorkerId, given: &mut Given, at: Instant, case: &mut Case<'_>) {
        if let Some(deadline) = given.take() {
            self.open -= 1;
            judge(deadline, at, Subject::Worker(id), case);
        }
    }

    pub(super) fn session_stopped(&mut self, at: Instant, case: &mut Case<'_>) {
        if let Some(deadline) = self.session.take() {
            judge(deadline, at, Subject::Session, case);
        }
    }

    pub(super) fn end(&self, reason: EndReason, books: &[Book], case: &mut Case<'_>) {
        if let Some(deadline) = self.session {
            never_came(deadline, reason, Subject::Session, case);
        }
        if self.open == 0 {
            return;
        }
        for (n, book) in books.iter().enumerate() {
            if let Some(deadline) = book.given {
                never_came(deadline, reason, Subject::Worker(WorkerId(n as u32)), case);
            }
        }
    }
}

/// The earliest of all deadlines given counts.
fn request(given: &mut Given, deadline: Instant, who: Subject, case: &mut Case<'_>) {
    if let Some(before) = *given
        && deadline > before
    {
        let who = case.subject(who);
        let message = format!("a later stop request moved the deadline of {who} back, from {before} to {deadline}");
        case.report(OracleName::StopDeadline, who, message);
    }
    *given = Some(given.map_or(deadline, |before| before.min(deadline)));
}

fn judge(deadline: Instant, at: Instant, who: Subject, case: &mut Case<'_>) {
    if at > deadline.after(case.lag_max) {
        let who = case.subject(who);
        let message = format!("{who} ended at {at}, after the deadline of its stop at {deadline}");
        case.report(OracleName::StopDeadline, who, message);
    }
}

/// A run that was cut off before the deadline owes nothing yet; in every other, what has not come will never come.
fn never_came(deadline: Instant, reason: EndReason, who: Subject, case: &mut Case<'_>) {
    let is_owed = match reason {
        EndReason::Cut => case.scene.now > deadline.after(case.lag_max),
        EndReason::SessionStopped | EndReason::RootReturned | EndReason::Stuck => deadline != Instant::NEVER,
    };
    if is_owed {
        let who = case.subject(who);
        let message = format!("the stop of {who} was to be over at {deadline} and never ended");
        case.report(OracleName::StopDeadline, who, message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::stage::{Stage, stopped};
    use crate::signal::Signal;
    use crate::time::Duration;
    use crate::vocab::ExitStatus;

    const NAME: OracleName = OracleName::StopDeadline;

    /// A worker stopped at 0 with a deadline of 1 s that ends `ends_ms` later.
    fn stop_that_takes(ends_ms: u64, lag: Duration) -> Stage {
        let mut stage = Stage::new(&["a"]);
        stage.audit.set_lag_max(lag);
        let main = stage.starts("a");
        stage.stop_requested("a", 1_000);
        stage.signals(main, Signal::TERM, "a");
        stage.wait_ms(ends_ms);
        stage.exits("a", main, ExitStatus::Signalled { signal: Signal::TERM, core: false });
        stage.ends("a", stopped());
        stage
    }

    #[test]
    fn an_end_at_the_deadline_is_in_time_and_one_after_it_is_not() {
        stop_that_takes(1_000, Duration::ZERO).assert_clean();
        stop_that_takes(1_001, Duration::ZERO).assert_found(&[(NAME, "a")]);
        stop_that_takes(1_001, Duration::from_millis(1)).assert_clean();
    }

    #[test]
    fn a_second_request_may_bring_the_deadline_forward_but_not_move_it_back() {
        let mut stage = Stage::new(&["a"]);
        stage.session_stop_requested(1_000);
        stage.session_stop_requested(400);
        stage.assert_clean();
        stage.session_stop_requested(500);
        stage.assert_found(&[(NAME, "session")]);
    }

    #[test]
    fn the_session_too_must_stop_at_its_earliest_deadline() {
        for (at_ms, late) in [(400, false), (401, true)] {
            let mut stage = Stage::new(&[]);
            stage.session_started();
            stage.session_stop_requested(1_000);
            stage.session_stop_requested(400);
            stage.wait_ms(at_ms);
            stage.session_stopped();
            assert_eq!(stage.found().contains(&(NAME, "session".into())), late);
        }
    }

    #[test]
    fn an_end_that_never_comes_is_late_when_nothing_can_come_any_more_or_the_deadline_is_past() {
        for (reason, wait_ms, late) in
            [(EndReason::Stuck, 0, true), (EndReason::Cut, 999, false), (EndReason::Cut, 1_001, true)]
        {
            let mut stage = Stage::new(&["a"]);
            stage.starts("a");
            stage.stop_requested("a", 1_000);
            stage.wait_ms(wait_ms);
            stage.end(reason);
            assert_eq!(stage.found().contains(&(NAME, "a".into())), late, "{reason:?} after {wait_ms} ms");
        }
    }
}
