//! Plays a case: its broken one or its twin, one run after the other on one simulator.

use crate::case::{Any, Case, Chooser, Stage};
use shakedown_core::time::Duration;
use shakedown_core::vocab::SessionSpec;
use shakedown_sim::{Limits, Run, Simulator};
use std::cell::Cell;
use std::panic::{set_hook, take_hook};
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
        self.play(chooser, self.case.broken)
    }

    /// Plays the correct twin.
    pub fn twin(&mut self, chooser: Chooser) -> Run {
        self.play(chooser, self.case.twin)
    }

    fn play(&mut self, chooser: Chooser, side: fn(&mut Stage)) -> Run {
        PLAYING.set(true);
        let run = self.simulator.run(chooser, self.plan.clone(), side);
        PLAYING.set(false);
        run
    }
}

thread_local! {
    static PLAYING: Cell<bool> = const { Cell::new(false) };
}

/// From now on panics within a run are told by its [`Ending`](shakedown_sim::Ending) alone: some bugs panic thousands of times.
pub fn quiet_panics() {
    let before = take_hook();
    set_hook(Box::new(move |panic| {
        if !PLAYING.get() {
            before(panic);
        }
    }));
}

/// A minute of virtual time; no case takes more than some hundred steps.
const LIMITS: Limits = Limits { time: Duration::from_secs(60), steps: 100_000 };
