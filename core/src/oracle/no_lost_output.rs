//! no-lost-output: every byte written is delivered, or its loss declared. Exit is not the end of output: the pipe may hold bytes
//! when the leader is gone, and a descendant may write long after.

use crate::ids::{UnitId, WorkerId};
use crate::journal::SinkCounts;
use crate::oracle::{Audit, Case, OracleName, Scene};
use crate::vocab::{Outcome, Reason};
use alloc::format;
use alloc::string::String;

/// What an incarnation has delivered so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Delivered {
    bytes: u64,
    pub(super) abandoned: bool,
    /// The incarnation that has ended with it.
    ended: Option<u32>,
}

impl Delivered {
    pub(super) fn output(&mut self, len: usize, complete: bool) {
        // A complete line had a newline that the fact leaves out.
        self.bytes += len as u64 + u64::from(complete);
    }

    pub(super) fn ended(&mut self, id: WorkerId, outcome: &Outcome, unit: Option<UnitId>, case: &mut Case<'_>) {
        // A stop before the next start ends an incarnation that was never spawned.
        if self.ended.is_some_and(|last| last < outcome.incarnation) {
            *self = Delivered::default();
        }
        self.ended = Some(outcome.incarnation);
        let claimed = outcome.output.delivered;
        if self.bytes != claimed {
            let told = self.bytes;
            lost(id, case, |worker| {
                format!("the outcome of {worker} claims {claimed} bytes of output, its output facts have {told}")
            });
        }
        if self.abandoned != outcome.output.abandoned {
            let (fact, claim) = if self.abandoned { ("abandoned", "complete") } else { ("not abandoned", "abandoned") };
            lost(id, case, |worker| format!("the drain of {worker} was {fact}, its outcome calls the output {claim}"));
        }
        if let Some(unit) = unit
            && outcome.reason != Reason::StartFailed
        {
            against_truth(id, outcome, unit, case);
        }
    }
}

/// Facts that were told since a journal is kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    told: u64,
}

impl Kept {
    pub(super) fn reset(&mut self) {
        self.told = 0;
    }

    #[inline]
    pub(super) fn fact(&mut self) {
        self.told += 1;
    }
}

impl Audit {
    /// The session is over, and so is its journal: what was told stands there, or is counted as dropped.
    pub fn journal_ended(&mut self, counts: &SinkCounts, scene: &Scene<'_>) {
        let (oracles, _, mut case) = self.split(scene);
        let told = oracles.kept.told;
        let (written, dropped) = (counts.written, counts.dropped_lines + counts.dropped_events);
        if told != written + dropped {
            let message = format!(
                "{told} records were told to the journal, {written} are written and {dropped} counted as dropped: the loss of the rest \
                 is not declared"
            );
            case.report(OracleName::NoLostOutput, "session", message);
        }
    }
}

/// A unit without a leader is a function: the kernel knows nothing of its output.
fn against_truth(id: WorkerId, outcome: &Outcome, unit: UnitId, case: &mut Case<'_>) {
    if case.roster.unit(unit).leader.is_none() {
        return;
    }
    let (written, read) = case.scene.truth.output(unit);
    let delivered = outcome.output.delivered;
    if delivered != read {
        lost(id, case, |worker| format!("{read} bytes of the output of {worker} were read and {delivered} delivered"));
    } else if written != read && !outcome.output.abandoned {
        lost(id, case, |worker| {
            format!("{written} bytes of output were written in {worker} and {read} read, and the loss is not declared")
        });
    }
}

#[cold]
fn lost(id: WorkerId, case: &mut Case<'_>, message: impl FnOnce(&str) -> String) {
    let worker = case.scene.names.worker(id);
    case.report(OracleName::NoLostOutput, worker, message(worker));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::stage::{Stage, finished};
    use crate::vocab::ExitStatus;

    const NAME: OracleName = OracleName::NoLostOutput;

    #[test]
    fn a_journal_that_neither_has_nor_counts_a_record_has_lost_it() {
        for (written, dropped_lines, dropped_events, found) in
            [(2, 0, 0, false), (1, 1, 0, false), (0, 1, 1, false), (1, 0, 0, true), (2, 1, 0, true)]
        {
            let mut stage = Stage::new(&["a"]);
            stage.session_started();
            stage.session_stopped();
            let counts = SinkCounts { written, dropped_lines, dropped_events, ..SinkCounts::default() };
            stage.journal_ended(&counts);
            let expected = [(NAME, "session")];
            stage.assert_found(if found { &expected } else { &[] });
        }
    }

    /// A worker that wrote and was read so much, told these lines, and claims so many bytes delivered.
    fn run(written: u64, read: u64, lines: &[(&str, bool)], claimed: u64, abandoned: bool) -> Stage {
        let mut stage = Stage::new(&["a"]);
        let main = stage.starts("a");
        for (line, complete) in lines {
            stage.outputs("a", line, *complete);
        }
        stage.truth.set_output(UnitId(0), written, read);
        if abandoned {
            stage.exits_abandoned("a", main, ExitStatus::Exited(0));
        } else {
            stage.exits("a", main, ExitStatus::Exited(0));
        }
        let mut outcome = finished();
        outcome.output = crate::vocab::OutputTally { delivered: claimed, abandoned };
        stage.ends("a", outcome);
        stage
    }

    #[test]
    fn what_was_written_read_told_and_claimed_must_agree() {
        let lines = [("ready", true), ("", true), ("no newline", false)];
        run(17, 17, &lines, 17, false).assert_clean();
        run(17, 17, &lines, 16, false).assert_found(&[(NAME, "a")]);
        run(18, 17, &lines, 17, false).assert_found(&[(NAME, "a")]);
        run(18, 18, &lines, 17, false).assert_found(&[(NAME, "a")]);
        run(17, 17, &lines[..2], 17, false).assert_found(&[(NAME, "a")]);
    }

    #[test]
    fn an_abandoned_drain_may_lose_what_was_not_read_and_nothing_else() {
        run(100, 6, &[("ready", true)], 6, true).assert_clean();
        run(100, 10, &[("ready", true)], 6, true).assert_found(&[(NAME, "a")]);
    }

    #[test]
    fn an_abandoned_drain_must_be_told_and_claimed_alike() {
        let mut stage = Stage::new(&["a"]);
        let main = stage.starts("a");
        stage.exits_abandoned("a", main, ExitStatus::Exited(0));
        stage.ends("a", finished());
        stage.assert_found(&[(NAME, "a")]);
    }

    #[test]
    fn a_function_is_held_to_its_facts_alone() {
        let mut stage = Stage::new(&["a"]);
        stage.starts_function("a");
        stage.outputs("a", "tick", true);
        stage.exits_function("a", ExitStatus::Exited(0));
        let mut outcome = finished();
        outcome.output.delivered = 5;
        stage.ends("a", outcome);
        stage.assert_clean();
    }

    #[test]
    fn a_start_that_was_called_off_claims_nothing_of_the_life_before() {
        let mut stage = run(4, 4, &[("abc", true)], 4, false);
        stage.backs_off("a", 100);
        stage.called_off("a");
        stage.assert_clean();
    }
}
