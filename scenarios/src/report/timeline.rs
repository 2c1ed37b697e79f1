//! The timeline of a failure: facts and what was seen of processes, told as rows of cells, one lane a subject.
//! A failure is an order of events, and nobody can read an order out of a log that interleaves everybody.

use serde::{Deserialize, Serialize};
use shakedown_core::actions::ActionNews;
use shakedown_core::oracle::{Names, OracleName};
use shakedown_core::proxy::{Exchange, Stage};
use shakedown_core::signal::Signal;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{
    ExitStatus, Fact, FactRecord, ProcessEvent, ProcessWhat, Reason, Subject, Target, WorkerState,
};

use super::text::{columns, visible};
use shakedown_sim::Moment;

/// What a row is there for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// It happened.
    #[default]
    None,
    /// A choice went another way than the calm one here (`▶`).
    Surprise,
    /// The promise is broken here (`✗`).
    Failure,
}

/// What one subject did at that moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Cell {
    /// `session`, a worker, or a process `worker/name`.
    pub lane: String,
    /// In a few words.
    pub text: String,
    /// Whether it keeps a lane from being folded as quiet.
    pub loud: bool,
    /// Whether the subject's life ends with it, or its grace.
    pub ends: bool,
    /// Whether its grace begins with it: it was asked to end, and is waited for.
    pub asks: bool,
}

/// One line of the timeline. Cells of one row happened at one instant, in the order of their lanes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TimelineRow {
    /// When.
    #[serde(rename = "at_ns", with = "super::nanos")]
    pub at: Instant,
    /// Why it is worth a look.
    pub mark: Mark,
    /// At most one a lane.
    pub cells: Vec<Cell>,
    /// Said at the right edge: `surprise 1: before the handler`.
    pub note: Option<String>,
}

/// What a timeline is made of.
#[derive(Clone, Copy)]
pub struct Story<'a> {
    /// What was told and what happened, in order.
    pub moments: &'a [Moment],
    /// Who the workers are.
    pub names: &'a dyn Names,
    /// The name of the oracle or expectation that failed, for whom, and when; what came later is left out.
    pub failure: Option<(&'a str, &'a str, Instant)>,
}

/// Something that happened, before it is put into a row.
struct Happening {
    at: Instant,
    mark: Mark,
    cell: Cell,
    /// Lines of output that it stands for; 0 for all else.
    lines: u64,
    /// The words of the cell, and how many times it happened in a row.
    said: String,
    times: u64,
}

impl Happening {
    fn new(at: Instant, mark: Mark, cell: Cell, lines: u64) -> Happening {
        Happening { at, mark, said: cell.text.clone(), cell, lines, times: 1 }
    }
}

/// Rows of what happened, in order.
pub fn timeline(story: &Story<'_>) -> Vec<TimelineRow> {
    let happenings = happenings(story);
    let lanes = lanes(happenings.iter().map(|h| h.cell.lane.as_str()));
    let place = |lane: &str| lanes.iter().position(|l| l == lane);
    let mut rows: Vec<TimelineRow> = Vec::new();
    for happening in happenings {
        let Happening { at, mark, cell, .. } = happening;
        if let Some(row) = rows.last_mut().filter(|row| row.at == at)
            && let Some(last) = row.cells.last_mut()
        {
            if place(&last.lane) < place(&cell.lane) {
                row.cells.push(cell);
                row.mark = row.mark.max(mark);
                continue;
            }
            if last.lane == cell.lane && columns(&last.text) + 2 + columns(&cell.text) <= TEXT_MAX && mark == Mark::None
            {
                last.text = format!("{}, {}", last.text, cell.text);
                (last.loud, last.ends, last.asks) = (last.loud || cell.loud, cell.ends, cell.asks);
                continue;
            }
        }
        rows.push(TimelineRow { at, mark, cells: vec![cell], note: None });
    }
    rows
}

/// A moment as it stands in a timeline, with its subject before it; nothing where a timeline leaves it out.
pub fn said(story: &Story<'_>, moment: &Moment) -> Option<String> {
    let happening = match moment {
        Moment::Fact(fact) => of_fact(fact, story.names),
        Moment::Process(event) => of_process(event, story),
    }?;
    Some(format!("{} {}", happening.cell.lane, happening.cell.text))
}

/// Lanes in their order: the session, workers and processes, each as they appear.
pub(super) fn lanes<'a>(appearing: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut kinds: [Vec<String>; 3] = Default::default();
    for lane in appearing {
        let kind = if lane == "session" { 0 } else { 1 + usize::from(lane.contains('/')) };
        if !kinds[kind].iter().any(|l| l == lane) {
            kinds[kind].push(lane.into());
        }
    }
    kinds.concat()
}

