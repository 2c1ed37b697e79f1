//! Equal digests mean equal futures. An exploration and a search do not ask whether two actions are independent: they take two states of one
//! digest for the same, and enter only the first. Whether that is right is played out here. Over the corpus, states to which two schedules
//! have come, such as differ in two neighbours that were swapped, are gone on from by either way with the same choices: the same must be
//! told, judged and left behind. A digest that forgets something is found so.
//!
//! `SHAKEDOWN_FUTURES=20` plays twenty times as much.

use super::corpus::corpus;
use shakedown::format::Case;
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::host::Host;
use shakedown_core::site::{Kind, Label, Site};
use shakedown_core::time::Instant;
use shakedown_core::vocab::{Act, Fact};
use shakedown_core::world::World;
use shakedown_sim::explore::{State, perhaps_crash};
use shakedown_sim::{Ending, Limits, Moment, Random, Run, SimWorld, Simulator, WorldConfig};
use std::collections::BTreeMap;

/// Who takes states for the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Who {
    Exploration,
    /// A search in which nothing is late. It knows neither what came before nor when, and of who came first nothing depends.
    Search,
    /// A search in which everything may be late: how late something is does not count either.
    LateSearch,
}

/// Forgets something that a state is known by.
type Hole = fn(State) -> State;

const WHOLE: Hole = |state| state;

#[test]
fn states_that_look_alike_have_one_future() {
    let effort = std::env::var("SHAKEDOWN_FUTURES").map_or(1, |n| n.parse().expect("SHAKEDOWN_FUTURES is a number"));
    for (who, least) in [(Who::Exploration, 300), (Who::Search, 300), (Who::LateSearch, 300)] {
        let played = play_on(&cases(who), who, WHOLE, effort);
        println!("{who:?}: {} states gone on from by two ways", played.meetings);
        assert_eq!(played.parted, None, "{who:?}");
        assert!(played.meetings > least, "{who:?}: only {} meetings", played.meetings);
    }
}

#[test]
fn whatever_is_left_out_of_a_digest_is_missed() {
    // Of the rest, the order of what is enabled decides what a delay costs and no future, and what was told has its times.
    let holes: [(&str, Hole); 3] = [
        ("the machines", |state| State { machines: 0, ..state }),
        ("the world", |state| State { world: 0, ..state }),
        ("what was told", |state| State { trail: 0, ..state }),
    ];
    for (of, hole) in holes {
        assert_ne!(play_on(&cases(Who::Exploration), Who::Exploration, hole, 1).parted, None, "without {of}");
    }
    for (of, hole) in &holes[..2] {
        assert_ne!(play_on(&cases(Who::Search), Who::Search, *hole, 1).parted, None, "without {of}");
    }
}

/// The first case of each file. What fails on purpose, and the end of a supervisor, is never searched through.
fn cases(who: Who) -> Vec<(String, Case)> {
    let is_searched =
        |case: &Case| case.faults.is_empty() && case.stimuli.iter().all(|stimulus| stimulus.act != Act::CrashHost);
    let cases = corpus().into_iter().map(|scenario| (scenario.name.to_string(), scenario.cases().remove(0)));
    cases.filter(|(_, case)| who == Who::Exploration || is_searched(case)).collect()
}

/// What came of going on.
struct PlayedOn {
    /// From so many states, by two ways each.
    meetings: usize,
    /// Where two futures of one state parted first; nothing is played after that.
    parted: Option<String>,
}

fn play_on(cases: &[(String, Case)], who: Who, hole: Hole, effort: u64) -> PlayedOn {
    let mut played = PlayedOn { meetings: 0, parted: None };
    for (name, case) in cases {
        let mut stage = Stage::new(case, who);
        let meetings = stage.meetings(PAIRS * effort, hole);
        let every = meetings.len().div_ceil(MEETINGS * effort as usize).max(1);
        for (seed, [one, other]) in (0..).zip(meetings.iter().step_by(every)) {
            let futures = [one, other].map(|met| stage.future(*met, seed));
            // Steps and time are limited from the beginning, and the two have not come by equally many.
            if futures.iter().any(|future| matches!(future.ending, Ending::Livelock | Ending::Hang)) {
                continue;
            }
            played.meetings += 1;
            if futures[0] != futures[1] {
                let parted = parted(&futures);
                played.parted = Some(format!("{name}: {one:?} and {other:?}, then seed {seed}: {parted}"));
                return played;
            }
        }
    }
    played
}

/// How a run begins: the choices of a seed, of which two neighbours may be swapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Way {
    seed: u64,
    swapped: bool,
}

