//! Exhaustive search through what a simulation can do: every order of enabled actions, every lateness, within a budget.
//! It decides what sampling cannot: that something is possible, or that it is not.
//!
//! Depth first within a level (`level.rs`), each run from the start: a run costs some ten microseconds, and nothing has to be copied or undone. A goal cuts runs
//! that lead nowhere, and a state that was seen before is not entered again. States are known by fingerprints (64 bits) of host, kernel
//! and goal, in which processes go by labels, and instants by their distance from now: clocks that differ meet. That loses nothing:
//! the future of a state depends on what is due before what, never on what the clock shows, and how late something is already does not
//! matter where all may be later still.

mod budget;
mod level;
mod path;

pub use budget::Budget;
pub use path::{Lateness, Path, Spans};

use crate::kernel::{Coming, Kernel};
use crate::world::{Moment, SimWorld, WorldConfig};
use level::{Level, levels};
use shakedown_core::digest::Digest;
use shakedown_core::host::{Host, Step};
use shakedown_core::site::{Label, Site};
use shakedown_core::vocab::SessionSpec;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// What a search is for.
pub trait Goal {
    /// A new run begins.
    fn begin(&mut self);

    /// Takes what was told or seen next; `who` is the label of the process it is about. False cuts the run: this way leads nowhere.
    fn see(&mut self, moment: &Moment, who: Option<Label>) -> bool;

    /// Takes note of whose step it is.
    fn step(&mut self, site: Site) {
        let _ = site;
    }

    /// Looks at what is settled already, and not told yet: bytes in a pipe, a process that is dying. False cuts the run, as above.
    fn foresee(&mut self, coming: &Coming<'_>) -> bool {
        let _ = coming;
        true
    }

    /// Looks at what may still come. False cuts the run, as above.
    fn may_be_met(&mut self, kernel: &Kernel) -> bool {
        let _ = kernel;
        true
    }

    /// The run has come to its end, without being cut. True ends the search: this is what it was for.
    fn is_met(&mut self, step: Step) -> bool;

    /// How many guesses it can make of how a run should go, at least one.
    fn guesses(&self) -> u32 {
        1
    }

    /// How soon it is the turn of each of these, which are enabled together, by this guess: the least goes first, and of equals the one
    /// that came first. A search tries them in this order, so that a goal which knows how a run should go is met early; what there is
    /// to be found does not depend on it.
    fn turns(&self, enabled: &[Site], guess: u32) -> Vec<u64> {
        let _ = guess;
        enabled.iter().map(|_| 0).collect()
    }

    /// What has been seen, as far as it matters for what is still to come: two runs with equal digests, in equal states, have equal
    /// futures and equal pasts.
    fn digest(&self) -> u64;

    /// How far along the run is; of the runs that led nowhere the one that came farthest is kept.
    fn progress(&self) -> u64;
}

/// What came of a search.
#[derive(Clone, PartialEq, Debug)]
pub struct Searched {
    /// How it ended.
    pub end: End,
    /// Simulations played.
    pub runs: u64,
    /// Steps taken in them.
    pub steps: u64,
    /// Different states at which there was a choice.
    pub states: u64,
    /// The run that met the goal, or else the one that came farthest.
    pub moments: Vec<Moment>,
}

/// How a search ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// A run meets the goal.
    Met,
    /// No run does: all were tried.
    Exhausted,
    /// Not all were tried.
    Spent,
}

/// What is searched, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    /// Whether deadlines may come early, which is to say all else late.
    pub lateness: Lateness,
    /// Whose drawn durations are tried out.
    pub spans: Spans,
    /// When it gives up.
    pub budget: Budget,
    /// Whether states are remembered. Without it the same is found, much later.
    pub remembers: bool,
    /// Whether runs that deviate seldom from the way that is tried first come before those that deviate more often (limited discrepancy
    /// search, Harvey and Ginsberg 1995). It finds sooner what is there, and refutes a little later.
    pub deviates_late: bool,
    /// A run of more steps is cut, and then not all was tried.
    pub steps_a_run: u64,
}

/// Searches through the runs of one setup.
pub struct Search {
    host: Host<SimWorld<Path>>,
    terms: Terms,
    /// States by the guess that was followed, and how often the runs from there were allowed to deviate.
    seen: BTreeMap<(u64, u32), u32>,
    /// What the runs of today may do; the levels that follow come from [`levels`].
    level: Level,
    runs: u64,
    steps: u64,
    /// Whether something was left out: a run was too long.
    is_partial: bool,
    farthest: Option<(u64, Vec<Moment>)>,
}

/// Why a run is over.
enum Over {
    Cut,
    Known,
    TooLong,
    Ended(Step),
}

impl Search {
    /// A search on these terms, in worlds like this.
    pub fn new(config: WorldConfig, terms: Terms) -> Search {
        let path = Path::new(terms.lateness, terms.spans.clone());
        let config = WorldConfig { history: true, ..config };
        Search {
            host: Host::new(SimWorld::new(config, path)),
            terms,
            seen: BTreeMap::new(),
            level: Level::ALL,
            runs: 0,
            steps: 0,
            is_partial: false,
            farthest: None,
        }
    }