fn happenings(story: &Story<'_>) -> Vec<Happening> {
    let until = story.failure.map_or(Instant::NEVER, |(_, _, at)| at);
    let mut all: Vec<Happening> = Vec::new();
    for moment in story.moments {
        let next = match moment {
            Moment::Fact(fact) if fact.at <= until => of_fact(fact, story.names),
            Moment::Process(event) if event.at <= until => of_process(event, story),
            Moment::Fact(_) | Moment::Process(_) => None,
        };
        if let Some(next) = next {
            push(&mut all, next);
        }
    }
    if let Some((oracle, subject, at)) = story.failure {
        let cell =
            Cell { lane: visible(subject), text: failure_word(oracle).into(), loud: true, ends: false, asks: false };
        all.push(Happening::new(at, Mark::Failure, cell, 0));
    }
    all
}

/// Lines of output that follow each other become one happening, and so does the same thing again and again.
fn push(all: &mut Vec<Happening>, next: Happening) {
    if let Some(last) = all.last_mut()
        && last.cell.lane == next.cell.lane
    {
        if last.lines > 0 && next.lines > 0 {
            last.lines += next.lines;
            last.cell.text = format!("{} lines", last.lines);
            return;
        }
        if last.said == next.cell.text && last.lines == 0 {
            last.times += 1;
            last.cell.text = format!("{} ×{}", last.said, last.times);
            return;
        }
    }
    all.push(next);
}

fn of_fact(record: &FactRecord, names: &dyn Names) -> Option<Happening> {
    let (lane, text) = match record.subject {
        Subject::Session => ("session".to_string(), session_words(&record.fact)),
        Subject::Worker(id) => (visible(names.worker(id)), worker_words(&record.fact)),
    };
    let loud = match &record.fact {
        Fact::DrainAbandoned => true,
        Fact::Ended(outcome) => match outcome.state {
            WorkerState::Killed | WorkerState::Failed => true,
            WorkerState::Finished | WorkerState::Stopped => outcome.reason == Reason::ForcedKill,
            WorkerState::Pending
            | WorkerState::Starting
            | WorkerState::Running
            | WorkerState::Ready
            | WorkerState::Stopping
            | WorkerState::Killing
            | WorkerState::Draining
            | WorkerState::Backoff => true,
        },
        Fact::Signalled { signal, .. } => *signal == Signal::KILL,
        Fact::Backoff { .. } | Fact::Restarted => true,
        Fact::Spawn
        | Fact::Started { .. }
        | Fact::Ready
        | Fact::Unready
        | Fact::StopRequested { .. }
        | Fact::Exited { .. }
        | Fact::OutputClosed
        | Fact::Output { .. }
        | Fact::Request(_)
        | Fact::Action(_)
        | Fact::SessionStopped => false,
    };
    let lines = u64::from(matches!(record.fact, Fact::Output { .. }));
    let is_kill = |signal: Signal| signal == Signal::KILL;
    let asks = matches!(&record.fact, Fact::Signalled { signal, .. } if !is_kill(*signal));
    let ends = matches!(&record.fact, Fact::Signalled { signal, .. } if is_kill(*signal))
        || matches!(&record.fact, Fact::Exited { .. } | Fact::Ended(_) | Fact::SessionStopped);
    let cell = Cell { lane, text: text?, loud, ends, asks };
    Some(Happening::new(record.at, Mark::None, cell, lines))
}

/// A session is stopped by a person: its request is the turning point of most stories, so it shouts.
fn session_words(fact: &Fact) -> Option<String> {
    match fact {
        Fact::StopRequested { .. } => Some("STOP".into()),
        Fact::Action(news) => Some(of_action(news)),
        Fact::Started { .. }
        | Fact::SessionStopped
        | Fact::Spawn
        | Fact::Ready
        | Fact::Unready
        | Fact::Signalled { .. }
        | Fact::Exited { .. }
        | Fact::OutputClosed
        | Fact::DrainAbandoned
        | Fact::Output { .. }
        | Fact::Request(_)
        | Fact::Backoff { .. }
        | Fact::Restarted
        | Fact::Ended(_) => Some(fact.word().into()),
    }
}

