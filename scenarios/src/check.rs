//! `check`: an async supervisor played under many seeds in `cargo test`. The oracles watch; a failure ends in the command to paste.

use crate::failure::{Dictionary, Effort, Finding, Stage, diverge, investigate};
use crate::report::{FailureReport, HowCommon, RunOf, failure_block};
use crate::sweep::Seeds;
use shakedown_core::choose::Choose;
use shakedown_core::host::Flown;
use shakedown_core::ids::WorkerId;
use shakedown_core::oracle::Names;
use shakedown_core::puppet::{self, Block};
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::Fault;
use shakedown_sim::choose::{Chooser, Pilot, Record, Strategy};
use shakedown_sim::{Ending, Limits, Moment, Run, Simulator, WorldConfig};
use std::cell::RefCell;
use std::fmt::Debug;
use std::future::Future;
use std::ops::Range;
use std::rc::Rc;

/// What is played, and how far.
#[derive(Clone, Debug)]
pub struct Config {
    name: String,
    seeds: Range<u64>,
    limits: Limits,
    faults: Vec<Fault>,
    recheck_all: bool,
    strategy: Strategy,
    effort: Effort,
}

impl Config {
    /// 100 seeds, a minute of virtual time, a million steps. `name` is the test's, as `cargo test` takes it.
    pub fn new(name: &str) -> Config {
        Config {
            name: name.into(),
            seeds: 0..100,
            limits: Limits::default(),
            faults: Vec::new(),
            recheck_all: false,
            strategy: Strategy::default(),
            effort: Effort::default(),
        }
    }

    /// So many seeds, from 0.
    #[must_use]
    pub fn seeds(mut self, seeds: u64) -> Config {
        self.seeds = 0..seeds;
        self
    }

    /// The limit of virtual time, as `"90s"`.
    ///
    /// # Panics
    /// Where it cannot be read.
    #[must_use]
    pub fn time(mut self, limit: &str) -> Config {
        self.limits.time = puppet::parse_duration(limit).unwrap_or_else(|e| panic!("time = {limit:?}: {}", e.message));
        self
    }

    /// Something that goes wrong, besides what was named before.
    ///
    /// ```
    /// use shakedown::{Config, prelude::*};
    /// let fault = Fault::new(FaultKind::SpawnFails { errno: Errno::EAGAIN }, 0.1).on("server");
    /// shakedown::check(Config::new("retries").seeds(10).fault(fault), |cx| async move {
    ///     let spec = ProcessSpec::puppet("server", puppet("exit 0"));
    ///     let server = loop {
    ///         match cx.process().start(spec.clone()).await {
    ///             Ok(server) => break server,
    ///             Err(_) => cx.sleep(Duration::from_millis(10)).await,
    ///         }
    ///     };
    ///     server.wait().await;
    /// });
    /// ```
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Config {
        self.faults.push(fault);
        self
    }

    /// How a seed chooses its run.
    #[must_use]
    pub fn strategy(mut self, strategy: Strategy) -> Config {
        self.strategy = strategy;
        self
    }

    /// The limit of steps.
    #[must_use]
    pub fn steps(mut self, limit: u64) -> Config {
        self.limits.steps = limit;
        self
    }

    /// `SHAKEDOWN_SEED=N` plays exactly that one, `SHAKEDOWN_SEEDS=N|A..B` others than the code says,
    /// `SHAKEDOWN_CHECK_DETERMINISM=1` each of them twice, `SHAKEDOWN_STRATEGY=pct` by another strategy, `SHAKEDOWN_NO_SHRINK=1` tells a
    /// failure as it was found.
    ///
    /// # Panics
    /// Where one of them cannot be read: a typo must not pass for a green test.
    #[must_use]
    pub fn from_env(mut self) -> Config {
        if let Some(seeds) = env("SHAKEDOWN_SEEDS") {
            self.seeds = match seeds.parse() {
                Ok(Seeds::First(n)) => 0..n,
                Ok(Seeds::Between(a, b)) => a..b,
                Ok(Seeds::OfFile) => self.seeds,
                Err(error) => panic!("SHAKEDOWN_SEEDS: {error}"),
            };
        }
        if let Some(seed) = env("SHAKEDOWN_SEED") {
            let seed: u64 = seed.parse().unwrap_or_else(|_| panic!("SHAKEDOWN_SEED: `{seed}` is not a number"));
            self.seeds = seed..seed.saturating_add(1);
        }
        if let Some(flag) = env("SHAKEDOWN_CHECK_DETERMINISM") {
            self.recheck_all = flag != "0";
        }
        if let Some(name) = env("SHAKEDOWN_STRATEGY") {
            self.strategy = name.parse().unwrap_or_else(|error| panic!("SHAKEDOWN_STRATEGY: {error}"));
        }
        if env("SHAKEDOWN_NO_SHRINK").is_some_and(|flag| flag != "0") {
            self.effort = Effort::NONE;
        }
        self
    }
}

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What a tested function may return: nothing, or a result whose error fails the run.
pub trait TestResult: 'static {
    /// The error, in words.
    fn error(self) -> Option<String>;
}

impl TestResult for () {
    fn error(self) -> Option<String> {
        None
    }
}

impl<T: 'static, E: Debug + 'static> TestResult for Result<T, E> {
    fn error(self) -> Option<String> {
        self.err().map(|error| format!("the test returned {error:?}"))
    }
}

