//! A failing run as data: who took part, and what each of them did, with its state before and after. Every picture of a failure (a page,
//! a trace viewer's file, a diagram) is drawn from it, also long after the run and on another machine.

use super::family::parent_of;
use super::timeline::{Story, failure_word, of_action, of_request};
use serde::{Deserialize, Serialize};
use shakedown_core::oracle::Names;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{Fact, FactRecord, ProcessEvent, ProcessWhat, Stream, Subject, Target};
use shakedown_sim::Moment;

/// A run.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RunRecord {
    /// Who took part, parents before their children.
    pub lanes: Vec<Lane>,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// Lines of output that the last event stands for.
    #[serde(skip)]
    more: u64,
}

/// One who took part.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lane {
    /// `session`, a worker, or a process `worker/name`.
    pub name: String,
    /// Which of these.
    pub kind: LaneKind,
    /// The lane of whoever started it, by the plan and its scripts; `None` for the first.
    pub parent: Option<usize>,
}

/// What takes part in a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LaneKind {
    /// The session.
    Session,
    /// A worker, or a supervisor.
    Worker,
    /// A process.
    Process,
}

/// Something that happened to one of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// Virtual time, in nanoseconds.
    pub at_ns: u64,
    /// The index of its lane.
    pub lane: usize,
    /// What kind of thing.
    pub kind: EventKind,
    /// In a few words.
    pub text: String,
    /// For a signal: the lane that sent it, where that is known.
    pub from: Option<usize>,
    /// The lane's state until then; empty before its first event.
    pub before: String,
    /// The lane's state from then on.
    pub after: String,
    /// The surprises of the smallest run that came to pass here, counted from 1.
    pub surprises: Vec<u32>,
}

/// What kinds of things happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// A start, asked for or done.
    Start,
    /// Readiness, gained or lost.
    Ready,
    /// Its end was asked for.
    Stop,
    /// A signal was sent to it.
    Signal,
    /// It acted on a signal.
    Delivered,
    /// It handles a signal from now on.
    Handler,
    /// A line of output.
    Output,
    /// It ended.
    End,
    /// It will be started again.
    Backoff,
    /// The broken promise.
    Failure,
}

impl EventKind {
    /// As JSON and pages call it.
    pub const fn word(self) -> &'static str {
        match self {
            EventKind::Start => "start",
            EventKind::Ready => "ready",
            EventKind::Stop => "stop",
            EventKind::Signal => "signal",
            EventKind::Delivered => "delivered",
            EventKind::Handler => "handler",
            EventKind::Output => "output",
            EventKind::End => "end",
            EventKind::Backoff => "backoff",
            EventKind::Failure => "failure",
        }
    }
}

impl RunRecord {
    /// What this story tells. What came later than its failure is left out.
    pub fn of(story: &Story<'_>) -> RunRecord {
        let mut record = RunRecord::default();
        let until = story.failure.map_or(Instant::NEVER, |(_, _, at)| at);
        for moment in story.moments {
            match moment {
                Moment::Fact(fact) if fact.at <= until => record.fact(fact, story.names),
                Moment::Process(event) if event.at <= until => record.process(event, story.names),
                Moment::Fact(_) | Moment::Process(_) => {}
            }
        }
        if let Some((oracle, subject, at)) = story.failure {
            let lane = record.lane(subject, story.names);
            record.push(at, lane, EventKind::Failure, failure_word(oracle).into(), None);
        }
        record.in_order()
    }

    /// Marks the surprise `n` at the first event of its moment or later.
    pub fn mark(&mut self, n: u32, at: Instant) {
        if let Some(event) = self.events.iter_mut().find(|event| event.at_ns >= at.as_nanos()) {
            event.surprises.push(n);
        }
    }

    /// When it began and ended, in nanoseconds.
    pub fn span_ns(&self) -> (u64, u64) {
        let ends = |event: Option<&Event>| event.map_or(0, |event| event.at_ns);
        (ends(self.events.first()), ends(self.events.last()))
    }

