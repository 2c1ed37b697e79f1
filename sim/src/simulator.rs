//! Plays one simulation after the other on one host, one kernel, one thread.

use crate::panic::contain;
use crate::world::{SimWorld, WorldConfig};
use shakedown_core::actor::Actor;
use shakedown_core::choose::Choose;
use shakedown_core::host::{Host, Step, Waiter};
use shakedown_core::journal::Sink;
use shakedown_core::machine::Machine;
use shakedown_core::oracle::{EndReason, EndState, Violation};
use shakedown_core::time::{Duration, Instant};
use shakedown_core::vocab::SessionSpec;
use std::sync::Arc;

/// How far a simulation may go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Virtual time; beyond it the run is a `hang`.
    pub time: Duration,
    /// Steps; beyond them it is a `livelock`.
    pub steps: u64,
}

impl Default for Limits {
    /// A minute of virtual time, a million steps.
    fn default() -> Self {
        Limits { time: Duration::from_secs(60), steps: 1_000_000 }
    }
}

impl Limits {
    /// Beyond this instant a run is a `hang`.
    fn last(self) -> Instant {
        Instant::ZERO.after(self.time)
    }

    /// What this step has ended, if it is the last one.
    fn ending(self, step: Step, steps: u64, now: Instant) -> Option<Ending> {
        match step {
            Step::Ran if steps > self.steps => Some(Ending::Livelock),
            Step::Ran if now > self.last() => Some(Ending::Hang),
            Step::Ran => None,
            Step::Done => Some(Ending::Done),
            Step::Stuck | Step::Idle { .. } => Some(Ending::Stuck),
        }
    }
}

/// How a simulation came to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ending {
    /// All was done.
    Done,
    /// Nothing could ever happen, and not all was done.
    Stuck,
    /// The limit of virtual time.
    Hang,
    /// The limit of steps.
    Livelock,
    /// A panic, with its message.
    Panicked(String),
    /// Whoever watched had seen enough.
    Cut,
}

/// What became of one simulation.
#[derive(Clone, PartialEq, Debug)]
pub struct Run {
    /// How it ended.
    pub ending: Ending,
    /// What the oracles found, in order.
    pub violations: Vec<Violation>,
    /// The digest of its labelled steps, without times.
    pub digest: u64,
    /// How many steps it took.
    pub steps: u64,
    /// The virtual instant at which it ended.
    pub end: Instant,
    /// Who waited for what, where it did not come to an end.
    pub waiters: Vec<Waiter>,
}

impl Run {
    /// Whether it ended well and no oracle objects.
    pub fn is_ok(&self) -> bool {
        self.ending == Ending::Done && self.violations.is_empty()
    }
}

/// Plays simulations.
pub struct Simulator<C: Choose + 'static, A: Machine = Actor> {
    host: Host<SimWorld<C>, A>,
    limits: Limits,
}