    /// Searches until the goal is met, nothing is left, or the budget is spent. `setup` puts machines onto the host, the same each time.
    pub fn go(
        mut self,
        plan: Option<&Arc<SessionSpec>>,
        setup: impl Fn(&mut Host<SimWorld<Path>>),
        goal: &mut impl Goal,
    ) -> Searched {
        let mut levels = levels(self.terms.deviates_late, goal.guesses());
        self.enter(levels.next());
        let end = loop {
            self.begin(plan);
            setup(&mut self.host);
            goal.begin();
            let over = self.run(goal);
            self.runs += 1;
            let met = match over {
                Over::Ended(step) => goal.is_met(step),
                Over::Cut | Over::Known => false,
                Over::TooLong => {
                    self.is_partial = true;
                    false
                }
            };
            if met {
                break End::Met;
            }
            self.keep_farthest(goal.progress());
            if !self.path(Path::turn) {
                if self.level == Level::ALL {
                    break if self.is_partial { End::Spent } else { End::Exhausted };
                }
                self.enter(levels.next());
            }
            if self.runs >= self.terms.budget.runs || self.steps >= self.terms.budget.steps {
                break End::Spent;
            }
        };
        let moments = match self.farthest.take() {
            Some((_, farthest)) if end != End::Met => farthest,
            Some(_) | None => self.host.world().borrow().history().to_vec(),
        };
        Searched { end, runs: self.runs, steps: self.steps, states: self.states(), moments }
    }

    /// Starts on the next level; the last one leaves out nothing.
    fn enter(&mut self, level: Option<Level>) {
        self.level = level.unwrap_or(Level::ALL);
        let limit = self.level.deviations;
        self.path(|path| path.restart(limit));
    }

    fn states(&self) -> u64 {
        let mut states: Vec<u64> = self.seen.keys().map(|(state, _)| *state).collect();
        states.dedup();
        states.len() as u64
    }

    fn begin(&mut self, plan: Option<&Arc<SessionSpec>>) {
        let nobody = Path::new(self.terms.lateness, Spans::Shortest);
        self.host.clear(|world| {
            let mut path = std::mem::replace(world.choices_mut(), nobody);
            path.rewind();
            world.reset(path, plan.cloned());
        });
    }

    fn path<R>(&self, ask: impl FnOnce(&mut Path) -> R) -> R {
        ask(self.host.world().borrow_mut().choices_mut())
    }

    fn run(&mut self, goal: &mut impl Goal) -> Over {
        let mut told = 0;
        loop {
            if !self.show(goal, &mut told) {
                return Over::Cut;
            }
            if self.path(|path| path.is_at_frontier()) {
                if !self.is_hopeful(goal) {
                    return Over::Cut;
                }
                if self.host.alternatives().len() > 1 {
                    if !self.is_new(goal) {
                        return Over::Known;
                    }
                    self.line_up(goal);
                }
            }
            if self.host.steps() >= self.terms.steps_a_run {
                return Over::TooLong;
            }
            match self.host.step() {
                Step::Ran => {
                    self.steps += 1;
                    if let Some(site) = self.path(Path::take_stepped) {
                        goal.step(site);
                    }
                }
                over @ (Step::Done | Step::Stuck | Step::Idle { .. }) => return Over::Ended(over),
            }
        }
    }

    /// Whether the goal can still be met, as far as it sees what is settled and what may come.
    fn is_hopeful(&self, goal: &mut impl Goal) -> bool {
        let world = self.host.world().borrow();
        world.kernel().coming(&mut |it| goal.foresee(it)) && goal.may_be_met(world.kernel())
    }

    /// Shows the goal what has happened since it was last shown something.
    fn show(&self, goal: &mut impl Goal, told: &mut usize) -> bool {
        let world = self.host.world().borrow();
        world.history()[*told..].iter().all(|moment| {
            *told += 1;
            let who = match moment {
                Moment::Process(event) => world.kernel().bearer(event.pid),
                Moment::Fact(_) => None,
            };
            goal.see(moment, who)
        })
    }

    /// The next pick tries first whose turn it is.
    fn line_up(&mut self, goal: &impl Goal) {
        let turns = goal.turns(self.host.alternatives(), self.level.guess);
        let mut order: Vec<(u64, u32)> = turns.into_iter().zip(0..).collect();
        order.sort_unstable();
        self.path(|path| path.try_in_order(order.into_iter().map(|(_, at)| at)));
    }

    fn is_new(&mut self, goal: &impl Goal) -> bool {
        if !self.terms.remembers {
            return true;
        }
        let Some(host) = self.host.fingerprint() else { return true };
        let world = self.host.world().borrow().fingerprint();
        let state = Digest::of(host).number(world).number(goal.digest()).value();
        let left = self.path(|path| path.left());
        match self.seen.entry((state, self.level.guess)) {
            Entry::Vacant(vacant) => {
                vacant.insert(left);
                true
            }
            Entry::Occupied(mut before) if *before.get() < left => {
                before.insert(left);
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    fn keep_farthest(&mut self, progress: u64) {
        if self.farthest.as_ref().is_none_or(|(best, _)| *best < progress) {
            self.farthest = Some((progress, self.host.world().borrow().history().to_vec()));
        }
    }
}
