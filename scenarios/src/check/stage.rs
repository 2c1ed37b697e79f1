//! Where a test is played: once for each seed, and again when it fails.

use super::{Config, TestResult};
use crate::failure::{Dictionary, Finding, Stage};
use crate::oracle::Oracles;
use shakedown_core::choose::Choose;
use shakedown_core::host::Flown;
use shakedown_core::ids::WorkerId;
use shakedown_core::oracle::Names;
use shakedown_core::task::{TaskCx, Ways};
use shakedown_core::vocab::Fault;
use shakedown_sim::choose::{Chooser, Pilot, Record, Strategy};
use shakedown_sim::{Ending, Moment, Run, Simulator, WorldConfig};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;

pub(super) struct Player<C: Choose + 'static> {
    simulator: Simulator<C>,
    oracles: Oracles,
}

impl<C: Choose + 'static> Player<C> {
    pub(super) fn new(config: &Config, chooser: C) -> Player<C> {
        let world = WorldConfig { history: true, ..WorldConfig::default() };
        let mut simulator = Simulator::new(world, config.limits, chooser);
        simulator.host().world().borrow_mut().set_faults(config.faults.as_slice().into());
        simulator.host().world().borrow_mut().install(config.programs.clone());
        Player { simulator, oracles: config.oracles.clone() }
    }

    pub(super) fn play<F, Fut, T>(&mut self, chooser: C, test: &F) -> (Run, Option<Finding>)
    where
        F: Fn(TaskCx) -> Fut,
        Fut: Future<Output = T> + 'static,
        T: TestResult,
    {
        let returned = Rc::new(RefCell::new(None));
        let result = returned.clone();
        let run = self.simulator.run(chooser, None, |host| {
            host.serve_processes();
            host.spawn("main", |cx| {
                let test = test(cx);
                async move {
                    let error = test.await.error();
                    *result.borrow_mut() = error;
                }
            });
        });
        let error = returned.borrow_mut().take();
        let blame = blame_of(&run, error).or_else(|| self.claimed(&run)).or_else(|| self.judged(&run));
        (run, blame)
    }

    /// What the test claims of itself and does not hold.
    fn claimed(&mut self, run: &Run) -> Option<Finding> {
        let host = self.simulator.host();
        let claims = host.claims();
        let (kind, claim) = claims.first_broken()?;
        let (at, message) = match kind {
            "always" => (claim.at, format!("{} claims that always: {}; here it is not so", claim.by, claim.what)),
            _ => (run.end, format!("{} claims that eventually: {}; the run is over without it", claim.by, claim.what)),
        };
        let rule = format!("{kind} {}", claim.what).into();
        Some(Finding { rule, expected: false, subject: claim.by.clone(), at, message })
    }

    /// What its own oracles object to.
    fn judged(&mut self, run: &Run) -> Option<Finding> {
        let world = self.simulator.host().world().clone();
        let world = world.borrow();
        self.oracles.iter().find_map(|oracle| {
            let (at, message) = oracle.judge(world.history(), &NoWorkers, run.end)?;
            Some(Finding { rule: oracle.name().clone(), expected: false, subject: "main".into(), at, message })
        })
    }

    /// Looks at which way the timeouts of the last run went.
    pub(super) fn with_timeouts(&mut self, look: impl FnOnce(&[(&'static Location<'static>, Ways)])) {
        look(&self.simulator.host().timeouts());
    }

    /// What was claimed to happen in some run, and whether it did in the last one.
    pub(super) fn sometimes(&mut self) -> BTreeMap<&'static str, bool> {
        self.simulator.host().claims().sometimes.clone()
    }
}

impl Player<Chooser> {
    /// What the calm run is like, where the strategy wants to know.
    pub(super) fn pilot<F, Fut, T>(&mut self, strategy: Strategy, test: &F) -> Pilot
    where
        F: Fn(TaskCx) -> Fut,
        Fut: Future<Output = T> + 'static,
        T: TestResult,
    {
        if !strategy.needs_pilot() {
            return Pilot::default();
        }
        self.play(Chooser::Pilot(Box::default()), test);
        self.simulator.host().world().borrow().choices().clone().into_pilot()
    }
}

/// The first thing that is wrong with a run.
fn blame_of(run: &Run, error: Option<String>) -> Option<Finding> {
    if let Some(v) = run.violations.first() {
        let (rule, subject, message) = (v.oracle.name().into(), v.subject.clone(), v.message.clone());
        return Some(Finding { rule, expected: false, subject, at: v.at, message });
    }
    let waiters = || run.waiters.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let (rule, message) = match (&run.ending, error) {
        (Ending::Done, None) | (Ending::Cut, _) => return None,
        (Ending::Done, Some(error)) => ("error", error),
        (Ending::Stuck, _) => ("stuck", format!("nothing can ever happen again: {}", waiters())),
        (Ending::Hang, _) => ("hang", format!("the limit of virtual time has passed: {}", waiters())),
        (Ending::Livelock, _) => ("livelock", format!("the limit of steps is reached: {}", waiters())),
        (Ending::Panicked(message), _) => ("panic", message.clone()),
    };
    Some(Finding { rule: rule.into(), expected: false, subject: "main".into(), at: run.end, message })
}

/// A test has no plan that would name workers.
pub(super) struct NoWorkers;

impl Names for NoWorkers {
    fn worker(&self, _: WorkerId) -> &str {
        "worker"
    }
}

/// A test, to be played again.
pub(super) struct TestStage<'a, F> {
    player: Player<Record<Chooser>>,
    faults: &'a [Fault],
    test: &'a F,
}

impl<'a, F> TestStage<'a, F> {
    pub(super) fn new(config: &'a Config, test: &'a F) -> Self {
        let player = Player::new(config, Record::new(Chooser::default()));
        TestStage { player, faults: &config.faults, test }
    }
}

impl<F, Fut, T> Stage for TestStage<'_, F>
where
    F: Fn(TaskCx) -> Fut,
    Fut: Future<Output = T> + 'static,
    T: TestResult,
{
    fn play(&mut self, chooser: Record<Chooser>) -> (Run, Option<Finding>) {
        self.player.play(chooser, self.test)
    }

    fn record_flight(&mut self) {
        self.player.simulator.host().record_flight();
    }

    fn with_choices<R>(&mut self, look: impl FnOnce(&Record<Chooser>) -> R) -> R {
        look(self.player.simulator.host().world().borrow().choices())
    }

    fn moments(&mut self) -> Vec<Moment> {
        self.player.simulator.host().world().borrow().history().to_vec()
    }

    fn flight(&mut self) -> Vec<Flown> {
        self.player.simulator.host().flight().to_vec()
    }

    fn dictionary(&self) -> Dictionary {
        Dictionary::with_faults(self.faults)
    }

    fn with_names<R>(&self, tell: impl FnOnce(&dyn Names) -> R) -> R {
        tell(&NoWorkers)
    }
}