impl<C: Choose + 'static, A: Machine> Simulator<C, A> {
    /// A simulator of such worlds. The chooser is a placeholder until the first run.
    pub fn new(config: WorldConfig, limits: Limits, chooser: C) -> Simulator<C, A> {
        Simulator { host: Host::new(SimWorld::new(config, chooser)), limits }
    }

    /// The host of the last run, to look at; it is cleared when the next one begins.
    pub fn host(&mut self) -> &mut Host<SimWorld<C>, A> {
        &mut self.host
    }

    /// Plays one simulation: `setup` puts tasks and machines onto the host.
    pub fn run(
        &mut self,
        chooser: C,
        plan: Option<Arc<SessionSpec>>,
        setup: impl FnOnce(&mut Host<SimWorld<C>, A>),
    ) -> Run {
        let limits = self.limits;
        self.run_as(chooser, plan, |host| {
            setup(host);
            play(host, limits)
        })
    }

    /// As [`run`](Self::run), as long as `goes_on` says so before each step; where it does not, the run is [`Ending::Cut`], and not judged.
    pub fn run_while(
        &mut self,
        chooser: C,
        plan: Option<Arc<SessionSpec>>,
        setup: impl FnOnce(&mut Host<SimWorld<C>, A>),
        goes_on: impl FnMut(&mut Host<SimWorld<C>, A>) -> bool,
    ) -> Run {
        let limits = self.limits;
        self.run_as(chooser, plan, |host| {
            setup(host);
            play_while(host, limits, goes_on)
        })
    }

    fn run_as(
        &mut self,
        chooser: C,
        plan: Option<Arc<SessionSpec>>,
        play: impl FnOnce(&mut Host<SimWorld<C>, A>) -> Ending,
    ) -> Run {
        let is_session = plan.is_some();
        self.host.clear(|world| {
            world.reset(chooser, plan);
        });
        let host = &mut self.host;
        // User code may panic at any await; what it leaves is dropped with the host and never looked at again.
        match contain(|| play(host)) {
            Ok(Ending::Cut) => self.cut(),
            Ok(ending) => self.finish(ending, is_session),
            Err(message) => self.panicked(message),
        }
    }

    fn finish(&mut self, ending: Ending, is_session: bool) -> Run {
        let host = &mut self.host;
        let (timers, living, operations) = host.leftovers();
        let tasks = if living == 0 { Vec::new() } else { host.living_tasks() };
        let tasks: Vec<&str> = tasks.iter().map(String::as_str).collect();
        let reason = match ending {
            Ending::Done if is_session => EndReason::SessionStopped,
            Ending::Done => EndReason::RootReturned,
            Ending::Stuck => EndReason::Stuck,
            Ending::Hang | Ending::Livelock | Ending::Panicked(_) | Ending::Cut => EndReason::Cut,
        };
        let mut waiters = Vec::new();
        if ending != Ending::Done {
            waiters = host.waiters();
        }
        let machines = if ending == Ending::Done { Vec::new() } else { host.open_machines() };
        let unanswered = if operations == 0 { Vec::new() } else { host.unanswered() };
        let kept = host.journal().map(Sink::counts).filter(|_| reason == EndReason::SessionStopped);
        let mut world = host.world().borrow_mut();
        kept.iter().for_each(|counts| world.journal_ended(counts));
        world.end(&EndState {
            tasks: &tasks,
            timers: timers as u32,
            machines_open: &machines,
            waiters: &waiters,
            unanswered: &unanswered,
            reason,
        });
        let violations = world.audit().violations().to_vec();
        if ending != Ending::Done {
            waiters.extend(world.kernel().waiters());
        }
        drop(world);
        Run { ending, violations, digest: host.digest(), steps: host.steps(), end: host.now(), waiters }
    }

    fn cut(&self) -> Run {
        let (digest, steps, end) = (self.host.digest(), self.host.steps(), self.host.now());
        Run { ending: Ending::Cut, violations: Vec::new(), digest, steps, end, waiters: Vec::new() }
    }

    fn panicked(&mut self, message: String) -> Run {
        let (digest, steps, end) = (self.host.digest(), self.host.steps(), self.host.now());
        let world = self.host.world().clone();
        // What an oracle has found before is often why a user's own assertion fails.
        let violations = world.borrow_mut().audit().violations().to_vec();
        self.host = Host::on(world);
        Run { ending: Ending::Panicked(message), violations, digest, steps, end, waiters: Vec::new() }
    }
}

fn play<C: Choose + 'static, A: Machine>(host: &mut Host<SimWorld<C>, A>, limits: Limits) -> Ending {
    loop {
        let step = host.run_to(limits.steps.saturating_add(1), limits.last());
        if let Some(ending) = limits.ending(step, host.steps(), host.now()) {
            return ending;
        }
    }
}

fn play_while<C: Choose + 'static, A: Machine>(
    host: &mut Host<SimWorld<C>, A>,
    limits: Limits,
    mut goes_on: impl FnMut(&mut Host<SimWorld<C>, A>) -> bool,
) -> Ending {
    while goes_on(host) {
        let step = host.step();
        if let Some(ending) = limits.ending(step, host.steps(), host.now()) {
            return ending;
        }
    }
    Ending::Cut
}
