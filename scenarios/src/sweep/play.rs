//! One case of a scenario under one chooser: setup, simulation, oracles, expectations.

use super::{Deadlines, Job, PlanNames};
use crate::failure::{Dictionary, Finding, Stage};
use crate::format::Case;
use crate::oracle::Named;
use crate::pattern::{History, glob};
use shakedown_core::choose::Choose;
use shakedown_core::host::{Flown, Host, Waiter};
use shakedown_core::journal::{Entry, scan};
use shakedown_core::oracle::{Names, OracleName};
use shakedown_core::site::{Kind, Label};
use shakedown_core::vocab::{ProcessWhat, SessionSpec, Stimulus, TriggerSubject};
use shakedown_sim::choose::{Chooser, Pilot, Record, Selected, Selector};
use shakedown_sim::explore::perhaps_crash;
use shakedown_sim::{Ending, Limits, Moment, Run, SimWorld, Simulator, WorldConfig, process_label};
use std::sync::Arc;

/// What became of one run.
#[derive(Clone, Debug)]
pub struct Played {
    /// The simulation's own result.
    pub run: Run,
    /// What it is blamed for; the first is the one that counts.
    pub findings: Vec<Finding>,
    /// Which `sometimes` it has seen.
    pub hits: u64,
}

/// Plays one case, again and again.
pub struct Player<C: Choose + 'static> {
    case: Case,
    stimuli: Arc<[Stimulus]>,
    simulator: Simulator<C>,
    history: History,
}

