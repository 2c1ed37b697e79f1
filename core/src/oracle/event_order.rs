//! event-order: facts come in the order in which things happen. Spawn, started, ready, exited, terminal; the end of output before
//! the terminal fact; after it nothing but a restart; the session's end last of all.

use crate::oracle::{Case, OracleName};
use crate::proxy::Stage;
use crate::time::Instant;
use crate::vocab::{ExitStatus, Fact, FactRecord, Outcome, Subject};
use alloc::format;

/// How far an incarnation has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
enum Phase {
    /// Nothing was spawned yet.
    #[default]
    Unspawned,
    Spawned,
    Started,
    Ready,
    Exited,
    Ended,
    /// Ended, and to be started again.
    Waiting,
}

impl Phase {
    /// Where a new incarnation may begin.
    fn is_between(self) -> bool {
        matches!(self, Phase::Unspawned | Phase::Ended | Phase::Waiting)
    }

    fn is_up(self) -> bool {
        matches!(self, Phase::Started | Phase::Ready | Phase::Exited)
    }
}

/// The incarnation of a worker that the facts are about.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Line {
    incarnation: u32,
    phase: Phase,
    output_over: bool,
    /// Requests of a proxy that were begun and not told to be over.
    requests: u32,
}

/// Where the history as a whole stands.
#[derive(Debug, Default)]
pub(super) struct EventOrder {
    /// The least number that the next fact may bear, and the least time.
    next: (u64, Instant),
    stopped: bool,
}

impl EventOrder {
    pub(super) fn reset(&mut self) {
        self.next = (0, Instant::ZERO);
        self.stopped = false;
    }

    pub(super) fn session_fact(&mut self, record: &FactRecord, case: &mut Case<'_>) {
        self.in_sequence(record, case);
        self.stopped |= matches!(record.fact, Fact::SessionStopped);
    }

    #[inline]
    pub(super) fn worker_fact(&mut self, line: &mut Line, record: &FactRecord, case: &mut Case<'_>) {
        self.in_sequence(record, case);
        if let Err(why) = line.advance(record) {
            report(record, why, case);
        }
    }

    /// The stream as a whole: numbers grow, time does not run backwards, nothing follows the end.
    #[inline]
    fn in_sequence(&mut self, record: &FactRecord, case: &mut Case<'_>) {
        if record.seq < self.next.0 {
            report(record, "its number does not follow the one before", case);
        }
        if record.at < self.next.1 {
            report(record, "it is dated before the fact before it", case);
        }
        self.next = (record.seq.saturating_add(1), record.at);
        // That the session ends only once is another oracle's promise.
        if self.stopped && !matches!(record.fact, Fact::SessionStopped) {
            report(record, "it comes after the session stopped", case);
        }
    }
}

#[cold]
fn report(record: &FactRecord, why: &str, case: &mut Case<'_>) {
    let who = case.subject(record.subject);
    let message = match record.subject {
        Subject::Session => format!("`{}` of the session is out of order: {why}", record.fact.word()),
        Subject::Worker(_) => {
            format!("`{}` of {who}, incarnation {}, is out of order: {why}", record.fact.word(), record.incarnation)
        }
    };
    case.report(OracleName::EventOrder, who, message);
}

