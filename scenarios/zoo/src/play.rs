//! Plays a case: its broken one or its twin, one run after the other on one simulator.

use crate::case::{Any, Case, Chooser};
use shakedown_core::time::Duration;
use shakedown_core::vocab::SessionSpec;
use shakedown_sim::{Limits, Run, Simulator};
use std::sync::Arc;

/// Plays the runs of one case.
pub struct Player<'a> {
    case: &'a Case,
    plan: Option<Arc<SessionSpec>>,
    simulator: Simulator<Chooser, Any>,
}

impl<'a> Player<'a> {
    /// For this case.
    pub fn new(case: &'a Case) -> Player<'a> {
        let mut simulator: Simulator<Chooser, Any> = Simulator::new(case.config, LIMITS, Chooser::new(0));
        if let Some(faults) = case.faults {
            simulator.host().world().borrow_mut().set_faults(faults().into());
        }
        Player { case, plan: case.plan.map(|plan| Arc::new(plan())), simulator }
    }

    /// Plays the broken one.
    pub fn broken(&mut self, chooser: Chooser) -> Run {
        self.simulator.run(chooser, self.plan.clone(), self.case.broken)
    }

    /// Plays the correct twin.
    pub fn twin(&mut self, chooser: Chooser) -> Run {
        self.simulator.run(chooser, self.plan.clone(), self.case.twin)
    }
}

/// A minute of virtual time; no case takes more than some hundred steps.
const LIMITS: Limits = Limits { time: Duration::from_secs(60), steps: 100_000 };
