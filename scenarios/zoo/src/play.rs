//! Plays a case: its broken one or its twin, one run after the other on one simulator.

use crate::case::{Any, Case, Stage};
use crate::choices::Choices;
use shakedown_core::time::Duration;
use shakedown_core::vocab::SessionSpec;
use shakedown_sim::choose::{Bytes, Chooser, Pilot, Record, Strategy};
use shakedown_sim::explore::Tree;
use shakedown_sim::{Limits, Run, Simulator};
use std::cell::Cell;
use std::panic::{set_hook, take_hook};
use std::sync::Arc;

/// Which of the two is played.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The one with the bug.
    Broken,
    /// The one that is right.
    Twin,
}

/// Plays the runs of one side of one case.
pub struct Player {
    side: fn(&mut Stage),
    plan: Option<Arc<SessionSpec>>,
    simulator: Simulator<Choices, Any>,
}

impl Player {
    /// For this side of this case.
    pub fn new(case: &Case, side: Side) -> Player {
        let mut simulator = Simulator::new(case.config, LIMITS, Choices::Free(Chooser::default()));
        if let Some(faults) = case.faults {
            simulator.host().world().borrow_mut().set_faults(faults().into());
        }
        let side = match side {
            Side::Broken => case.broken,
            Side::Twin => case.twin,
        };
        Player { side, plan: case.plan.map(|plan| Arc::new(plan())), simulator }
    }

    /// What this strategy wants to know beforehand.
    pub fn pilot(&mut self, strategy: Strategy) -> Pilot {
        if !strategy.needs_pilot() {
            return Pilot::default();
        }
        self.play(Chooser::Pilot(Box::default()));
        match self.simulator.host().world().borrow().choices().clone() {
            Choices::Free(chooser) => chooser.into_pilot(),
            Choices::Recorded(_) | Choices::Explored(_) | Choices::Given(_) => Pilot::default(),
        }
    }

    /// Plays once.
    pub fn play(&mut self, chooser: Chooser) -> Run {
        self.run(Choices::Free(chooser))
    }

    /// Plays once, and gives what was chosen.
    pub fn record(&mut self, chooser: Chooser) -> (Run, Record<Chooser>) {
        let run = self.run(Choices::Recorded(Box::new(Record::new(chooser))));
        match self.simulator.host().world().borrow().choices().clone() {
            Choices::Recorded(record) => (run, *record),
            Choices::Free(_) | Choices::Explored(_) | Choices::Given(_) => {
                unreachable!("the simulator keeps the choices that it was given")
            }
        }
    }

    /// Plays the run that these bytes decide.
    pub fn play_bytes(&mut self, bytes: &[u8]) -> Run {
        self.run(Choices::Given(Bytes::new(bytes)))
    }

    /// Plays the run that an exploration asks for.
    pub fn explore(&mut self, tree: Tree) -> Run {
        self.run(Choices::Explored(tree))
    }

    fn run(&mut self, choices: Choices) -> Run {
        PLAYING.set(true);
        let run = self.simulator.run(choices, self.plan.clone(), self.side);
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
