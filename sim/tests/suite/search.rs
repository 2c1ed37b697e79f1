//! Exhaustive search: it finds what is rare, refutes what is impossible, and says so where it has not tried all.

use shakedown_core::host::{Host, Step};
use shakedown_core::puppet;
use shakedown_core::site::{Label, Site};
use shakedown_core::time::{Duration, DurationRange};
use shakedown_core::vocab::{
    Act, Body, Fact, Grace, ProcessSpec, SessionSpec, Stimulus, StopPolicy, Stream, WorkerSpec,
};
use shakedown_sim::choose::Seeded;
use shakedown_sim::kernel::Coming;
use shakedown_sim::search::{Budget, End, Goal, Lateness, Path, Search, Searched, Spans, Terms};
use shakedown_sim::{Limits, Moment, SimWorld, Simulator, WorldConfig};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Three children print a word each, in whatever order they come.
const THREE: &str = "spawn a { print a }; spawn b { print b }; spawn c { print c }; wait all; exit 0";

fn plan(script: &str, grace: Duration) -> Arc<SessionSpec> {
    let script = puppet::parse(script).expect("a script without mistakes");
    let stop = StopPolicy { grace: Grace::After(grace), ..StopPolicy::default() };
    let body = Body::Process(Arc::new(ProcessSpec::puppet("w", script)));
    let mut plan = SessionSpec::new("searched");
    plan.workers.push(WorkerSpec { stop, ..WorkerSpec::new("w", body) });
    Arc::new(plan)
}

fn stop_at(at: Duration) -> Stimulus {
    Stimulus { at: DurationRange::fixed(at), when: None, on: None, act: Act::Stop }
}

/// What is told of the worker, but for the order of its output among its facts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
struct Told {
    output: String,
    end: String,
}

impl Told {
    fn see(&mut self, moment: &Moment) {
        match moment {
            Moment::Fact(record) => match &record.fact {
                Fact::Output { stream: Stream::Stdout, line, .. } => self.output += &String::from_utf8_lossy(line),
                Fact::Ended(outcome) => self.end = format!("{}, {}", outcome.state.word(), outcome.status),
                _ => {}
            },
            Moment::Process(_) => {}
        }
    }

    fn number(&self) -> u64 {
        shakedown_core::site::hash_name(&format!("{self:?}"))
    }
}

/// Looks for a run that tells this; cuts those that have told something else.
struct Wanted {
    wanted: Told,
    told: Told,
}

impl Goal for Wanted {
    fn begin(&mut self) {
        self.told = Told::default();
    }

    fn see(&mut self, moment: &Moment, _: Option<Label>) -> bool {
        self.told.see(moment);
        self.wanted.output.starts_with(&self.told.output) && self.wanted.end.starts_with(&self.told.end)
    }

    /// All that is written here is read.
    fn foresee(&mut self, coming: &Coming<'_>) -> bool {
        match coming {
            Coming::Output { bytes: [front, _], .. } => {
                let coming: String = String::from_utf8_lossy(front).split('\n').collect();
                self.wanted.output.starts_with(&(self.told.output.clone() + &coming))
            }
            Coming::Death { .. } | Coming::Act { .. } => true,
        }
    }

    fn is_met(&mut self, step: Step) -> bool {
        step == Step::Done && self.told == self.wanted
    }

    fn digest(&self) -> u64 {
        self.told.number()
    }

    fn progress(&self) -> u64 {
        self.told.output.len() as u64
    }
}

/// Collects all that can be told.
#[derive(Default)]
struct All {
    told: Told,
    found: BTreeSet<Told>,
}

impl Goal for All {
    fn begin(&mut self) {
        self.told = Told::default();
    }

    fn see(&mut self, moment: &Moment, _: Option<Label>) -> bool {
        self.told.see(moment);
        true
    }

    fn is_met(&mut self, step: Step) -> bool {
        if step == Step::Done {
            self.found.insert(self.told.clone());
        }
        false
    }

    fn digest(&self) -> u64 {
        self.told.number()
    }

    fn progress(&self) -> u64 {
        0
    }
}

fn terms(lateness: Lateness) -> Terms {
    Terms {
        lateness,
        spans: Spans::Shortest,
        budget: Budget::default(),
        remembers: true,
        deviates_late: false,
        steps_a_run: 10_000,
    }
}

fn go(terms: Terms, plan: &Arc<SessionSpec>, stimuli: &[Stimulus], goal: &mut impl Goal) -> Searched {
    let stimuli: Arc<[Stimulus]> = stimuli.into();
    let setup = |host: &mut Host<SimWorld<Path>>| {
        host.start_session(plan, &stimuli);
    };
    Search::new(WorldConfig::default(), terms).go(Some(plan), setup, goal)
}

fn want(output: &str, end: &str) -> Wanted {
    let wanted = Told { output: output.into(), end: end.into() };
    Wanted { wanted, told: Told::default() }
}

#[test]
fn a_rare_interleaving_is_found_and_an_impossible_one_is_refuted() {
    let plan = plan(THREE, Duration::from_secs(1));
    let spent = Terms { budget: Budget { runs: 3, ..Budget::default() }, ..terms(Lateness::Unbounded) };
    for (terms, output, end) in [
        (terms(Lateness::Unbounded), "abc", End::Met),
        (terms(Lateness::Unbounded), "cba", End::Met),
        (terms(Lateness::None), "cba", End::Met),
        // Nobody prints twice, and nobody prints nothing.
        (terms(Lateness::Unbounded), "aa", End::Exhausted),
        (terms(Lateness::Unbounded), "ab", End::Exhausted),
        (spent, "aa", End::Spent),
    ] {
        let searched = go(terms, &plan, &[], &mut want(output, "finished, exited(0)"));
        assert_eq!(searched.end, end, "{output}: {searched:?}");
        let told = searched.moments.iter().fold(Told::default(), |mut told, moment| {
            told.see(moment);
            told
        });
        assert_eq!(
            told.output == output && !told.end.is_empty(),
            end == End::Met,
            "{output}: the run that came farthest told {told:?}"
        );
    }
}

