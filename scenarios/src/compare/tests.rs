//! The normal form, row by row: what two runs may differ in and still have the same outcome, and what a real one may lack.

use super::fit::{Fit, fits};
use super::order::Order;
use super::outcome::{Outcome, outcome_of};
use super::{Budget, Lateness, STEPS_A_RUN, Spans, Terms, at_least, search};
use crate::format::{Case, read};
use shakedown_core::digest::Digest;
use shakedown_core::host::Step;
use shakedown_core::ids::WorkerId;
use shakedown_core::signal::Signal;
use shakedown_core::site::{Label, Site};
use shakedown_core::time::Instant;
use shakedown_core::vocab::{
    ExitStatus, Fact, FactRecord, ProcessEvent, ProcessWhat, Requester, Stream, Subject, Target,
};
use shakedown_sim::Moment;
use shakedown_sim::kernel::{Coming, Kernel};
use shakedown_sim::search::{End, Goal, Searched};
use std::cell::Cell;

fn case() -> Case {
    let text = "schema = 1\n[workers.w]\npuppet = \"hang\"\n[workers.tool]\ncommand = [\"true\"]\nsim = \"exit 0\"\n";
    read("test.toml", text).expect("a scenario without mistakes").cases().remove(0)
}

/// A fact of a worker, at an instant of its own.
fn told(worker: u32, at: u64, fact: Fact) -> Moment {
    let (at, subject) = (Instant::from_nanos(at), Subject::Worker(WorkerId(worker)));
    Moment::Fact(FactRecord { seq: at.as_nanos(), at, subject, incarnation: 1, unit: None, fact })
}

fn seen(name: &str, pid: i32, what: ProcessWhat) -> Moment {
    Moment::Process(ProcessEvent { at: Instant::from_nanos(pid as u64), name: name.into(), pid, what })
}

fn line(stream: Stream, text: &str, complete: bool) -> Moment {
    told(0, 5, Fact::Output { stream, line: text.as_bytes().into(), complete })
}

const EXITED: ProcessWhat = ProcessWhat::Exited(ExitStatus::Exited(0));
const KILLED: ProcessWhat = ProcessWhat::Exited(ExitStatus::Signalled { signal: Signal::KILL, core: false });
const UNKNOWN: ProcessWhat = ProcessWhat::Exited(ExitStatus::Unknown);
const STARTED: ProcessWhat = ProcessWhat::Started;
const INSTALLED: ProcessWhat = ProcessWhat::Installed(Signal::TERM);

fn acted(signal: Signal) -> ProcessWhat {
    ProcessWhat::Signalled(signal)
}

/// The outcome of one process of this name that did these things.
fn life(name: &str, pid: i32, whats: &[ProcessWhat]) -> Vec<Moment> {
    whats.iter().map(|what| seen(name, pid, *what)).collect()
}