impl Line {
    /// Takes the next fact, or says why it cannot come now.
    #[inline]
    fn advance(&mut self, record: &FactRecord) -> Result<(), &'static str> {
        if record.incarnation != self.incarnation {
            if record.incarnation < self.incarnation {
                return Err("a later incarnation has begun");
            }
            if !self.phase.is_between() {
                return Err("the incarnation before has not ended");
            }
            *self = Line { incarnation: record.incarnation, ..Line::default() };
        }
        match self.phase {
            Phase::Ended => self.after_the_end(&record.fact),
            Phase::Waiting => self.while_waiting(&record.fact),
            Phase::Unspawned | Phase::Spawned | Phase::Started | Phase::Ready | Phase::Exited => self.live(record),
        }
    }

    fn after_the_end(&mut self, fact: &Fact) -> Result<(), &'static str> {
        match fact {
            Fact::Backoff { .. } | Fact::Restarted => {
                self.phase = Phase::Waiting;
                Ok(())
            }
            // That it ends only once is another oracle's promise.
            Fact::Ended(_) => Ok(()),
            Fact::Spawn
            | Fact::Started { .. }
            | Fact::Ready
            | Fact::Unready
            | Fact::StopRequested { .. }
            | Fact::Signalled { .. }
            | Fact::Exited { .. }
            | Fact::OutputClosed
            | Fact::DrainAbandoned
            | Fact::Output { .. }
            | Fact::Request(_)
            | Fact::Action(_)
            | Fact::SessionStopped => Err("it comes after the terminal fact"),
        }
    }

    fn while_waiting(&self, fact: &Fact) -> Result<(), &'static str> {
        match fact {
            Fact::Backoff { .. } | Fact::Restarted | Fact::StopRequested { .. } | Fact::Ended(_) => Ok(()),
            Fact::Spawn
            | Fact::Started { .. }
            | Fact::Ready
            | Fact::Unready
            | Fact::Signalled { .. }
            | Fact::Exited { .. }
            | Fact::OutputClosed
            | Fact::DrainAbandoned
            | Fact::Output { .. }
            | Fact::Request(_)
            | Fact::Action(_)
            | Fact::SessionStopped => Err("it belongs to an incarnation that has ended"),
        }
    }

    fn request(&mut self, stage: Stage) -> Result<(), &'static str> {
        match stage {
            Stage::Started => self.requests += 1,
            Stage::Refused { accepted: false, .. } => {}
            Stage::Finished { .. } | Stage::Refused { accepted: true, .. } | Stage::Cut { .. } => {
                self.requests = self.requests.checked_sub(1).ok_or("no such request was begun")?;
            }
        }
        Ok(())
    }

    fn live(&mut self, record: &FactRecord) -> Result<(), &'static str> {
        match &record.fact {
            Fact::Spawn => self.step(Phase::Unspawned, Phase::Unspawned, Phase::Spawned, "it was spawned already"),
            Fact::Started { .. } => {
                self.step(Phase::Spawned, Phase::Spawned, Phase::Started, "`started` comes once, after `spawn`")
            }
            Fact::Ready => self.step(
                Phase::Started,
                Phase::Started,
                Phase::Ready,
                "`ready` comes once, between `started` and `exited`",
            ),
            Fact::Unready if self.phase != Phase::Ready && self.phase != Phase::Exited => {
                Err("what was not `ready` cannot become `unready`")
            }
            Fact::Unready => Ok(()),
            Fact::Exited { .. } => {
                self.step(Phase::Started, Phase::Ready, Phase::Exited, "`exited` comes once, after `started`")
            }
            Fact::OutputClosed | Fact::DrainAbandoned => {
                if !self.phase.is_up() || self.output_over {
                    return Err("the end of output comes once, after `started`");
                }
                self.output_over = true;
                if self.requests > 0 && record.fact == Fact::OutputClosed {
                    return Err("a request that was begun is neither answered nor cut");
                }
                Ok(())
            }
            Fact::Output { .. } if !self.phase.is_up() => Err("output comes after `started`"),
            Fact::Request(_) if !self.phase.is_up() => Err("requests come after `started`"),
            Fact::Request(_) if self.output_over => Err("the end of its requests was told before"),
            Fact::Output { .. } if self.output_over => Err("the end of its output was told before"),
            Fact::Ended(outcome) => self.end(record, outcome),
            Fact::Backoff { .. } | Fact::Restarted => Err("it comes before the terminal fact"),
            Fact::SessionStopped | Fact::Action(_) => Err("a worker is no session"),
            Fact::Request(exchange) => self.request(exchange.stage),
            Fact::Output { .. } => Ok(()),
            Fact::StopRequested { .. } | Fact::Signalled { .. } => Ok(()),
        }
    }

    fn step(&mut self, first: Phase, last: Phase, to: Phase, otherwise: &'static str) -> Result<(), &'static str> {
        if self.phase < first || self.phase > last {
            return Err(otherwise);
        }
        self.phase = to;
        Ok(())
    }

    /// A fact without a unit was emitted by hand: nobody reads output for it.
    fn end(&mut self, record: &FactRecord, outcome: &Outcome) -> Result<(), &'static str> {
        let (was, output_over) = (self.phase, self.output_over);
        self.phase = Phase::Ended;
        if was.is_up() && !output_over && record.unit.is_some() {
            return Err("neither `output-closed` nor `drain-abandoned` came before it");
        }
        if matches!(was, Phase::Started | Phase::Ready) && outcome.status != ExitStatus::Unknown {
            return Err("it has a status and `exited` never came");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{UnitId, WorkerId};
    use crate::oracle::stage::{Stage, finished};
    use crate::proxy::Stage as Reached;
    use crate::vocab::Stream;
    use alloc::sync::Arc;

    const NAME: OracleName = OracleName::EventOrder;

    fn request(stage: Reached) -> Fact {
        let took = core::time::Duration::ZERO;
        let (method, path) = ("GET".into(), "/".into());
        Fact::Request(Arc::new(crate::proxy::Exchange { number: 1, method, path, stage, took }))
    }

    fn fact(word: &str) -> Fact {
        match word {
            "spawn" => Fact::Spawn,
            "started" => Fact::Started { pid: None },
            "ready" => Fact::Ready,
            "exited" => Fact::Exited { status: ExitStatus::Exited(0) },
            "output" => Fact::Output { stream: Stream::Stdout, line: Arc::from(&b"x"[..]), complete: true },
            "closed" => Fact::OutputClosed,
            "begun" => request(Reached::Started),
            "answered" => request(Reached::Finished { status: 200 }),
            "unreachable" => request(Reached::Refused { status: 502, accepted: true }),
            "refused" => request(Reached::Refused { status: 503, accepted: false }),
            "cut" => request(Reached::Cut { by: crate::proxy::Cutter::Drain }),
            "abandoned" => Fact::DrainAbandoned,
            "backoff" => Fact::Backoff { until: Instant::ZERO },
            "restarted" => Fact::Restarted,
            "end" => Fact::Ended(Arc::new(finished())),
            other => panic!("no fact is called {other}"),
        }
    }

    /// Whether a worker's history in these words, all of incarnation 1, is in order.
    fn is_in_order(words: &str) -> bool {
        let mut stage = Stage::new(&["a"]);
        for word in words.split(' ') {
            stage.raw_fact(Subject::Worker(WorkerId(0)), 1, Some(UnitId(0)), fact(word));
        }
        !stage.found().contains(&(NAME, "a".into()))
    }

    #[test]
    fn a_history_in_order_passes() {
        for words in [
            "spawn started ready output exited output closed end",
            "spawn started closed exited end backoff restarted",
            "spawn started exited abandoned end",
            "spawn started begun answered begun cut refused begun unreachable exited closed end",
            "spawn started begun exited abandoned end",
            "spawn end",
            "end",
        ] {
            assert!(is_in_order(words), "{words}");
        }
    }

    #[test]
    fn each_step_out_of_order_is_found() {
        for words in [
            "started",
            "spawn spawn",
            "spawn ready",
            "spawn exited",
            "spawn output",
            "spawn started ready ready",
            "spawn started exited ready",
            "spawn started exited exited",
            "spawn started closed output",
            "spawn started closed abandoned",
            "spawn started exited end",
            "spawn begun",
            "spawn started begun exited closed end",
            "spawn started answered",
            "spawn started closed refused",
            "spawn started closed end",
            "spawn started exited closed end output",
            "spawn started backoff",
        ] {
            assert!(!is_in_order(words), "{words}");
        }
    }

    #[test]
    fn an_incarnation_begins_when_the_one_before_has_ended() {
        let mut stage = Stage::new(&["a"]);
        stage.whole_life("a");
        stage.restarts("a");
        stage.whole_life("a");
        stage.assert_clean();
        stage.raw_fact(Subject::Worker(WorkerId(0)), 1, None, Fact::Ready);
        stage.assert_found(&[(NAME, "a")]);
    }

    #[test]
    fn nothing_follows_the_end_of_the_session() {
        let mut stage = Stage::new(&["a"]);
        stage.session_stopped();
        stage.assert_clean();
        stage.raw_fact(Subject::Worker(WorkerId(0)), 1, None, Fact::Spawn);
        stage.assert_found(&[(NAME, "a")]);
    }

    #[test]
    fn numbers_grow_and_time_does_not_run_backwards() {
        for (seq, at, wrong) in [(6, 5, false), (6, 4, true), (5, 5, true)] {
            let mut stage = Stage::new(&["a"]);
            stage.record(5, 5, Subject::Session, 0, None, Fact::Started { pid: None });
            stage.record(seq, at, Subject::Worker(WorkerId(0)), 1, None, Fact::Spawn);
            assert_eq!(stage.found().contains(&(NAME, "a".into())), wrong, "seq {seq} at {at}");
        }
    }
}