/// The order that no seed of a sweep has come to, of eight children, is found in a moment.
#[test]
fn what_a_sweep_does_not_show_is_found() {
    let children = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let script: String = children.iter().map(|name| format!("spawn {name} {{ print {name} }}; ")).collect();
    let (plan, wanted) = (plan(&format!("{script} wait all; exit 0"), Duration::from_secs(1)), "hgfedcba");
    let mut simulator =
        Simulator::new(WorldConfig { history: true, ..WorldConfig::default() }, Limits::default(), Seeded::new(0));
    let nothing: Arc<[Stimulus]> = Arc::new([]);
    let seen = (0..2_000).any(|seed| {
        simulator.run(Seeded::new(seed), Some(plan.clone()), |host| {
            host.start_session(&plan, &nothing);
        });
        let mut told = Told::default();
        simulator.host().world().borrow().history().iter().for_each(|moment| told.see(moment));
        told.output == wanted
    });
    assert!(!seen, "it is not rare: plant another");
    let searched = go(terms(Lateness::Unbounded), &plan, &[], &mut want(wanted, "finished, exited(0)"));
    assert_eq!(searched.end, End::Met, "{} runs", searched.runs);
}

/// A handler that takes 10 ms may take longer than a grace of ten seconds, where everything may be late.
#[test]
fn only_where_everything_may_be_late_a_timer_overtakes_a_step() {
    let plan = plan("on TERM exit 3 after 10ms; hang", Duration::from_secs(10));
    let stop = [stop_at(Duration::from_millis(50))];
    for (end, unbounded, none) in [
        ("stopped, exited(3)", End::Met, End::Met),
        ("killed, signalled(KILL)", End::Met, End::Exhausted),
        // It was not asked: it cannot have ended by itself.
        ("failed, exited(3)", End::Exhausted, End::Exhausted),
    ] {
        for (lateness, expected) in [(Lateness::Unbounded, unbounded), (Lateness::None, none)] {
            let searched = go(terms(lateness), &plan, &stop, &mut want("", end));
            assert_eq!(searched.end, expected, "{end} {lateness:?}");
        }
    }
}

#[test]
fn remembering_states_changes_the_cost_and_nothing_else() {
    let stop = [stop_at(Duration::from_millis(1))];
    for (script, stimuli) in [
        ("spawn a { print a }; print b; wait a; exit 0", &[][..]),
        ("spawn a { on TERM print bye; print up; exit 1 }; wait a; exit 2", &stop[..]),
        ("sleep 1ms; print a; die TERM", &stop[..]),
    ] {
        let plan = plan(script, Duration::from_secs(1));
        let [with, without] = [true, false].map(|remembers| {
            let mut all = All::default();
            let searched = go(Terms { remembers, ..terms(Lateness::None) }, &plan, stimuli, &mut all);
            assert_eq!(searched.end, End::Exhausted, "{script}");
            (all.found, searched.runs)
        });
        assert_eq!(with.0, without.0, "{script}");
        assert!(with.1 < without.1 && !with.0.is_empty(), "{script}: {} and {} runs", with.1, without.1);
    }
}

#[test]
fn the_order_of_trying_changes_the_cost_and_nothing_else() {
    let stop = [stop_at(Duration::from_millis(1))];
    for (script, stimuli) in
        [("spawn a { print a }; print b; wait a; exit 0", &[][..]), ("sleep 1ms; print a; die TERM", &stop[..])]
    {
        let plan = plan(script, Duration::from_secs(1));
        let [late, depth_first, backwards] =
            [(true, false), (false, false), (true, true)].map(|(deviates_late, backwards)| {
                let mut all = Backwards { all: All::default(), backwards };
                let terms = Terms { deviates_late, ..terms(Lateness::None) };
                assert_eq!(go(terms, &plan, stimuli, &mut all).end, End::Exhausted, "{script}");
                all.all.found
            });
        assert!(!late.is_empty(), "{script}");
        assert_eq!((&late, &late), (&depth_first, &backwards), "{script}");
    }
}

/// Collects all that can be told, and takes for likely that what came last goes first.
struct Backwards {
    all: All,
    backwards: bool,
}

impl Goal for Backwards {
    fn begin(&mut self) {
        self.all.begin();
    }

    fn see(&mut self, moment: &Moment, who: Option<Label>) -> bool {
        self.all.see(moment, who)
    }

    fn turns(&self, enabled: &[Site], _: u32) -> Vec<u64> {
        let turn = |at: usize| if self.backwards { (enabled.len() - at) as u64 } else { 0 };
        (0..enabled.len()).map(turn).collect()
    }

    fn is_met(&mut self, step: Step) -> bool {
        self.all.is_met(step)
    }

    fn digest(&self) -> u64 {
        self.all.digest()
    }

    fn progress(&self) -> u64 {
        0
    }
}

#[test]
fn a_run_that_is_too_long_is_cut_and_leaves_the_question_open() {
    let plan = plan("print up; flood", Duration::from_secs(1));
    let short = Terms { steps_a_run: 40, ..terms(Lateness::None) };
    assert_eq!(go(short.clone(), &plan, &[], &mut want("down", "")).end, End::Exhausted, "its first word decides");
    assert_eq!(go(short, &plan, &[], &mut All::default()).end, End::Spent);
}
