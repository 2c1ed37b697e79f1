//! What must hold of every history of a session and its workers, whatever the world does and when. Each law is checked as facts come.

use shakedown_core::ids::WorkerId;
use shakedown_core::solo::Asked;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{Fact, Subject};
use std::collections::BTreeMap;

/// What the facts so far oblige to.
#[derive(Clone, Debug, Default)]
pub struct Laws {
    workers: BTreeMap<WorkerId, Life>,
    session_over: bool,
    session_asked: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Life {
    spawned: u32,
    ended: Option<u32>,
    deadline: Option<Instant>,
    is_ready: bool,
}

impl Laws {
    /// Takes note of what was asked and told in a turn.
    ///
    /// # Errors
    /// The law that is broken.
    pub fn note(&mut self, now: Instant, asked: &Asked) -> Result<(), String> {
        match asked {
            Asked::Unexpected { who, what } => Err(format!("machine {} had no answer: {what}", who.0)),
            Asked::Fact { subject: Subject::Session, fact, .. } => self.of_session(fact),
            Asked::Fact { subject: Subject::Worker(id), incarnation, fact } => {
                if self.session_over {
                    return Err(format!("{} of worker {} after the session stopped", fact.word(), id.0));
                }
                let asked = self.session_asked;
                let held = self.workers.entry(*id).or_default().note(now, *incarnation, fact, asked);
                held.map_err(|broken| format!("worker {}: {broken}", id.0))
            }
            Asked::Start { .. } | Asked::Submit { .. } | Asked::Run { .. } | Asked::Cancel { .. } => Ok(()),
            Asked::Withdraw { .. } | Asked::Told { .. } => Ok(()),
        }
    }

    fn of_session(&mut self, fact: &Fact) -> Result<(), String> {
        match fact {
            Fact::SessionStopped if self.session_over => Err("the session stopped twice".into()),
            Fact::SessionStopped => {
                self.session_over = true;
                let open = self.workers.iter().find(|(_, life)| life.is_open());
                open.map_or(Ok(()), |(id, _)| Err(format!("the session stopped before worker {}", id.0)))
            }
            Fact::StopRequested { .. } => {
                self.session_asked = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether each incarnation that was spawned has had its terminal fact.
    pub fn all_ended(&self) -> bool {
        self.workers.values().all(|life| !life.is_open())
    }
}

impl Life {
    fn is_open(&self) -> bool {
        self.spawned > 0 && self.ended.is_none_or(|ended| ended < self.spawned)
    }

    fn note(&mut self, now: Instant, incarnation: u32, fact: &Fact, session_asked: bool) -> Result<(), String> {
        match fact {
            Fact::Spawn if session_asked => Err("a spawn after the session was asked to stop".into()),
            Fact::Spawn if self.is_open() => Err("a spawn before the end of the incarnation before".into()),
            Fact::Spawn if incarnation <= self.spawned => Err("incarnations do not grow".into()),
            Fact::Spawn => {
                (self.spawned, self.deadline, self.is_ready) = (incarnation, None, false);
                Ok(())
            }
            Fact::Ready if self.is_ready => Err("ready twice".into()),
            Fact::Ready if !self.is_open() => Err("ready while nothing runs".into()),
            Fact::Ready => {
                self.is_ready = true;
                Ok(())
            }
            Fact::StopRequested { deadline, .. } => {
                let grows = self.deadline.is_some_and(|before| *deadline > before);
                self.deadline = Some(*deadline);
                if grows { Err("its deadline grew".into()) } else { Ok(()) }
            }
            Fact::Ended(outcome) => {
                if self.ended.is_some_and(|ended| ended >= outcome.incarnation && outcome.incarnation > 0) {
                    return Err(format!("incarnation {} ended twice", outcome.incarnation));
                }
                let late = self.deadline.take().is_some_and(|deadline| now > deadline);
                self.ended = Some(outcome.incarnation);
                if late { Err(format!("it ended at {}, later than promised", now.as_nanos())) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }
}