/// A puppet script, for a test.
///
/// # Panics
/// Where the script has mistakes: all of them are named.
pub fn puppet(script: &str) -> Block {
    puppet::parse(script).unwrap_or_else(|mistakes| {
        let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        panic!("this puppet script cannot be played:\n{}", all.join("\n"))
    })
}

/// Plays `test` once for each seed, with all oracles on.
///
/// # Panics
/// With a report, for the first seed whose run an oracle rejects, that gets stuck, exceeds a limit, panics or returns an error; and
/// where a seed is not reproducible.
pub fn check<F, Fut, T>(config: Config, test: F)
where
    F: Fn(TaskCx) -> Fut,
    Fut: Future<Output = T> + 'static,
    T: TestResult,
{
    let mut player = Player::new(&config, Chooser::default());
    let pilot = player.pilot(config.strategy, &test);
    let mut first: Option<(u64, Finding)> = None;
    let (mut failed, mut runs) = (0, 0);
    for seed in config.seeds.clone() {
        let (run, blame) = player.play(config.strategy.chooser(seed, &pilot), &test);
        runs += 1;
        if config.recheck_all || runs % crate::sweep::RECHECK_EVERY == 1 {
            let (again, _) = player.play(config.strategy.chooser(seed, &pilot), &test);
            if (run.digest, run.end) != (again.digest, again.end) {
                panic!("{}", not_deterministic(&config, seed, &pilot, &test));
            }
        }
        if let Some(blame) = blame {
            failed += 1;
            first.get_or_insert((seed, blame));
        }
    }
    if let Some((seed, blame)) = first {
        panic!("\n{}", report(&config, seed, &blame, HowCommon { failed, runs }, &test));
    }
}

struct Player<C: Choose + 'static> {
    simulator: Simulator<C>,
}

impl<C: Choose + 'static> Player<C> {
    fn new(config: &Config, chooser: C) -> Player<C> {
        let world = WorldConfig { history: true, ..WorldConfig::default() };
        let mut simulator = Simulator::new(world, config.limits, chooser);
        simulator.host().world().borrow_mut().set_faults(config.faults.as_slice().into());
        Player { simulator }
    }

    fn play<F, Fut, T>(&mut self, chooser: C, test: &F) -> (Run, Option<Finding>)
    where
        F: Fn(TaskCx) -> Fut,
        Fut: Future<Output = T> + 'static,
        T: TestResult,
    {
        let returned = Rc::new(RefCell::new(None));
        let result = returned.clone();
        let run = self.simulator.run(chooser, None, |host| {
            host.spawn("main", |cx| {
                let test = test(cx);
                async move {
                    let error = test.await.error();
                    *result.borrow_mut() = error;
                }
            });
        });
        let error = returned.borrow_mut().take();
        let blame = blame_of(&run, error);
        (run, blame)
    }
}

impl Player<Chooser> {
    /// What the calm run is like, where the strategy wants to know.
    fn pilot<F, Fut, T>(&mut self, strategy: Strategy, test: &F) -> Pilot
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

struct NoWorkers;

impl Names for NoWorkers {
    fn worker(&self, _: WorkerId) -> &str {
        "worker"
    }
}

/// A test, to be played again.
struct TestStage<'a, F> {
    player: Player<Record<Chooser>>,
    faults: &'a [Fault],
    test: &'a F,
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

/// Two runs of a seed were not the same.
fn not_deterministic<F, Fut, T>(config: &Config, seed: u64, pilot: &Pilot, test: &F) -> String
where
    F: Fn(TaskCx) -> Fut,
    Fut: Future<Output = T> + 'static,
    T: TestResult,
{
    let stage =
        || TestStage { player: Player::new(config, Record::new(Chooser::default())), faults: &config.faults, test };
    let parted = diverge(stage, &config.strategy.chooser(seed, pilot));
    let parted = parted.map_or_else(
        || {
            "two more runs were the same: a static that outlives a run, or a real clock, decides now and then"
                .to_owned()
        },
        |parted| parted.to_string(),
    );
    format!("{} is not deterministic: seed {seed} took two ways: {parted}", config.name)
}

fn report<F, Fut, T>(config: &Config, seed: u64, finding: &Finding, how_common: HowCommon, test: &F) -> String
where
    F: Fn(TaskCx) -> Fut,
    Fut: Future<Output = T> + 'static,
    T: TestResult,
{
    let stage =
        || TestStage { player: Player::new(config, Record::new(Chooser::default())), faults: &config.faults, test };
    let pilot = Player::new(config, Chooser::default()).pilot(config.strategy, test);
    let chooser = config.strategy.chooser(seed, &pilot);
    let investigated = investigate(stage, &chooser, finding, config.effort);
    let name = config.name.split_once("::").map_or(config.name.as_str(), |(_, rest)| rest);
    let strategy = match config.strategy {
        Strategy::Random => String::new(),
        other => format!(" SHAKEDOWN_STRATEGY={other}"),
    };
    failure_block(&FailureReport {
        scenario: name.into(),
        run: RunOf::Seed(seed),
        rerun: format!("SHAKEDOWN_SEED={seed}{strategy} cargo test {name}"),
        how_common: Some(how_common),
        ..FailureReport::of(&investigated, &NoWorkers)
    })
}