#[test]
fn pids_instants_and_orders_that_nobody_promised_are_left_out() {
    let signal = |at| told(0, at, Fact::Signalled { signal: Signal::TERM, target: Target::Scope, by: Requester::User });
    let exited = |at| told(0, at, Fact::Exited { status: ExitStatus::Exited(0) });
    let (out, err) = (line(Stream::Stdout, "a", true), line(Stream::Stderr, "b", true));
    for (what, a, b, same) in [
        ("instants", vec![signal(1), exited(2)], vec![signal(3), exited(9)], true),
        ("the order of facts", vec![signal(1), exited(2)], vec![exited(1), signal(2)], false),
        ("pids", life("w/a", 7, &[STARTED, EXITED]), life("w/a", 8, &[STARTED, EXITED]), true),
        ("streams", vec![out.clone(), err.clone()], vec![err.clone(), out.clone()], true),
        ("output among facts", vec![out.clone(), exited(1)], vec![exited(1), out.clone()], true),
        (
            "two lines of a stream",
            vec![out.clone(), line(Stream::Stdout, "b", true)],
            vec![line(Stream::Stdout, "b", true), out.clone()],
            false,
        ),
        ("a line without its end", vec![out.clone()], vec![line(Stream::Stdout, "a", false)], false),
        (
            "the end of output",
            vec![told(0, 1, Fact::OutputClosed), exited(2)],
            vec![exited(1), told(0, 2, Fact::OutputClosed)],
            true,
        ),
        ("how output ended", vec![told(0, 1, Fact::OutputClosed)], vec![told(0, 1, Fact::DrainAbandoned)], false),
        (
            "processes",
            [life("w/a", 1, &[STARTED]), life("w/b", 2, &[STARTED])].concat(),
            [life("w/b", 1, &[STARTED]), life("w/a", 2, &[STARTED])].concat(),
            true,
        ),
        (
            "the order of deeds",
            life("w/a", 1, &[STARTED, INSTALLED, acted(Signal::HUP)]),
            life("w/a", 1, &[STARTED, acted(Signal::HUP), INSTALLED]),
            false,
        ),
        (
            "a report after the end",
            life("w/a", 1, &[STARTED, INSTALLED, EXITED]),
            life("w/a", 1, &[STARTED, EXITED, INSTALLED]),
            true,
        ),
        (
            "a signal that stops",
            life("w/a", 1, &[STARTED, acted(Signal::STOP), acted(Signal::CONT), EXITED]),
            life("w/a", 1, &[STARTED, EXITED]),
            true,
        ),
        (
            "what killed it",
            life("w/a", 1, &[STARTED, acted(Signal::KILL), KILLED]),
            life("w/a", 1, &[STARTED, KILLED]),
            true,
        ),
        ("who forks twice", life("w/(daemonize)", 1, &[STARTED, EXITED]), Vec::new(), true),
        ("a tool's helpers", life("tool/helper", 1, &[STARTED, EXITED]), Vec::new(), true),
        (
            "a tool's handlers",
            life("tool/main", 1, &[STARTED, INSTALLED, EXITED]),
            life("tool/main", 1, &[STARTED, EXITED]),
            true,
        ),
        ("a tool's end", life("tool/main", 1, &[STARTED, EXITED]), life("tool/main", 1, &[STARTED, KILLED]), false),
    ] {
        let of = |moments: &[Moment]| outcome_of(&case(), moments);
        assert_eq!(of(&a) == of(&b), same, "{what}:\n{:#?}\n{:#?}", of(&a), of(&b));
    }
}

/// What each process of a name did.
type Lives = &'static [&'static [ProcessWhat]];

/// Lives of one name, in the simulator and for real: whether the first may be what was seen as the second.
#[test]
fn a_real_run_may_lack_what_nobody_could_report() {
    let of = |lives: &[&[ProcessWhat]]| -> Outcome {
        let each = lives.iter().enumerate().flat_map(|(pid, whats)| life("w/a", pid as i32, whats));
        outcome_of(&case(), &each.collect::<Vec<_>>())
    };
    let rows: [(&str, Lives, Lives, bool); 14] = [
        ("the same", &[&[STARTED, INSTALLED, EXITED]], &[&[STARTED, INSTALLED, EXITED]], true),
        ("killed before its first verb", &[&[STARTED, KILLED]], &[], true),
        ("alive, and never heard of", &[&[STARTED]], &[], true),
        ("it did something, and must have been seen", &[&[STARTED, INSTALLED, KILLED]], &[], false),
        ("it exited, and must have been seen", &[&[STARTED, EXITED]], &[], false),
        ("killed before its word", &[&[STARTED, INSTALLED, KILLED]], &[&[STARTED, KILLED]], true),
        ("one word is lost, not two", &[&[STARTED, INSTALLED, INSTALLED, KILLED]], &[&[STARTED, KILLED]], false),
        ("whoever exits has told all", &[&[STARTED, INSTALLED, EXITED]], &[&[STARTED, EXITED]], false),
        ("only its beginning was seen", &[&[STARTED, INSTALLED, KILLED]], &[&[STARTED, INSTALLED]], true),
        ("more than it did", &[&[STARTED]], &[&[STARTED, INSTALLED]], false),
        ("nobody knows how it ended", &[&[STARTED, KILLED]], &[&[STARTED, UNKNOWN]], true),
        ("it has not ended", &[&[STARTED]], &[&[STARTED, UNKNOWN]], false),
        ("two of a name", &[&[STARTED, KILLED], &[STARTED, EXITED]], &[&[STARTED, EXITED], &[STARTED, KILLED]], true),
        ("one of two was unseen", &[&[STARTED, KILLED], &[STARTED, EXITED]], &[&[STARTED, EXITED]], true),
    ];
    for (what, sim, real, fit) in rows {
        assert_eq!(fits(&of(sim), &of(real)), fit, "{what}");
    }
}