impl<C: Choose + 'static> Player<C> {
    /// A player of this case; the chooser is a placeholder until the first run.
    pub fn new(case: &Case, chooser: C) -> Player<C> {
        Self::with_trail(case, chooser, false)
    }

    /// The same, for an exploration: with a digest of all that is seen of a run.
    pub fn exploring(case: &Case, chooser: C) -> Player<C> {
        Self::with_trail(case, chooser, true)
    }

    fn with_trail(case: &Case, chooser: C, trail: bool) -> Player<C> {
        let waits_for_process = |stimulus: &Stimulus| {
            stimulus.when.as_ref().is_some_and(|when| matches!(when.subject, TriggerSubject::Process(_)))
        };
        let observed = case.stimuli.iter().any(waits_for_process);
        let config = WorldConfig { history: true, observed, trail, ..WorldConfig::default() };
        let limits = Limits { time: case.limits.time, steps: case.limits.steps };
        let mut simulator = Simulator::new(config, limits, chooser);
        {
            let world = simulator.host().world().clone();
            let mut world = world.borrow_mut();
            world.set_faults(case.faults.clone());
            for allow in case.allows.iter() {
                if let Some(oracle) = OracleName::parse(allow.oracle) {
                    world.audit().allow(oracle, Some(&allow.on));
                }
            }
        }
        let history = History::new(case.names.clone());
        let stimuli = case.stimuli.as_slice().into();
        // What each run takes hold of is the player's own: the one on the next thread plays the same case.
        let session = Arc::new(case.session.own_copy());
        let case = Case { session, crashes: (*case.crashes).into(), ..case.clone() };
        Player { case, stimuli, simulator, history }
    }

    /// Plays the case once.
    pub fn play(&mut self, chooser: C) -> Played {
        self.play_while(chooser, |_| true)
    }

    /// As [`play`](Self::play), as long as `goes_on` says so before each step. A run that is cut is blamed for nothing.
    pub fn play_while(&mut self, chooser: C, mut goes_on: impl FnMut(&mut Host<SimWorld<C>>) -> bool) -> Played {
        let (session, stimuli, crashes) = (self.case.session.clone(), self.stimuli.clone(), self.case.crashes.clone());
        let begin = |host: &mut Host<SimWorld<C>>| {
            host.start_session(&session, &stimuli);
            if !crashes.is_empty() {
                host.recovers_at_once(&session);
            }
        };
        let goes_on = |host: &mut Host<SimWorld<C>>| {
            goes_on(host) && {
                perhaps_crash(host, &crashes);
                true
            }
        };
        let run = self.simulator.run_while(chooser, Some(session.clone()), begin, goes_on);
        if run.ending == Ending::Cut {
            return Played { run, findings: Vec::new(), hits: 0 };
        }
        self.history.clear();
        {
            let world = self.simulator.host().world().borrow();
            for moment in world.history() {
                match moment {
                    Moment::Fact(fact) => self.history.fact(fact),
                    Moment::Process(event) => self.history.process(event),
                }
            }
        }
        if self.case.expectations.read_journal() {
            self.history.keep(journal_of(&self.case.session, self.simulator.host()));
        }
        self.history.finish(run.end);
        let findings = self.judge(&run);
        let hits = self.case.expectations.hits(&self.history);
        Played { run, findings, hits }
    }

    /// Adds which way its deadlines have gone in the last run.
    pub fn count_deadlines(&mut self, into: &mut Deadlines) {
        super::deadlines::count(self.simulator.host().world().borrow().history(), &self.case.session, into);
    }

    /// Looks at the chooser of the last run.
    pub fn with_chooser<R>(&mut self, look: impl FnOnce(&C) -> R) -> R {
        look(self.simulator.host().world().borrow().choices())
    }

    /// Allowances that no run has needed so far.
    pub fn unused_allowances(&mut self) -> Vec<(OracleName, Option<String>)> {
        self.simulator.host().world().borrow_mut().audit().allowed_unused()
    }

    /// What the program's own oracles object to.
    fn checked(&mut self, run: &Run) -> Vec<Finding> {
        if self.case.checks.is_empty() {
            return Vec::new();
        }
        let world = self.simulator.host().world().clone();
        let (world, names) = (world.borrow(), PlanNames(&self.case.session));
        let judge = |check: &Named| {
            let (at, message) = check.judge(world.history(), &names, run.end)?;
            let rule = format!("check = {:?}", &**check.name()).into();
            Some(Finding { rule, expected: true, subject: "session".into(), at, message })
        };
        self.case.checks.iter().filter_map(judge).collect()
    }

    fn judge(&mut self, run: &Run) -> Vec<Finding> {
        let mut findings: Vec<Finding> = run
            .violations
            .iter()
            .map(|v| Finding {
                rule: v.oracle.name().into(),
                expected: false,
                subject: v.subject.clone(),
                at: v.at,
                message: v.message.clone(),
            })
            .collect();
        findings.extend(self.checked(run));
        findings.extend(unfinished(run));
        // What did not come to its end cannot be held to what should have come.
        if run.ending == Ending::Done {
            findings.extend(self.case.expectations.judge(&self.history).into_iter().map(|failure| Finding {
                rule: failure.expectation,
                expected: true,
                subject: failure.subject.to_string(),
                at: failure.at,
                message: failure.message,
            }));
        }
        findings
    }
}

impl Player<Chooser> {
    /// A player of this job, and what its calm run is like where the strategy wants to know.
    pub fn with_pilot(job: &Job) -> (Player<Chooser>, Pilot) {
        let player = Player::new(&job.case, Chooser::default());
        if !job.strategy.needs_pilot() {
            return (player, Pilot::default());
        }
        let mut watched = Player::new(&job.case, Chooser::default());
        watched.simulator.host().record_flight();
        watched.play(Chooser::Pilot(Box::default()));
        let mut pilot = watched.with_chooser(|chooser| chooser.clone().into_pilot());
        if let Some(about) = &job.about {
            pilot.select(watched.selected(about));
        }
        (player, pilot)
    }

