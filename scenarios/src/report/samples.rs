//! Hand-made data for the reports' tests: the failure of SCENARIOS.md section 5, one that knows little, one with too much to
//! show, and any at all.

use super::failure::{FailureReport, HowCommon, Minimised, Reproduced, RunOf, Surprises};
use super::record::RunRecord;
use super::summary::{CaseSummary, SweepSummary};
use super::timeline::{Cell, Mark, Story, TimelineRow, timeline};
use proptest::prelude::*;
use shakedown_core::ids::WorkerId;
use shakedown_core::oracle::Names;
use shakedown_core::signal::Signal;
use shakedown_core::time::{Duration, Instant};
use shakedown_core::vocab::{
    ExitStatus, Fact, FactRecord, Outcome, OutputTally, ProcessEvent, ProcessWhat, Reason, Requester, Stream, Subject,
    Target, WorkerState,
};
use shakedown_sim::Moment;
use std::sync::Arc;

struct Plan(&'static [&'static str]);

impl Names for Plan {
    fn worker(&self, id: WorkerId) -> &str {
        self.0[id.index()]
    }
}

fn ms(ms: u64) -> Instant {
    Instant::from_nanos(ms * 1_000_000)
}

/// A history in the making.
struct History {
    plan: Plan,
    facts: Vec<FactRecord>,
    processes: Vec<ProcessEvent>,
}

impl History {
    fn new(plan: &'static [&'static str]) -> History {
        History { plan: Plan(plan), facts: Vec::new(), processes: Vec::new() }
    }

    fn add(&mut self, at: u64, subject: Subject, incarnation: u32, fact: Fact) {
        let seq = self.facts.len() as u64;
        self.facts.push(FactRecord { seq, at: ms(at), subject, incarnation, unit: None, fact });
    }

    fn session(&mut self, at: u64, fact: Fact) {
        self.add(at, Subject::Session, 0, fact);
    }

    fn worker(&mut self, at: u64, name: &str, fact: Fact) {
        let id = self.plan.0.iter().position(|n| *n == name).expect("a worker of the plan");
        self.add(at, Subject::Worker(WorkerId(id as u32)), 1, fact);
    }

    fn process(&mut self, at: u64, name: &str, what: ProcessWhat) {
        self.processes.push(ProcessEvent { at: ms(at), name: name.into(), pid: 100, what });
    }

    fn told(&self, oracle: &str, subject: &str, at: u64) -> (Vec<TimelineRow>, RunRecord) {
        // Facts of an instant stand before what was seen of processes in it.
        let facts = self.facts.iter().cloned().map(Moment::Fact);
        let mut moments: Vec<Moment> = facts.chain(self.processes.iter().cloned().map(Moment::Process)).collect();
        moments.sort_by_key(|moment| match moment {
            Moment::Fact(fact) => fact.at,
            Moment::Process(event) => event.at,
        });
        let story = Story { moments: &moments, names: &self.plan, failure: Some((oracle, subject, ms(at))) };
        (timeline(&story), RunRecord::of(&story))
    }
}

fn stop_requested() -> Fact {
    Fact::StopRequested { by: Requester::User, deadline: ms(30_000) }
}

fn signalled(signal: Signal) -> Fact {
    Fact::Signalled { signal, target: Target::Scope, by: Requester::Parent }
}

fn output(line: &str) -> Fact {
    Fact::Output { stream: Stream::Stdout, line: line.as_bytes().into(), complete: true }
}

fn ended(state: WorkerState, status: ExitStatus, reason: Reason) -> Fact {
    Fact::Ended(Arc::new(Outcome {
        state,
        status,
        reason,
        requested_by: None,
        survivors: Vec::new(),
        holders: Vec::new(),
        output: OutputTally::default(),
        incarnation: 1,
        spawned_at: ms(0),
        ended_at: ms(0),
        start_error: None,
        unmet: None,
        circuit_breaker: false,
    }))
}

const BY_TERM: ExitStatus = ExitStatus::Signalled { signal: Signal::TERM, core: false };