/// Goes any way, the same for the same seed; and where it is given what that way comes to, asks whether it may go on.
struct Wanderer<'a> {
    seed: u64,
    turns: Cell<u64>,
    fit: Option<Fit<'a>>,
}

impl Goal for Wanderer<'_> {
    fn begin(&mut self) {
        self.turns.set(0);
        self.fit.iter_mut().for_each(Goal::begin);
    }

    fn see(&mut self, moment: &Moment, who: Option<Label>) -> bool {
        self.fit.as_mut().is_none_or(|fit| fit.see(moment, who))
    }

    fn foresee(&mut self, coming: &Coming<'_>) -> bool {
        self.fit.as_mut().is_none_or(|fit| fit.foresee(coming))
    }

    fn may_be_met(&mut self, kernel: &Kernel) -> bool {
        self.fit.as_mut().is_none_or(|fit| fit.may_be_met(kernel))
    }

    fn is_met(&mut self, step: Step) -> bool {
        step == Step::Done && self.fit.as_mut().is_none_or(|fit| fit.is_met(step))
    }

    fn turns(&self, enabled: &[Site], _: u32) -> Vec<u64> {
        let nth = self.turns.replace(self.turns.get() + 1);
        let each = |at| Digest::of(self.seed).number(nth).number(at).value();
        (0..enabled.len() as u64).map(each).collect()
    }

    fn digest(&self) -> u64 {
        0
    }

    fn progress(&self) -> u64 {
        0
    }
}

/// Whatever cuts a run says that nothing can come of it any more. Of a run that is over everybody knows what came of it.
#[test]
fn no_run_is_cut_by_what_it_comes_to_itself() {
    let mut ended = 0;
    for program in PROGRAMS {
        let case = read("test.toml", program).expect("a scenario without mistakes").cases().remove(0);
        let budget = Budget { runs: 1, steps: u64::MAX };
        let (lateness, spans, steps_a_run) = (Lateness::Unbounded, Spans::Shortest, STEPS_A_RUN);
        let terms = Terms { lateness, spans, budget, remembers: false, deviates_late: false, steps_a_run };
        for seed in 0..WAYS {
            let go = |fit| {
                let mut wanderer = Wanderer { seed, turns: Cell::new(0), fit };
                search(&case, &at_least(&case.stimuli), terms.clone(), &mut wanderer)
            };
            let Searched { end: End::Met, runs, moments, .. } = go(None) else { continue };
            let outcome = outcome_of(&case, &moments);
            let again = go(Some(Fit::new(&case, &outcome, Order::new(&case, &[]))));
            assert_eq!((again.end, again.runs), (End::Met, runs), "seed {seed}: {outcome:#?}\n{program}");
            ended += 1;
        }
    }
    assert!(ended > WAYS, "only {ended} runs came to an end");
}

const WAYS: u64 = 4000;
const PROGRAMS: [&str; 5] = [
    include_str!("../../tests/conform/recorded/a-death-that-leaves-nobody-to-fork.run"),
    include_str!("../../tests/conform/recorded/killed-between-two-births.run"),
    include_str!("../../tests/conform/recorded/a-handler-that-was-late.run"),
    include_str!("../../tests/conform/recorded/abandoned-while-a-group-was-orphaned.run"),
    include_str!("../../tests/conform/recorded/output-of-a-child-that-nobody-read.run"),
];
