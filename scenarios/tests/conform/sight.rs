//! A program played in the simulator under a few seeds, with a witness: what coverage is counted from.

use super::program::Program;
use shakedown::core::ids::ProcId;
use shakedown::core::signal::Signal;
use shakedown::core::vocab::{Deed, ExitStatus, Sender, Stimulus, TriggerSubject};
use shakedown::format::Case;
use shakedown::sim::choose::Seeded;
use shakedown::sim::{Ending, Limits, Moment, Seen, Simulator, WorldConfig};
use std::sync::Arc;

/// One simulated run.
pub struct Sight<'a> {
    pub program: &'a Program,
    pub seen: &'a [Seen],
    pub moments: &'a [Moment],
}

/// Plays the case under the seeds 0 to `runs`−1 and shows each run.
///
/// # Errors
/// How a run ended that did not come to its end.
pub fn look(program: &Program, case: &Case, runs: u64, see: &mut dyn FnMut(&Sight<'_>)) -> Result<(), Ending> {
    let waits_for_process =
        |s: &Stimulus| s.when.as_ref().is_some_and(|when| matches!(when.subject, TriggerSubject::Process(_)));
    let observed = case.stimuli.iter().any(waits_for_process);
    let config = WorldConfig { history: true, observed, witness: true, ..WorldConfig::default() };
    let limits = Limits { time: case.limits.time, steps: case.limits.steps };
    let mut simulator = Simulator::new(config, limits, Seeded::new(0));
    let stimuli: Arc<[Stimulus]> = case.stimuli.as_slice().into();
    for seed in 0..runs {
        let session = case.session.clone();
        let run = simulator.run(Seeded::new(seed), Some(case.session.clone()), |host| {
            host.start_session(&session, &stimuli);
        });
        if run.ending != Ending::Done {
            return Err(run.ending);
        }
        let world = simulator.host().world().borrow();
        see(&Sight { program, seen: world.witnessed(), moments: world.history() });
    }
    Ok(())
}

impl Sight<'_> {
    /// Whether a process has this name: `w/a`.
    pub fn is_called(&self, who: ProcId, own: &str) -> bool {
        self.names().any(|(child, name)| child == who && name == own)
    }

    /// Whoever was born, and what he is called.
    pub fn names(&self) -> impl Iterator<Item = (ProcId, &str)> {
        self.seen.iter().filter_map(|seen| match seen {
            Seen::Named(who, name) => Some((*who, &**name)),
            Seen::Deed(_) | Seen::Step(_) => None,
        })
    }

    /// Everything that happened, in order.
    pub fn deeds(&self) -> impl Iterator<Item = &Deed> {
        self.seen.iter().filter_map(|seen| match seen {
            Seen::Deed(deed) => Some(deed),
            Seen::Step(_) | Seen::Named(..) => None,
        })
    }

    /// Whether a signal was in flight while its receiver forked, put another program in its place, or left: it was generated after the
    /// receiver's step before its fork, exec or exit and before the step after it. CHLD does not count, which comes with every exit.
    pub fn signal_in_flight(&self) -> bool {
        let steps = self.steps();
        self.signals().any(|(at, to)| {
            let own = || steps.iter().filter(|step| step.who == to);
            // What a process does to itself is not between two of its steps.
            if own().any(|step| (step.begin..step.end).contains(&at)) {
                return false;
            }
            let before = own().rev().find(|step| step.end <= at);
            let after = own().find(|step| step.begin > at);
            before.is_some_and(|step| step.forks || step.execs)
                || after.is_some_and(|step| step.forks || step.execs || step.leaves)
        })
    }

    /// Whether a signal was generated for a forked process before its first step. Near a fork, but not the receiver's own: told beside
    /// the other, and held to nothing.
    pub fn signal_to_newborn(&self) -> bool {
        let steps = self.steps();
        let is_forked = |who: ProcId| {
            self.deeds().any(|deed| matches!(deed, Deed::Born { child, parent, .. } if *child == who && parent.0 > 1))
        };
        self.signals().any(|(at, to)| is_forked(to) && !steps.iter().any(|step| step.who == to && step.end <= at))
    }

    /// Where signals were generated, CHLD left out, and for whom.
    fn signals(&self) -> impl Iterator<Item = (usize, ProcId)> {
        self.seen.iter().enumerate().filter_map(|(at, seen)| match seen {
            Seen::Deed(Deed::Signalled { to, signal, .. }) if *signal != Signal::CHLD => Some((at, *to)),
            Seen::Deed(_) | Seen::Named(..) | Seen::Step(_) => None,
        })
    }

    fn steps(&self) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for (at, seen) in self.seen.iter().enumerate() {
            match seen {
                Seen::Step(who) => {
                    steps.push(Step { who: *who, begin: at, end: at + 1, forks: false, execs: false, leaves: false });
                }
                // The host's own doing, whoever has made a step before it.
                Seen::Deed(Deed::Signalled { by: Sender::Host(_), .. }) => {}
                Seen::Named(..) => {
                    if let Some(step) = steps.last_mut().filter(|step| step.end == at) {
                        step.end = at + 1;
                    }
                }
                Seen::Deed(deed) => {
                    let Some(step) = steps.last_mut().filter(|step| step.end == at) else { continue };
                    step.end = at + 1;
                    step.forks |= matches!(deed, Deed::Born { parent, .. } if *parent == step.who);
                    step.execs |= matches!(deed, Deed::Execed { who } if *who == step.who);
                    step.leaves |=
                        matches!(deed, Deed::Died { who, status: ExitStatus::Exited(_) } if *who == step.who);
                }
            }
        }
        steps
    }
}

/// One step of a process, with what came of it.
struct Step {
    who: ProcId,
    begin: usize,
    end: usize,
    forks: bool,
    execs: bool,
    leaves: bool,
}
