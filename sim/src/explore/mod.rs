//! Every schedule within bounds, in increasing order of its surprises: the first failure is a smallest one, and where none is found that
//! is a certificate.
//!
//! Runs are re-executed from the start. A state that was met before, with as much left of the bounds and the same history, is not
//! entered again: host and kernel have fingerprints (`search`), and the history is everything that an oracle or an expectation could
//! have seen, in its order. So what is cut has been judged already, and is counted all the same. Where tasks are part of a run its
//! states cannot be known, and every schedule is played.

mod bounds;
mod crash;
mod state;
mod tree;

pub use bounds::Bounds;
pub use crash::{crash_after, perhaps_crash};
pub use state::State;
pub use tree::Tree;

use crate::world::SimWorld;
use shakedown_core::host::Host;
use shakedown_core::machine::Machine;
use shakedown_core::site::Kind;
use std::collections::BTreeMap;

/// How far an exploration goes before it gives up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    /// Runs, each from the start.
    pub runs: u64,
}

/// What an exploration has come to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explored<T> {
    /// The first failure, a smallest one.
    pub failure: Option<T>,
    /// How many surprises it has, as they are counted here.
    pub surprises: Option<u32>,
    /// Whether all was tried, up to the failure if there is one.
    pub is_complete: bool,
    /// Schedules within the bounds, those that were judged without being played included; of the last complete level.
    pub schedules: u64,
    /// Runs that were played.
    pub runs: u64,
    /// States that were known at the end.
    pub states: usize,
    /// What was held calm because no bound allows anything else: by kind, how often it was asked.
    pub held: BTreeMap<Kind, u64>,
}

/// Runs and watches the runs of an exploration; whoever plays them hands the host over before each step.
pub struct Explorer {
    tree: Tree,
    remembers: bool,
    is_known: bool,
}

/// What became of one run.
pub enum Over<T> {
    /// It came to its end, and nothing was wrong.
    Held,
    /// It failed.
    Failed(T),
    /// It was not played: whoever plays has had enough.
    Enough,
}

impl Explorer {
    /// Plays runs of `play` until one fails, all are judged, or the budget is spent. `play` is given the chooser of the next run and this
    /// explorer, which it must ask with [`goes_on`](Explorer::goes_on) before each step.
    pub fn explore<T>(
        bounds: Bounds,
        budget: Budget,
        remembers: bool,
        mut play: impl FnMut(Tree, &mut Explorer) -> Over<T>,
    ) -> Explored<T> {
        let mut explorer = Explorer { tree: Tree::default(), remembers, is_known: false };
        let mut result = Explored {
            failure: None,
            surprises: None,
            is_complete: false,
            schedules: 0,
            runs: 0,
            states: 0,
            held: BTreeMap::new(),
        };
        for total in 0..=bounds.total() {
            explorer.tree.enter(bounds, total);
            loop {
                if result.runs >= budget.runs {
                    return result;
                }
                explorer.tree.rewind();
                explorer.is_known = false;
                result.runs += 1;
                match play(explorer.tree.clone(), &mut explorer) {
                    Over::Held => {}
                    Over::Failed(failure) => {
                        (result.failure, result.surprises) = (Some(failure), Some(total));
                        return Explored { is_complete: true, ..result };
                    }
                    Over::Enough => return result,
                }
                explorer.tree.end(!explorer.is_known);
                if !explorer.tree.turn() {
                    break;
                }
            }
            result.schedules = explorer.tree.schedules();
            result.states = explorer.tree.states();
            result.held = explorer.tree.held();
        }
        Explored { is_complete: true, ..result }
    }

    /// The run that was played last, to be played once more.
    pub fn again(&self) -> Tree {
        self.tree.rewind();
        self.tree.clone()
    }

    /// Whether the run is to take its next step; otherwise it is cut, because what follows is known.
    pub fn goes_on<A: Machine>(&mut self, host: &mut Host<SimWorld<Tree>, A>) -> bool {
        if !self.remembers || !self.tree.is_at_frontier() {
            return true;
        }
        let Some(state) = State::of_choice(host) else { return true };
        self.is_known = !self.tree.meet(state.digest());
        !self.is_known
    }
}
