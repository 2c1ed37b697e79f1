//! A scenario as plain data: what a file says, after every check and with all axes applied. The runner needs nothing else of
//! the format.

use super::Setting;
use crate::oracle::Named;
use crate::pattern::{Expectations, Names, glob};
use shakedown_core::time::{Duration, DurationRange};
use shakedown_core::vocab::{Fault, Scope, SessionSpec, Stimulus};
use std::sync::Arc;

/// A scenario.
#[derive(Clone, PartialEq, Debug)]
pub struct Scenario {
    /// The file, as it was named.
    pub file: Arc<str>,
    /// Its name; the file's stem where it gives none.
    pub name: Arc<str>,
    /// What it is about; may be empty.
    pub about: String,
    /// Whether it can be played on a real machine.
    pub real: bool,
    /// Why it cannot; there if and only if `real` is false.
    pub real_reason: Option<String>,
    /// How many seeds a sweep plays of each case.
    pub seeds: u64,
    /// What was put into the file before it was read.
    pub set: Vec<Setting>,
    pub(super) cases: Vec<Case>,
}

impl Scenario {
    /// One case for each combination of the axes, numbered from 1 in the order of the file, the last axis fastest; without
    /// axes one case with an empty label. What they hold is shared, so this is cheap.
    pub fn cases(&self) -> Vec<Case> {
        self.cases.clone()
    }
}

/// One case of a scenario.
#[derive(Clone, PartialEq, Debug)]
pub struct Case {
    /// From 1.
    pub index: u32,
    /// The values of its axes: `grace=1s, scope=tree`.
    pub label: Arc<str>,
    /// What is run.
    pub session: Arc<SessionSpec>,
    /// What the outside world does.
    pub stimuli: Vec<Stimulus>,
    /// What goes wrong in the simulator.
    pub faults: Arc<[Fault]>,
    /// Within which times, counted from the start, the supervisor may be killed before any step: where that is explored, and else none.
    pub crashes: Arc<[DurationRange]>,
    /// What must happen.
    pub expectations: Arc<Expectations>,
    /// Built-in oracles that are switched off.
    pub allows: Arc<[Allow]>,
    /// Rust oracles that watch each run.
    pub checks: Arc<[Named]>,
    /// Where a run is given up.
    pub limits: Limits,
    /// The subjects that patterns name: make each run's `History` with it.
    pub names: Arc<Names>,
}

impl Case {
    /// The first worker that the simulator cannot play, because its command has no `sim`.
    pub fn without_sim(&self) -> Option<&Arc<str>> {
        use shakedown_core::vocab::{Body, Probe, WorkerSpec};
        let lacks = |worker: &WorkerSpec| {
            let body = match &worker.body {
                Body::Process(spec) => !spec.can_be_simulated(),
                Body::PuppetTask(_) | Body::Function(_) | Body::Proxy(_) | Body::Supervisor(_) => false,
            };
            let probe = match worker.ready.as_ref().map(|ready| &ready.probe) {
                Some(Probe::Exec(command)) => !command.can_be_simulated(),
                Some(Probe::Log(_) | Probe::Tcp(_) | Probe::Http(_) | Probe::Notify) => false,
                Some(Probe::NewlineFd(_) | Probe::Delay(_)) | None => false,
            };
            body || probe || worker.stop.hook.as_ref().is_some_and(|hook| !hook.command.can_be_simulated())
        };
        self.session.workers.iter().find(|worker| lacks(worker)).map(|worker| &worker.name)
    }

    /// The first worker that cannot be played for real, and its scope: a control group, of which none is delegated to us, or a job, which
    /// Linux has not.
    pub fn without_real(&self) -> Option<(&Arc<str>, Scope)> {
        let is_simulated = |scope: Scope| matches!(scope, Scope::Cgroup | Scope::Job);
        let simulated = self.session.workers.iter().find(|worker| is_simulated(worker.stop.scope));
        simulated.map(|worker| (&worker.name, worker.stop.scope))
    }
}

/// A built-in oracle that is switched off for a subject. The runner warns of those that were never needed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Allow {
    /// Which.
    pub oracle: &'static str,
    /// For whom: a name, a glob, or alternatives of them.
    pub on: Arc<str>,
    /// Why.
    pub reason: String,
}

impl Allow {
    /// Whether it switches this oracle off for this subject.
    pub fn covers(&self, oracle: &str, subject: &str) -> bool {
        self.oracle == oracle
            && self.on.split('|').any(|on| if subject == "session" { on == subject } else { glob(on, subject) })
    }
}

/// Where a run is given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Virtual time: beyond it the verdict is `hang`.
    pub time: Duration,
    /// Steps: beyond them the verdict is `livelock`.
    pub steps: u64,
}

impl Default for Limits {
    /// 60 s, a million steps.
    fn default() -> Self {
        Limits { time: Duration::from_secs(60), steps: 1_000_000 }
    }
}