    fn fact(&mut self, record: &FactRecord, names: &dyn Names) {
        let name = match record.subject {
            Subject::Session => "session",
            Subject::Worker(id) => names.worker(id),
        };
        let lane = self.lane(name, names);
        let (kind, text) = words(&record.fact, record.subject);
        let from = self.lanes[lane].parent.filter(|_| matches!(record.fact, Fact::Signalled { .. }));
        let after = state_after(&record.fact, record.subject);
        let before = self.state(lane);
        self.push(record.at, lane, kind, text, from);
        if let Some(event) = self.events.last_mut() {
            event.after = after.map_or(before, str::to_owned);
        }
    }

    fn process(&mut self, event: &ProcessEvent, names: &dyn Names) {
        let lane = self.lane(&event.name, names);
        let before = self.state(lane);
        let (kind, text, after) = match event.what {
            ProcessWhat::Started => (EventKind::Start, format!("started, pid {}", event.pid), "running".to_owned()),
            ProcessWhat::Installed(signal) => {
                let known = if before.contains("handles") {
                    format!("{before}, {signal}")
                } else {
                    format!("{before}, handles {signal}")
                };
                (EventKind::Handler, format!("handles {signal}"), known)
            }
            ProcessWhat::Signalled(signal) => (EventKind::Delivered, format!("got {signal}"), before),
            ProcessWhat::Exited(status) => (EventKind::End, status.to_string(), format!("ended: {status}")),
        };
        let from = match event.what {
            ProcessWhat::Signalled(signal) => self.sender(lane, &signal.to_string()),
            ProcessWhat::Started | ProcessWhat::Installed(_) | ProcessWhat::Exited(_) => None,
        };
        self.push(event.at, lane, kind, text, from);
        if let Some(event) = self.events.last_mut() {
            event.after = after;
        }
    }

    /// The worker above this process whose signal it acts on.
    fn sender(&self, process: usize, signal: &str) -> Option<usize> {
        let worker = self.lanes[process].name.split('/').next()?;
        let lane = self.lanes.iter().position(|lane| lane.name == worker)?;
        let sent =
            |event: &Event| event.lane == lane && event.kind == EventKind::Signal && event.text.starts_with(signal);
        self.events.iter().any(sent).then_some(lane)
    }

    fn state(&self, lane: usize) -> String {
        self.events.iter().rev().find(|event| event.lane == lane).map_or(String::new(), |event| event.after.clone())
    }

    /// Of lines of output in a row the first ones are kept; the last of those counts the others.
    fn push(&mut self, at: Instant, lane: usize, kind: EventKind, text: String, from: Option<usize>) {
        let in_a_row =
            self.events.iter().rev().take(LINES_MAX).take_while(|e| e.lane == lane && e.kind == kind).count();
        if kind == EventKind::Output && in_a_row == LINES_MAX {
            self.more += 1;
            if let Some(last) = self.events.last_mut() {
                last.text = format!("… {} lines more", self.more);
            }
            return;
        }
        self.more = 1;
        let before = self.state(lane);
        let at_ns = at.as_nanos();
        let event = Event { at_ns, lane, kind, text, from, after: before.clone(), before, surprises: Vec::new() };
        self.events.push(event);
    }

    /// The lane of this name, which is made with those of its parents if it is not there.
    fn lane(&mut self, name: &str, names: &dyn Names) -> usize {
        if let Some(known) = self.lanes.iter().position(|lane| lane.name == name) {
            return known;
        }
        let kind = match name {
            "session" => LaneKind::Session,
            name if name.contains('/') => LaneKind::Process,
            _ => LaneKind::Worker,
        };
        let parent = parent_of(name, names).map(|parent| self.lane(&parent, names));
        self.lanes.push(Lane { name: name.into(), kind, parent });
        self.lanes.len() - 1
    }

    /// Lanes as a tree is read: each right behind its parent and its elder siblings' families.
    fn in_order(self) -> RunRecord {
        let mut order = Vec::new();
        fn visit(lanes: &[Lane], parent: Option<usize>, order: &mut Vec<usize>) {
            for at in (0..lanes.len()).filter(|at| lanes[*at].parent == parent) {
                order.push(at);
                visit(lanes, Some(at), order);
            }
        }
        visit(&self.lanes, None, &mut order);
        let place = |old: usize| order.iter().position(|at| *at == old).unwrap_or(old);
        let lane = |at: &usize| Lane { parent: self.lanes[*at].parent.map(place), ..self.lanes[*at].clone() };
        let lanes = order.iter().map(lane).collect();
        let event = |event: Event| Event { lane: place(event.lane), from: event.from.map(place), ..event };
        RunRecord { lanes, events: self.events.iter().cloned().map(event).collect(), more: 0 }
    }
}