/// The failure that SCENARIOS.md shows.
pub(super) fn checkout() -> FailureReport {
    let mut history = History::new(&["api", "cache"]);
    history.session(0, Fact::Started { pid: None });
    history.worker(0, "api", Fact::Spawn);
    history.worker(0, "cache", Fact::Spawn);
    history.worker(3, "cache", Fact::Started { pid: Some(102) });
    history.worker(3, "api", Fact::Started { pid: Some(101) });
    history.process(3, "api/main", ProcessWhat::Started);
    history.process(41, "api/helper", ProcessWhat::Started);
    history.session(1_951, stop_requested());
    history.worker(1_951, "api", stop_requested());
    history.worker(1_951, "api", signalled(Signal::TERM));
    history.worker(1_951, "api", Fact::Exited { status: BY_TERM });
    history.worker(1_960, "cache", ended(WorkerState::Finished, ExitStatus::Exited(0), Reason::Natural));
    history.worker(2_204, "api", Fact::OutputClosed);
    history.worker(2_204, "api", ended(WorkerState::Stopped, BY_TERM, Reason::Signal));
    history.session(2_204, Fact::SessionStopped);
    history.worker(9_999, "cache", Fact::Restarted);
    let (mut rows, mut record) = history.told("no-orphan", "api/helper", 2_204);
    let stop = rows.iter_mut().find(|r| r.cells[0].text == "STOP").expect("a stop");
    stop.mark = Mark::Surprise;
    stop.note = Some("surprise 1: before the handler".into());
    record.mark(1, ms(1_951));
    FailureReport {
        scenario: "checkout".into(),
        file: "checkout.toml".into(),
        case_index: 4,
        case_label: "grace=1s".into(),
        run: RunOf::Seed(42),
        oracle: "no-orphan".into(),
        subject: "api/helper".into(),
        at: ms(2_204),
        message: "api/helper is still running after the session stopped".into(),
        decisions: 931,
        surprises: Surprises { of_order: 88, of_values: 12 },
        rerun: "shakedown sim checkout.toml --case 4 --seed 42".into(),
        reproduced: Some(Reproduced { digest: 0x6f1c_0a77_d2e4_0001, identical: 2, of: 2 }),
        parted: None,
        minimised: Some(Minimised { decisions: 214, surprises: Surprises { of_order: 2, of_values: 1 } }),
        timeline: rows,
        why: Some(
            "TERM reached api 46 ms before it installed its handler, so it died of the default action, so api/helper \
             never received a signal"
                .into(),
        ),
        late_ns: None,
        needs: vec!["nothing that cache does".into()],
        told_surprises: vec![
            "stop takes 1.951s of 0ns..3s".into(),
            "api/main goes on only after session".into(),
            "api/helper goes on only after api".into(),
        ],
        tipping_point: Some("decision 118: \"stop after api started\", drawn 39 ms; 86 ms passes".into()),
        how_common: Some(HowCommon { failed: 371, runs: 1100 }),
        also: Vec::new(),
        record,
    }
}

/// A failure on the real machine of which little is known.
pub(super) fn bare() -> FailureReport {
    FailureReport {
        scenario: "checkout".into(),
        file: "checkout.toml".into(),
        case_index: 0,
        case_label: String::new(),
        run: RunOf::Machine,
        oracle: "always".into(),
        subject: "session".into(),
        at: ms(31_000),
        message: "session stopped within 30s of session stop-requested".into(),
        decisions: 1,
        surprises: Surprises::default(),
        rerun: "shakedown real checkout.toml".into(),
        reproduced: None,
        parted: None,
        minimised: None,
        timeline: Vec::new(),
        why: None,
        told_surprises: Vec::new(),
        late_ns: Some(212_400_000),
        needs: Vec::new(),
        tipping_point: None,
        how_common: None,
        also: Vec::new(),
        record: RunRecord::default(),
    }
}

/// Too many workers, too many rows, output that floods, and a run that does not repeat itself.
pub(super) fn crowd() -> FailureReport {
    const PLAN: &[&str] = &["w0", "w1", "w2", "w3", "w4", "w5", "a-worker-with-a-long-name", "w7"];
    let mut history = History::new(PLAN);
    history.session(0, Fact::Started { pid: None });
    for (n, name) in PLAN.iter().enumerate() {
        history.worker(n as u64, name, Fact::Spawn);
        history.worker(n as u64, name, Fact::Started { pid: Some(100) });
    }
    for n in 0..9 {
        history.worker(20 + n, "w7", output("tick"));
    }
    for _ in 0..30 {
        history.process(60, "w7/helper", ProcessWhat::Signalled(Signal::USR2));
    }
    for n in 0..30 {
        history.process(100 + n, "w7/helper", ProcessWhat::Signalled(Signal::USR1));
        history.process(100 + n, "w7/helper", ProcessWhat::Signalled(Signal::USR2));
    }
    history.worker(140, "w7", output("naïve 漢\u{1b}[31m"));
    history.session(150, stop_requested());
    for name in PLAN {
        history.worker(150, name, signalled(Signal::TERM));
    }
    for name in &PLAN[..7] {
        history.worker(160, name, ended(WorkerState::Killed, BY_TERM, Reason::Signal));
    }
    history.worker(3_661_000, "w7", Fact::DrainAbandoned);
    let (timeline, record) = history.told("stop-deadline", "w7", 3_661_001);
    FailureReport {
        oracle: "stop-deadline".into(),
        subject: "w7".into(),
        at: ms(3_661_001),
        run: RunOf::Seed(u64::MAX),
        message: "w7 ended at 3661.001 s, after the deadline of its stop at 30.150 s".into(),
        timeline,
        record,
        reproduced: Some(Reproduced { digest: 0x0c1a_55f0_0d00_0002, identical: 1, of: 2 }),
        parted: None,
        surprises: Surprises { of_order: 1, of_values: 0 },
        how_common: Some(HowCommon { failed: 1, runs: 100_000 }),
        ..bare()
    }
}

