//! `check`: an async supervisor played under many seeds in `cargo test`. The oracles watch; a failure ends in the command to paste.

use crate::report::{FailureReport, HowCommon, Reproduced, Story, Surprises, failure_block, timeline};
use crate::sweep::Seeds;
use shakedown_core::choose::Choose;
use shakedown_core::ids::WorkerId;
use shakedown_core::oracle::Names;
use shakedown_core::puppet::{self, Block};
use shakedown_core::task::TaskCx;
use shakedown_core::time::Instant;
use shakedown_core::vocab::Fault;
use shakedown_sim::choose::{Record, Seeded};
use shakedown_sim::{Ending, Limits, Run, Simulator, WorldConfig};
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
}

impl Config {
    /// 100 seeds, a minute of virtual time, a million steps. `name` is the test's, as `cargo test` takes it.
    pub fn new(name: &str) -> Config {
        Config { name: name.into(), seeds: 0..100, limits: Limits::default(), faults: Vec::new(), recheck_all: false }
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

    /// The limit of steps.
    #[must_use]
    pub fn steps(mut self, limit: u64) -> Config {
        self.limits.steps = limit;
        self
    }

    /// `SHAKEDOWN_SEED=N` plays exactly that one, `SHAKEDOWN_SEEDS=N|A..B` others than the code says,
    /// `SHAKEDOWN_CHECK_DETERMINISM=1` each of them twice.
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
    let mut player = Player::new(&config, Seeded::new(0));
    let mut first: Option<(u64, Blame)> = None;
    let (mut failed, mut runs) = (0, 0);
    for seed in config.seeds.clone() {
        let (run, blame) = player.play(Seeded::new(seed), &test);
        runs += 1;
        if config.recheck_all || runs % crate::sweep::RECHECK_EVERY == 1 {
            let (again, _) = player.play(Seeded::new(seed), &test);
            assert!(
                (run.digest, run.end) == (again.digest, again.end),
                "{} is not deterministic: seed {seed} took two ways, after {} and {} steps. A clock, a thread, a hash map's order or a \
                 static is used inside the test.",
                config.name,
                run.steps,
                again.steps
            );
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

/// What a run is blamed for.
struct Blame {
    rule: String,
    subject: String,
    at: Instant,
    message: String,
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

    fn play<F, Fut, T>(&mut self, chooser: C, test: &F) -> (Run, Option<Blame>)
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

/// The first thing that is wrong with a run.
fn blame_of(run: &Run, error: Option<String>) -> Option<Blame> {
    if let Some(v) = run.violations.first() {
        let rule = v.oracle.name().to_owned();
        return Some(Blame { rule, subject: v.subject.clone(), at: v.at, message: v.message.clone() });
    }
    let waiters = || run.waiters.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let (rule, message) = match (&run.ending, error) {
        (Ending::Done, None) => return None,
        (Ending::Done, Some(error)) => ("error", error),
        (Ending::Stuck, _) => ("stuck", format!("nothing can ever happen again: {}", waiters())),
        (Ending::Hang, _) => ("hang", format!("the limit of virtual time has passed: {}", waiters())),
        (Ending::Livelock, _) => ("livelock", format!("the limit of steps is reached: {}", waiters())),
        (Ending::Panicked(message), _) => ("panic", message.clone()),
    };
    Some(Blame { rule: rule.into(), subject: "main".into(), at: run.end, message })
}

struct NoWorkers;

impl Names for NoWorkers {
    fn worker(&self, _: WorkerId) -> &str {
        "worker"
    }
}

fn report<F, Fut, T>(config: &Config, seed: u64, blame: &Blame, how_common: HowCommon, test: &F) -> String
where
    F: Fn(TaskCx) -> Fut,
    Fut: Future<Output = T> + 'static,
    T: TestResult,
{
    let [first, second] = [(); 2].map(|()| {
        let mut player = Player::new(config, Record::new(Seeded::new(0)));
        let (run, again) = player.play(Record::new(Seeded::new(seed)), test);
        let same = again.is_some_and(|again| again.rule == blame.rule && again.subject == blame.subject);
        let world = player.simulator.host().world().clone();
        let world = world.borrow();
        let (order, values) = world.choices().surprises();
        (run, same, world.history().to_vec(), world.choices().answers().len() as u32, (order, values))
    });
    let same = first.0 == second.0 && first.1 && second.1;
    let (run, _, moments, decisions, (of_order, of_values)) = first;
    let story = Story { moments: &moments, names: &NoWorkers, failure: Some((&blame.rule, &blame.subject, blame.at)) };
    let name = config.name.split_once("::").map_or(config.name.as_str(), |(_, rest)| rest);
    failure_block(&FailureReport {
        scenario: name.into(),
        case_index: 1,
        case_label: String::new(),
        seed: Some(seed),
        oracle: blame.rule.clone(),
        subject: blame.subject.clone(),
        at: blame.at,
        message: blame.message.clone(),
        decisions,
        surprises: Surprises { of_order, of_values },
        rerun: format!("SHAKEDOWN_SEED={seed} cargo test {name}"),
        reproduced: Some(Reproduced { digest: run.digest, identical: if same { 2 } else { 1 }, of: 2 }),
        minimised: None,
        timeline: timeline(&story),
        why: None,
        tipping_point: None,
        how_common: Some(how_common),
    })
}