/// Of lines of output in a row so many are kept.
const LINES_MAX: usize = 40;

fn words(fact: &Fact, subject: Subject) -> (EventKind, String) {
    let is_session = subject == Subject::Session;
    match fact {
        Fact::Spawn => (EventKind::Start, "starting".into()),
        Fact::Started { pid: Some(pid) } => (EventKind::Start, format!("started, pid {pid}")),
        Fact::Started { pid: None } | Fact::Restarted => (EventKind::Start, fact.word().into()),
        Fact::Ready | Fact::Unready => (EventKind::Ready, fact.word().into()),
        Fact::StopRequested { by, .. } => {
            (EventKind::Stop, format!("{}, asked by {}", if is_session { "STOP" } else { "stopping" }, by.word()))
        }
        Fact::Signalled { signal, target: Target::Scope, by } => {
            (EventKind::Signal, format!("{signal} to its scope, by {}", by.word()))
        }
        Fact::Signalled { signal, target: Target::Leader, by } => {
            (EventKind::Signal, format!("{signal} to its leader, by {}", by.word()))
        }
        Fact::Exited { status } => (EventKind::End, format!("its leader {status}")),
        Fact::OutputClosed => (EventKind::Output, "output closed".into()),
        Fact::DrainAbandoned => (EventKind::Output, "drain abandoned".into()),
        Fact::Output { stream, line, .. } => {
            let to = match stream {
                Stream::Stdout => "",
                Stream::Stderr => "stderr: ",
            };
            (EventKind::Output, format!("{to}{}", String::from_utf8_lossy(line)))
        }
        Fact::Request(exchange) => (EventKind::Output, of_request(exchange)),
        Fact::Action(news) => (EventKind::Output, of_action(news)),
        Fact::Backoff { .. } => (EventKind::Backoff, "waits to be started again".into()),
        Fact::Ended(outcome) => (EventKind::End, outcome.state.word().into()),
        Fact::SessionStopped => (EventKind::End, "stopped".into()),
    }
}

/// The public state that follows, where the fact changes it.
fn state_after(fact: &Fact, subject: Subject) -> Option<&'static str> {
    use shakedown_core::signal::Signal;
    match fact {
        Fact::Spawn | Fact::Restarted => Some("starting"),
        Fact::Started { .. } => Some("running"),
        Fact::Ready => Some("ready"),
        Fact::StopRequested { .. } => Some("stopping"),
        Fact::Signalled { signal, .. } if *signal == Signal::KILL => Some("killing"),
        Fact::Exited { .. } if subject != Subject::Session => Some("draining"),
        Fact::Backoff { .. } => Some("backoff"),
        Fact::Ended(outcome) => Some(outcome.state.word()),
        Fact::SessionStopped => Some("stopped"),
        Fact::Signalled { .. }
        // It is taken out of use because it is to end, and that is its state already.
        | Fact::Unready
        | Fact::Exited { .. }
        | Fact::OutputClosed
        | Fact::DrainAbandoned
        | Fact::Request(_)
        | Fact::Action(_)
        | Fact::Output { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn each_event_knows_its_lane_and_the_state_before_and_after() {
        let record = samples::checkout().record;
        let told: Vec<String> = record
            .events
            .iter()
            .map(|event| {
                let (lane, from) = (&record.lanes[event.lane].name, event.from.map(|from| &record.lanes[from].name));
                let marks: Vec<String> = event.surprises.iter().map(|n| format!(" surprise {n}")).collect();
                let from = from.map_or(String::new(), |from| format!(" from {from}"));
                format!(
                    "{} {lane}: {}{from}: {:?} to {:?}{}",
                    event.at_ns,
                    event.text,
                    event.before,
                    event.after,
                    marks.concat()
                )
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn output_that_floods_is_counted() {
        let record = samples::flood(1000).record;
        let lines: Vec<&Event> = record.events.iter().filter(|event| event.kind == EventKind::Output).collect();
        assert_eq!(lines.len(), LINES_MAX);
        assert_eq!(lines[LINES_MAX - 1].text, format!("… {} lines more", 1000 - LINES_MAX + 1));
    }
}