/// A worker that prints so many lines and nothing else.
pub(super) fn flood(lines: u64) -> FailureReport {
    let mut history = History::new(&["loud"]);
    (0..lines).for_each(|n| history.worker(n, "loud", output("line")));
    let (timeline, record) = history.told("no-lost-output", "loud", lines);
    FailureReport { timeline, record, ..bare() }
}

pub(super) fn cases() -> Vec<CaseSummary> {
    let case = |case_index, case_label: &str, runs, distinct, failed| CaseSummary {
        scenario: "checkout".into(),
        file: "checkout.toml".into(),
        case_index,
        case_label: case_label.into(),
        runs,
        distinct,
        failed,
    };
    vec![case(0, "", 1, 1, 0), case(1, "grace=3s, scope=tree", 100_000, 84_213, 0), case(4, "grace=1s", 1100, 842, 371)]
}

pub(super) fn sweep() -> SweepSummary {
    SweepSummary {
        runs: 101_101,
        distinct: 85_056,
        failed: 371,
        shards: 0,
        virtual_time: Duration::from_secs(172_801),
        real_time: Duration::from_millis(1_420),
        sometimes: vec![("server ready before session stop-requested".into(), 0), ("server killed".into(), 17)],
        deadlines: vec![
            ("grace of api in checkout grace=1s".into(), vec!["tied".into()]),
            ("grace of db in checkout".into(), Vec::new()),
        ],
        lists_deadlines: true,
        unused_allowances: vec![("no-orphan".into(), Some("server/helper".into())), ("no-zombie".into(), None)],
    }
}

fn any_row() -> impl Strategy<Value = TimelineRow> {
    let lane = prop_oneof![Just("session".to_string()), "[a-c]{1,2}", "[a-c]{1,2}/[a-z]{1,30}", "[a-z]{1,40}",];
    let cell = (lane, prop_oneof![Just("STOP".to_string()), "[ -~]{0,40}"], any::<[bool; 3]>())
        .prop_map(|(lane, text, [loud, ends, asks])| Cell { lane, text, loud, ends, asks });
    let mark = prop_oneof![Just(Mark::None), Just(Mark::Surprise), Just(Mark::Failure)];
    (any::<u64>(), mark, prop::collection::vec(cell, 1..5), prop::option::of("\\PC{0,60}"))
        .prop_map(|(at, mark, cells, note)| TimelineRow { at: Instant::from_nanos(at), mark, cells, note })
}

prop_compose! {
    /// Any report; its command has words that fit a line, since longer ones are kept whole.
    pub(super) fn any_report()(
        names in prop::array::uniform4("\\PC{0,120}"),
        texts in prop::array::uniform3("\\PC{0,300}"),
        oracle in prop_oneof![Just("no-orphan".to_string()), "\\PC{0,90}"],
        figures in prop::array::uniform6(any::<u32>()),
        rerun in "shakedown( [!-~&&[^'\"\\\\]]{1,60}){0,12}",
        timeline in prop::collection::vec(any_row(), 0..70),
        has in any::<u8>(),
    ) -> FailureReport {
        let [scenario, case_label, subject, _] = names;
        let [message, why, tipping_point] = texts;
        let given = |bit: u8| has & (1 << bit) != 0;
        let surprises = Surprises { of_order: figures[0], of_values: figures[1] };
        FailureReport {
            scenario, file: String::new(), also: Vec::new(), record: RunRecord::default(), case_index: figures[2], case_label, run: if given(0) { RunOf::Seed(u64::from(figures[3])) } else { RunOf::File(rerun.clone()) }, oracle, subject,
            at: Instant::from_nanos(u64::from(figures[4])), message, decisions: figures[5], surprises, rerun,
            reproduced: given(1).then_some(Reproduced { digest: 7, identical: figures[0], of: figures[1] }),
            parted: None,
            minimised: given(2).then_some(Minimised { decisions: figures[3], surprises }),
            timeline,
            why: given(3).then_some(why), tipping_point: given(4).then_some(tipping_point.clone()),
            late_ns: given(7).then_some(u64::from(figures[0])),
            needs: if given(7) { vec![tipping_point.clone()] } else { Vec::new() },
            told_surprises: if given(6) { vec![tipping_point; 2] } else { Vec::new() },
            how_common: given(5).then_some(HowCommon { failed: 1, runs: u64::from(figures[1]) }),
        }
    }
}