/// The end of output is left out: it says nothing that the end of the worker does not.
fn worker_words(fact: &Fact) -> Option<String> {
    Some(match fact {
        Fact::Spawn => "starting".into(),
        Fact::StopRequested { .. } => "stopping".into(),
        Fact::Signalled { signal, target: Target::Scope, .. } => signal.to_string(),
        Fact::Signalled { signal, target: Target::Leader, .. } => format!("{signal} to leader"),
        Fact::Exited { status } => ended(*status),
        Fact::OutputClosed => return None,
        Fact::DrainAbandoned => "drain abandoned".into(),
        Fact::Request(exchange) => of_request(exchange),
        Fact::Output { line, .. } => format!("\"{}\"", visible(&String::from_utf8_lossy(line))),
        Fact::Started { .. } | Fact::Ready | Fact::Unready | Fact::Backoff { .. } => fact.word().into(),
        Fact::Restarted => fact.word().into(),
        Fact::Ended(_) | Fact::SessionStopped | Fact::Action(_) => fact.word().into(),
    })
}

/// `deploy refused`.
pub(super) fn of_action(news: &ActionNews) -> String {
    let word = news.what.word();
    format!("{} {}", news.action, word.strip_prefix("action-").unwrap_or(word))
}

pub(super) fn of_request(exchange: &Exchange) -> String {
    let Exchange { number, method, path, stage, .. } = exchange;
    match stage {
        Stage::Started => format!("#{number} {method} {path}"),
        Stage::Finished { status } => format!("#{number} answered {status}"),
        Stage::Refused { status, .. } => format!("#{number} refused {status}"),
        Stage::Cut { by } => format!("#{number} cut by {}", by.word()),
    }
}

fn ended(status: ExitStatus) -> String {
    match status {
        ExitStatus::Exited(code) => format!("exited({code})"),
        ExitStatus::Signalled { signal, .. } => format!("ended by {signal}"),
        ExitStatus::Unknown => "ended, unknown".into(),
    }
}

/// A worker's leading process is told in the worker's lane, where only the installing of handlers is news.
fn of_process(event: &ProcessEvent, story: &Story<'_>) -> Option<Happening> {
    let worker = event.name.strip_suffix("/main").filter(|worker| has_facts(worker, story));
    let text = match (event.what, worker) {
        (ProcessWhat::Installed(signal), _) => format!("handles {signal}"),
        (ProcessWhat::Started | ProcessWhat::Signalled(_) | ProcessWhat::Exited(_), Some(_)) => return None,
        (ProcessWhat::Started, None) => "started".into(),
        (ProcessWhat::Signalled(signal), None) => format!("got {signal}"),
        (ProcessWhat::Exited(status), None) => ended(status),
    };
    let lane = visible(worker.unwrap_or(&event.name));
    let ends = matches!(event.what, ProcessWhat::Exited(_));
    let cell = Cell { lane, text, loud: false, ends, asks: false };
    Some(Happening::new(event.at, Mark::None, cell, 0))
}

fn has_facts(worker: &str, story: &Story<'_>) -> bool {
    story.moments.iter().any(|moment| match moment {
        Moment::Fact(FactRecord { subject: Subject::Worker(id), .. }) => story.names.worker(*id) == worker,
        Moment::Fact(_) | Moment::Process(_) => false,
    })
}

/// What the broken promise looks like in the lane of its subject.
pub(super) fn failure_word(oracle: &str) -> &'static str {
    match OracleName::parse(oracle) {
        Some(OracleName::NoOrphan) => "STILL RUNNING",
        Some(OracleName::NoZombie) => "NOT REAPED",
        Some(OracleName::NoForeignSignal) => "HIT BY MISTAKE",
        Some(OracleName::OneTerminalEvent) => "NOT ONE END",
        Some(OracleName::EventOrder) => "OUT OF ORDER",
        Some(OracleName::StopDeadline) => "TOO LATE",
        Some(OracleName::NoFdLeak) => "STILL OPEN",
        Some(OracleName::TruthfulOutcome) => "NOT TRUE",
        Some(OracleName::NoLostOutput) => "OUTPUT LOST",
        Some(OracleName::QuiescentEnd) => "NOT AT REST",
        Some(OracleName::NoUnexpected) => "NO ANSWER",
        Some(OracleName::NoSpawnAfterStop) => "SPAWNED AFTER STOP",
        Some(OracleName::RestartBudget) => "OVER BUDGET",
        Some(OracleName::StopOrder) => "OUT OF TURN",
        Some(OracleName::AllWaitsResolve) => "WAITS FOR EVER",
        Some(OracleName::MonotoneStop) => "STOP TAKEN BACK",
        Some(OracleName::StatusNeverTorn) => "STATUS TORN",
        Some(OracleName::RecoveryConverges) => "RUNS TWICE",
        Some(OracleName::SinkNeverBlocks) => "HELD UP BY A SINK",
        None => "FAILED HERE",
    }
}

/// A cell holds so many columns.
pub(super) const TEXT_MAX: usize = 18;