    /// The chains of those actions of the last run that were asked for.
    fn selected(&mut self, about: &Selector) -> Vec<Label> {
        let host = self.simulator.host();
        let world = host.world().borrow();
        let (flight, moments) = (host.flight(), world.history());
        let fits = |at: usize| {
            let flown: &Flown = &flight[at];
            let named = |name: &str| glob(&about.names, name);
            let until = flight.get(at + 1).map_or(moments.len(), |next| next.told);
            let happens = |what: fn(ProcessWhat) -> bool| {
                moments[flown.told..until]
                    .iter()
                    .any(|moment| matches!(moment, Moment::Process(event) if what(event.what) && named(&event.name)))
            };
            match about.of {
                Selected::Exit => happens(|what| matches!(what, ProcessWhat::Exited(_))),
                Selected::Signal => happens(|what| matches!(what, ProcessWhat::Signalled(_))),
                Selected::Timer => flown.site.kind == Kind::Tick && named(&flown.who),
                Selected::Message => flown.site.kind == Kind::Mail && named(&flown.who),
                Selected::Task => flown.site.kind == Kind::Poll && named(&flown.who),
                Selected::Process => flown.site.kind == Kind::Step && named(&flown.who),
                Selected::Any => named(&flown.who),
            }
        };
        (0..flight.len()).filter(|at| fits(*at)).map(|at| flight[at].site.label).collect()
    }
}

impl Stage for Player<Record<Chooser>> {
    fn play(&mut self, chooser: Record<Chooser>) -> (Run, Option<Finding>) {
        let played = Player::play(self, chooser);
        (played.run, played.findings.into_iter().next())
    }

    fn record_flight(&mut self) {
        self.simulator.host().record_flight();
    }

    fn with_choices<R>(&mut self, look: impl FnOnce(&Record<Chooser>) -> R) -> R {
        self.with_chooser(look)
    }

    fn moments(&mut self) -> Vec<Moment> {
        self.simulator.host().world().borrow().history().to_vec()
    }

    fn flight(&mut self) -> Vec<Flown> {
        self.simulator.host().flight().to_vec()
    }

    fn dictionary(&self) -> Dictionary {
        let mut dictionary = Dictionary::with_faults(&self.case.faults);
        for worker in &self.case.session.workers {
            for nth in 0..INCARNATIONS_NAMED {
                dictionary.add(process_label(&worker.name, nth), &worker.name);
            }
        }
        dictionary
    }

    fn with_names<R>(&self, tell: impl FnOnce(&dyn Names) -> R) -> R {
        tell(&PlanNames(&self.case.session))
    }
}

/// What stands in the journal of a session, on the simulated disk.
fn journal_of<C: Choose + 'static>(session: &SessionSpec, host: &mut Host<SimWorld<C>>) -> Vec<Entry> {
    let Some(sink) = &session.journal else { return Vec::new() };
    let mut world = host.world().borrow_mut();
    let disk = world.disk_mut();
    let names = disk.names_in(&sink.folder);
    let files = names.iter().filter_map(|name| disk.content(&format!("{}/{name}", sink.folder)));
    files.flat_map(|bytes| scan(bytes).entries).collect()
}

/// Starts of a worker that are known by name even where they failed.
const INCARNATIONS_NAMED: u32 = 32;

/// A run that was cut off, or came to nothing, names who waits for what.
fn unfinished(run: &Run) -> Option<Finding> {
    let (rule, message) = match &run.ending {
        Ending::Done | Ending::Cut => return None,
        Ending::Stuck => ("stuck", format!("nothing can ever happen again: {}", list(&run.waiters))),
        Ending::Hang => ("hang", format!("the limit of virtual time has passed: {}", list(&run.waiters))),
        Ending::Livelock => ("livelock", format!("the limit of steps is reached: {}", list(&run.waiters))),
        Ending::Panicked(message) => ("panic", message.clone()),
    };
    Some(Finding { rule: rule.into(), expected: false, subject: "session".into(), at: run.end, message })
}

fn list(waiters: &[Waiter]) -> String {
    let all: Vec<String> = waiters.iter().map(Waiter::to_string).collect();
    if all.is_empty() { "nobody waits".into() } else { all.join("; ") }
}
