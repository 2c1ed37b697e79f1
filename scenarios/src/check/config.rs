//! How a test is played: its seeds, limits and faults, by code and by environment.

use super::environment::{Environment, variable};
use crate::failure::Effort;
use crate::format::{self, Options};
use crate::oracle::{Oracle, Oracles};
use crate::sweep::Seeds;
use shakedown_core::puppet;
use shakedown_core::vocab::{Body, Fault, Program};
use shakedown_sim::choose::Strategy;
use shakedown_sim::{Limits, Programs};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What is played, and how far.
#[derive(Clone, Debug)]
pub struct Config {
    pub(super) name: String,
    pub(super) seeds: Range<u64>,
    /// Whether these are only a share of the seeds.
    pub(super) is_shard: bool,
    pub(super) limits: Limits,
    pub(super) faults: Vec<Fault>,
    pub(super) programs: Programs,
    pub(super) oracles: Oracles,
    pub(super) recheck_all: bool,
    pub(super) strategy: Strategy,
    pub(super) effort: Effort,
    /// Where its failures are kept and replayed from.
    pub(super) regressions: Option<PathBuf>,
    /// Whether nothing is written there.
    pub(super) read_only: bool,
    /// Whether the environment says where they are kept.
    keeps: bool,
}

impl Config {
    /// 100 seeds, a minute of virtual time, a million steps. `name` is the test's, as `cargo test` takes it.
    pub fn new(name: &str) -> Config {
        Config {
            name: name.into(),
            seeds: 0..100,
            is_shard: false,
            limits: Limits::default(),
            faults: Vec::new(),
            programs: Programs::default(),
            oracles: Oracles::new(),
            recheck_all: false,
            strategy: Strategy::default(),
            effort: Effort::default(),
            regressions: None,
            read_only: false,
            keeps: true,
        }
    }

    /// So many seeds, from 0.
    #[must_use]
    pub fn seeds(mut self, seeds: u64) -> Config {
        self.seeds = 0..seeds;
        self
    }

    /// So many seeds, from this one on.
    #[must_use]
    pub fn seeds_from(mut self, first: u64, seeds: u64) -> Config {
        self.seeds = first..first.saturating_add(seeds);
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

    /// A program of the simulated machine, by the script that stands for it: what code that names programs finds there, as it finds real ones
    /// in `PATH`. Any other is not found (ENOENT).
    ///
    /// # Panics
    /// Where the script has mistakes: all of them are named.
    #[must_use]
    pub fn program(mut self, name: &str, script: &str) -> Config {
        self.programs = self.programs.with(name, super::puppet(script));
        self
    }

    /// Takes over from a scenario file what a test of one's own supervisor can use: each of its processes is a program of the simulated
    /// machine (a puppet by its worker's name, a command by its own), and its faults, limits and number of seeds hold. Of a file with axes the
    /// first case counts. The path is relative to the package. What the file expects is not held against the test; the oracles that it names
    /// are those that the test was given before.
    ///
    /// # Panics
    /// With all mistakes of the file, or where it cannot be read.
    #[must_use]
    pub fn scenario(mut self, path: &str) -> Config {
        let beside = variable("CARGO_MANIFEST_DIR").map(|package| Path::new(&package).join(path));
        let path = beside.filter(|beside| beside.exists()).unwrap_or_else(|| path.into());
        let options = Options { oracles: self.oracles.clone(), ..Options::default() };
        let scenario = format::load_with(&path, &options)
            .unwrap_or_else(|wrong| panic!("\n{}", format::render_all(&wrong, false)));
        let Some(case) = scenario.cases().into_iter().next() else { return self };
        for worker in &case.session.workers {
            let Body::Process(spec) = &worker.body else { continue };
            self.programs = match (&spec.program, spec.script()) {
                (Program::Puppet(script), _) => self.programs.with(&worker.name, script.clone()),
                (Program::Command { argv, .. }, Some(script)) => self.programs.with(&argv[0], script.clone()),
                (Program::Command { .. }, None) => self.programs,
            };
        }
        self.faults.extend(case.faults.iter().cloned());
        self.limits = Limits { time: case.limits.time, steps: case.limits.steps };
        self.seeds = 0..scenario.seeds;
        self
    }

    /// How a seed chooses its run.
    #[must_use]
    pub fn strategy(mut self, strategy: Strategy) -> Config {
        self.strategy = strategy;
        self
    }

    /// An oracle of one's own, besides those that were named before: see [`oracle`](crate::oracle).
    #[must_use]
    pub fn oracle<O: Oracle + 'static>(mut self, name: &str, make: impl Fn() -> O + Send + Sync + 'static) -> Config {
        self.oracles = self.oracles.with(name, make);
        self
    }

    /// The limit of steps.
    #[must_use]
    pub fn steps(mut self, limit: u64) -> Config {
        self.limits.steps = limit;
        self
    }

    /// Failures are written into this folder, a file each, and replayed first of all the next time; where `CI` is set they are printed
    /// instead.
    #[must_use]
    pub fn regressions(mut self, folder: &Path) -> Config {
        self.regressions = Some(folder.into());
        self
    }

    /// Whether failures are kept and replayed where [`from_env`](Self::from_env) says. A test that is meant to fail keeps none.
    #[must_use]
    pub fn keep(mut self, keep: bool) -> Config {
        self.keeps = keep;
        self
    }

    /// Failures are printed, not written down.
    #[must_use]
    pub fn read_only(mut self) -> Config {
        self.read_only = true;
        self
    }

    /// `SHAKEDOWN_SEED=N` plays exactly that one, `SHAKEDOWN_SEEDS=N|A..B|random:N` others than the code says,
    /// `SHAKEDOWN_SHARD=2/8` only the second eighth of them, and `auto` asks the job engine for it,
    /// `SHAKEDOWN_CHECK_DETERMINISM=1` each of them twice, `SHAKEDOWN_STRATEGY=pct` by another strategy, `SHAKEDOWN_NO_SHRINK=1` tells a
    /// failure as it was found. Failures are kept in `shakedown-regressions` beside the manifest of the package that is tested, unless
    /// `SHAKEDOWN_REGRESSIONS` names another folder, or `off`.
    ///
    /// # Panics
    /// Where one of them cannot be read: a typo must not pass for a green test.
    #[must_use]
    pub fn from_env(mut self) -> Config {
        let environment = Environment::read();
        match environment.seeds {
            Some(Seeds::First(n)) => self.seeds = 0..n,
            Some(Seeds::Between(a, b)) => self.seeds = a..b,
            Some(Seeds::OfFile) | None => {}
        }
        if let Some(shard) = environment.shard {
            self.seeds = shard.part(&self.seeds);
            self.is_shard = true;
        }
        self.recheck_all = environment.recheck_all.unwrap_or(self.recheck_all);
        self.strategy = environment.strategy.unwrap_or(self.strategy);
        self.effort = environment.effort;
        self.regressions = environment.regressions.filter(|_| self.keeps);
        self.read_only = environment.read_only;
        self
    }
}