/// A state, by a way to it and the steps after which it is reached.
type Met = (Way, u64);

/// What became of a run.
#[derive(Clone, PartialEq, Debug)]
struct Future {
    told: Vec<String>,
    ending: Ending,
    /// What oracles object to.
    objections: Vec<String>,
    /// What machines and world have come to.
    end: Option<(u64, u64)>,
}

/// Plays one case.
struct Stage {
    simulator: Simulator<Ways>,
    case: Case,
    who: Who,
}

impl Stage {
    fn new(case: &Case, who: Who) -> Stage {
        let config = WorldConfig { history: true, observed: true, trail: true, ..WorldConfig::default() };
        let limits = Limits { time: case.limits.time, steps: case.limits.steps.min(STEPS) };
        let mut simulator = Simulator::new(config, limits, Ways::new(Way { seed: 0, swapped: false }, who));
        simulator.host().world().borrow_mut().set_faults(case.faults.clone());
        Stage { simulator, case: case.clone(), who }
    }

    /// Plays a run that begins so; `look` looks at it before each step.
    fn play(&mut self, way: Way, mut look: impl FnMut(&mut Host<SimWorld<Ways>>)) -> Run {
        let case = &self.case;
        let begin = |host: &mut Host<SimWorld<Ways>>| {
            host.start_session(&case.session, &case.stimuli.as_slice().into());
            if !case.crashes.is_empty() {
                host.recovers_at_once(&case.session);
            }
        };
        let mut steps = 0;
        let look = |host: &mut Host<SimWorld<Ways>>| {
            if let Some(site) = host.last_step().filter(|_| host.steps() > steps) {
                host.world().borrow_mut().chooser().gone(site);
            }
            steps = host.steps();
            look(host);
            perhaps_crash(host, &case.crashes);
            true
        };
        self.simulator.run_while(Ways::new(way, self.who), Some(case.session.clone()), begin, look)
    }

    /// States to which two schedules have come, of so many pairs of runs that differ in two neighbours.
    fn meetings(&mut self, pairs: u64, hole: Hole) -> Vec<[Met; 2]> {
        let (who, mut seen, mut meetings) = (self.who, BTreeMap::new(), Vec::new());
        for way in (0..pairs).flat_map(|seed| [false, true].map(|swapped| Way { seed, swapped })) {
            self.play(way, |host| {
                let Some(state) = state(host, who) else { return };
                let (steps, schedule) = (host.steps(), host.digest());
                let (met, how) = *seen.entry(hole(state)).or_insert(((way, steps), schedule));
                if how != schedule {
                    meetings.push([met, (way, steps)]);
                }
            });
        }
        meetings
    }

    /// What becomes of a run that is gone on with by this seed from there on.
    fn future(&mut self, (way, after): Met, seed: u64) -> Future {
        let mut met = None;
        let run = self.play(way, |host| {
            if host.steps() == after && met.is_none() {
                // Whoever tells a state has taken in what the world had for the host.
                host.alternatives();
                let mut world = host.world().borrow_mut();
                met = Some((world.history().len(), host.now()));
                world.chooser().go_on(seed);
            }
        });
        let (before, at) = met.expect("it is played as before until then");
        let host = self.simulator.host();
        let end = host.fingerprint().map(|machines| (machines, host.world().borrow().fingerprint()));
        let world = host.world().borrow();
        let (earlier, later) = world.history().split_at(before);
        let (told, is_judged): (Vec<String>, bool) = match self.who {
            Who::Exploration => (earlier.iter().chain(later).map(in_full).collect(), true),
            Who::Search => (later.iter().map(|moment| told(moment, Some(at))).collect(), false),
            Who::LateSearch => (later.iter().map(|moment| told(moment, None)).collect(), false),
        };
        let objections = run.violations.iter().filter(|_| is_judged).map(|violation| format!("{violation:?}"));
        Future {
            told,
            ending: run.ending,
            objections: objections.collect(),
            end: end.filter(|_| self.who != Who::LateSearch),
        }
    }
}

/// What a state is known by.
fn state(host: &mut Host<SimWorld<Ways>>, who: Who) -> Option<State> {
    let state = State::of_choice(host)?;
    Some(match who {
        Who::Exploration => state,
        Who::Search | Who::LateSearch => State { order: 0, trail: 0, now: Instant::ZERO, ..state },
    })
}

/// What was told, without the numbers of processes: nothing depends on them.
fn in_full(moment: &Moment) -> String {
    match moment {
        Moment::Fact(fact) if !matches!(fact.fact, Fact::Started { .. }) => format!("{fact:?}"),
        Moment::Fact(_) | Moment::Process(_) => told(moment, Some(Instant::ZERO)),
    }
}

