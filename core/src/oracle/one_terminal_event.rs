//! one-terminal-event: every spawned incarnation ends exactly once, and so does the session. Waiters resolve on it and restarts
//! are decided by it, so a second one restarts twice and a missing one waits for ever.

use crate::ids::WorkerId;
use crate::oracle::{Book, Case, OracleName};
use crate::vocab::{FactRecord, Outcome};
use alloc::format;

/// The last incarnation of a worker that was spawned, and the last that ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lives {
    spawned: Option<u32>,
    ended: Option<u32>,
}

impl Lives {
    /// The incarnation that owes its terminal fact.
    fn open(self) -> Option<u32> {
        self.spawned.filter(|&s| self.ended.is_none_or(|e| e < s))
    }
}

/// How many workers owe a terminal fact, and what the session owes.
#[derive(Debug, Default)]
pub(super) struct OneTerminalEvent {
    open: usize,
    session: Session,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Session {
    #[default]
    Unseen,
    Started,
    Stopped,
}

impl OneTerminalEvent {
    pub(super) fn reset(&mut self) {
        self.open = 0;
        self.session = Session::Unseen;
    }

    pub(super) fn session_started(&mut self) {
        self.session = Session::Started;
    }

    pub(super) fn session_stopped(&mut self, books: &[Book], case: &mut Case<'_>) {
        if self.session == Session::Stopped {
            case.report(OracleName::OneTerminalEvent, "session", "the session told its end a second time".into());
        }
        self.session = Session::Stopped;
        self.missing("when the session stopped", books, case);
    }

    pub(super) fn end(&mut self, books: &[Book], case: &mut Case<'_>) {
        self.missing("at the end of the run", books, case);
        if self.session == Session::Started {
            case.report(
                OracleName::OneTerminalEvent,
                "session",
                "the run is over and the session never stopped".into(),
            );
        }
    }

    pub(super) fn spawned(&mut self, id: WorkerId, lives: &mut Lives, incarnation: u32, case: &mut Case<'_>) {
        match lives.open() {
            Some(open) if open == incarnation => return, // The order of facts is another oracle's.
            Some(open) => {
                let worker = case.scene.names.worker(id);
                let message =
                    format!("incarnation {incarnation} of {worker} is spawned before incarnation {open} has ended");
                case.report(OracleName::OneTerminalEvent, worker, message);
            }
            None => self.open += 1,
        }
        lives.spawned = Some(incarnation);
    }

    pub(super) fn ended(
        &mut self,
        id: WorkerId,
        lives: &mut Lives,
        record: &FactRecord,
        outcome: &Outcome,
        case: &mut Case<'_>,
    ) {
        let incarnation = record.incarnation;
        if outcome.incarnation != incarnation {
            let worker = case.scene.names.worker(id);
            let message =
                format!("incarnation {incarnation} of {worker} ended with the outcome of {}", outcome.incarnation);
            case.report(OracleName::OneTerminalEvent, worker, message);
        }
        if lives.ended.is_some_and(|e| e >= incarnation) {
            let worker = case.scene.names.worker(id);
            let message = format!("incarnation {incarnation} of {worker} ended again, now as {}", outcome.state.word());
            return case.report(OracleName::OneTerminalEvent, worker, message);
        }
        // A stop in Pending or Backoff ends an incarnation that was never spawned.
        let was_open = lives.open().is_some();
        lives.ended = Some(incarnation);
        if was_open && lives.open().is_none() {
            self.open -= 1;
        }
    }

    fn missing(&self, when: &str, books: &[Book], case: &mut Case<'_>) {
        if self.open == 0 {
            return;
        }
        for (n, book) in books.iter().enumerate() {
            if let Some(open) = book.lives.open() {
                let worker = case.scene.names.worker(WorkerId(n as u32));
                let message = format!("incarnation {open} of {worker} had no terminal fact {when}");
                case.report(OracleName::OneTerminalEvent, worker, message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::EndReason;
    use crate::oracle::stage::{Stage, finished};
    use crate::vocab::ExitStatus;

    const NAME: OracleName = OracleName::OneTerminalEvent;

    #[test]
    fn one_terminal_fact_an_incarnation_is_right_and_two_are_wrong() {
        let mut stage = Stage::new(&["a"]);
        stage.whole_life("a");
        stage.restarts("a");
        stage.whole_life("a");
        stage.assert_clean();
        stage.ends("a", finished());
        stage.assert_holds((NAME, "a"));
    }

    #[test]
    fn an_incarnation_without_an_end_is_missed_when_the_session_stops_or_the_run_ends() {
        for at_session in [true, false] {
            let mut stage = Stage::new(&["a", "b"]);
            stage.whole_life("a");
            let main = stage.starts("b");
            stage.exits("b", main, ExitStatus::Exited(0));
            if at_session {
                stage.session_stopped()
            } else {
                stage.end(EndReason::RootReturned)
            }
            stage.assert_holds((NAME, "b"));
            assert!(!stage.found().contains(&(NAME, "a".into())));
        }
    }

    #[test]
    fn a_spawn_before_the_last_incarnation_ended_is_an_end_that_never_came() {
        let mut stage = Stage::new(&["a"]);
        stage.starts("a");
        stage.restarts("a");
        stage.starts("a");
        stage.assert_holds((NAME, "a"));
    }

    #[test]
    fn a_session_stops_exactly_once() {
        let mut stage = Stage::new(&[]);
        stage.session_started();
        stage.session_stopped();
        stage.assert_clean();
        stage.session_stopped();
        stage.assert_found(&[(NAME, "session")]);
        stage.rewind();
        stage.session_started();
        stage.end(EndReason::RootReturned);
        stage.assert_found(&[(NAME, "session")]);
    }

    #[test]
    fn a_stop_before_the_first_start_ends_what_was_never_spawned() {
        let mut stage = Stage::new(&["a"]);
        stage.ends_unspawned("a");
        stage.session_stopped();
        stage.end(EndReason::SessionStopped);
        stage.assert_clean();
    }
}