/// The same in few words, with how long after this instant.
fn told(moment: &Moment, since: Option<Instant>) -> String {
    let at = |at: Instant| since.map_or_else(String::new, |since| format!("{:?} ", at.since(since)));
    match moment {
        Moment::Fact(fact) => {
            let line = if let Fact::Output { line, .. } = &fact.fact { &line[..] } else { &[] };
            format!("{}{:?} {} {line:?}", at(fact.at), fact.subject, fact.fact.word())
        }
        Moment::Process(event) => format!("{}{} {:?}", at(event.at), event.name, event.what),
    }
}

/// Where two futures part.
fn parted([one, other]: &[Future; 2]) -> String {
    let same = one.told.iter().zip(&other.told).take_while(|(one, other)| one == other).count();
    if same < one.told.len().max(other.told.len()) {
        let [one, other] = [one, other].map(|future| future.told.get(same).map_or("nothing", String::as_str));
        return format!("after {same} that are alike, {one} | {other}");
    }
    let [one, other] = [one, other].map(|Future { told: _, ending, objections, end }| (ending, objections, end));
    format!("{one:?} | {other:?}")
}

/// Chooses by one seed until two ways meet, and by another from there on: then by what an action or a question is, and how often that has
/// gone or was asked since. So one more action that changes nothing leaves the turns of all others alone.
#[derive(Clone)]
struct Ways {
    random: Random,
    who: Who,
    /// At which pick two neighbours are chosen that may be swapped, and whether they are.
    swap: (u64, bool),
    /// Who goes second of those two.
    second: Option<(Kind, Label)>,
    picks: u64,
    since: Option<BTreeMap<(Kind, Label), u32>>,
}

impl Ways {
    fn new(way: Way, who: Who) -> Ways {
        let swap = (way.seed % SWAPS, way.swapped);
        Ways { random: Random::new(way.seed), who, swap, second: None, picks: 0, since: None }
    }

    /// From here on by this seed.
    fn go_on(&mut self, seed: u64) {
        (self.random, self.second, self.since) = (Random::new(seed), None, Some(BTreeMap::new()));
    }

    /// This one has gone, whether or not there was a choice.
    fn gone(&mut self, site: Site) {
        if let Some(since) = &mut self.since {
            *since.entry((site.kind, site.label)).or_default() += 1;
        }
    }

    fn nth(&self, site: Site) -> Site {
        let since = |since: &BTreeMap<_, u32>| since.get(&(site.kind, site.label)).copied().unwrap_or(0);
        Site { nth: self.since.as_ref().map_or(site.nth, since), ..site }
    }
}

impl Choose for Ways {
    fn rank(&mut self, _: Site) -> u16 {
        0
    }

    fn draw(&mut self, site: Site, ask: Ask) -> u32 {
        let is_calm = self.who != Who::Exploration
            && (matches!(ask, Ask::Span { .. }) || matches!(site.kind, Kind::Tie | Kind::Limit));
        if is_calm {
            return 0;
        }
        let drawn = self.random.at(self.nth(site));
        self.gone(site);
        match ask {
            Ask::Chance { per_million: 0 } => 0,
            Ask::Chance { .. } => u32::from(drawn.is_multiple_of(4)),
            Ask::Pick { .. } | Ask::Span { .. } => (drawn % (u64::from(ask.max()) + 1)) as u32,
        }
    }

    fn picks(&self) -> bool {
        true
    }

    fn may_be_late(&self) -> bool {
        self.who == Who::LateSearch
    }

    fn pick(&mut self, enabled: &[Site]) -> usize {
        let second = self.second.take();
        let second = second.and_then(|second| enabled.iter().position(|site| (site.kind, site.label) == second));
        let turn = |at: &usize| self.random.at(self.nth(enabled[*at]));
        let picked = second.or_else(|| (0..enabled.len()).min_by_key(turn)).unwrap_or(0);
        let (at, swapped) = self.swap;
        self.picks += 1;
        if self.since.is_some() || self.picks != at + 1 {
            return picked;
        }
        let other = (picked + 1) % enabled.len();
        let (first, second) = if swapped { (other, picked) } else { (picked, other) };
        self.second = Some((enabled[second].kind, enabled[second].label));
        first
    }
}

/// So many steps are enough for a run here.
const STEPS: u64 = 1_000;

/// The first so many picks may be swapped with their neighbours.
const SWAPS: u64 = 40;

/// So many pairs of runs a case.
const PAIRS: u64 = 6;

/// So many meetings are gone on from, a case.
const MEETINGS: usize = 5;
