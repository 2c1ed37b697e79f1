//! The tree of choices within bounds, and the way to one leaf of it: depth first, by re-execution from the start.
//! Each fork remembers how many schedules were found below it, so that a state that is met again need not be entered to be counted.

use super::bounds::{Bounds, Class};
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::site::{Kind, Site};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A chooser that follows the tree's path and goes on calmly, leaving a fork wherever there was another way within the bounds.
#[derive(Clone, Default)]
pub struct Tree(Rc<RefCell<Paths>>);

/// Where a run may go one way or another.
#[derive(Clone, Debug)]
struct Fork {
    class: Class,
    /// The alternatives that the bounds allow; the n-th costs n times `cost`.
    of: u32,
    taken: u32,
    /// What one step from an alternative to the next costs: an alternative of order costs a delay for each that is passed over.
    cost: Cost,
    /// The answer for the n-th alternative is n times this.
    stride: u32,
    /// What was left before it.
    left: Bounds,
    /// What was left in all.
    total: u32,
    /// The state in which it was met, where that is known.
    state: Option<u64>,
    /// Schedules found below it.
    schedules: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cost {
    /// The n-th alternative costs n.
    Each,
    /// Every one but the calm one costs 1.
    Once,
}

impl Fork {
    fn spent(&self) -> u32 {
        match self.cost {
            Cost::Each => self.taken,
            Cost::Once => self.taken.min(1),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Paths {
    forks: Vec<Fork>,
    /// How many of them this run has passed.
    at: usize,
    bounds: Bounds,
    /// In all.
    total: u32,
    /// What is left of the bounds in this run.
    left: Bounds,
    left_in_all: u32,
    /// The state of the next fork, if it is known.
    state: Option<u64>,
    /// Schedules below a state, with so much left.
    memory: BTreeMap<(u64, Bounds, u32), u64>,
    /// Schedules below the root of this level.
    schedules: u64,
    /// What a run was not asked because no bound allows anything but calm, by kind.
    pub(super) held: BTreeMap<Kind, u64>,
}

impl Tree {
    /// Starts on a level: runs with so many surprises in all, of each kind at most as many as the bounds say.
    pub(super) fn enter(&self, bounds: Bounds, total: u32) {
        let mut paths = self.0.borrow_mut();
        *paths = Paths { bounds, total, ..Paths::default() };
        paths.rewind();
    }

    /// Back to the start of the same path.
    pub(super) fn rewind(&self) {
        self.0.borrow_mut().rewind();
    }

    /// Whether the run goes where none has been.
    pub(super) fn is_at_frontier(&self) -> bool {
        let paths = self.0.borrow();
        paths.at == paths.forks.len()
    }

    /// The run has come to this state, at which there is a choice. False if it is known what lies below: then that is counted, and the
    /// run is over.
    pub(super) fn meet(&self, state: u64) -> bool {
        self.0.borrow_mut().meet(state)
    }

    /// The run is over. `is_new` where it came to an end, instead of to a state that is known.
    pub(super) fn end(&self, is_new: bool) {
        if is_new {
            self.0.borrow_mut().count(1);
        }
    }

    /// Turns to the next way that was not tried; false where there is none.
    pub(super) fn turn(&self) -> bool {
        self.0.borrow_mut().turn()
    }

    /// Schedules of the level that has ended.
    pub(super) fn schedules(&self) -> u64 {
        self.0.borrow().schedules
    }

    /// States that are known.
    pub(super) fn states(&self) -> usize {
        self.0.borrow().memory.len()
    }

    /// What was held calm, by kind, and in how many runs' questions.
    pub(super) fn held(&self) -> BTreeMap<Kind, u64> {
        self.0.borrow().held.clone()
    }
}

impl Paths {
    fn rewind(&mut self) {
        self.at = 0;
        self.left = self.bounds;
        self.left_in_all = self.total;
        self.state = None;
    }

    fn meet(&mut self, state: u64) -> bool {
        match self.memory.get(&(state, self.left, self.left_in_all)).copied() {
            Some(schedules) => {
                self.count(schedules);
                false
            }
            None => {
                self.state = Some(state);
                true
            }
        }
    }

    fn count(&mut self, schedules: u64) {
        // Forks beyond are of the run before.
        match self.forks[..self.at].last_mut() {
            Some(fork) => fork.schedules += schedules,
            None => self.schedules += schedules,
        }
    }

    fn turn(&mut self) -> bool {
        self.forks.truncate(self.at);
        while let Some(fork) = self.forks.last_mut() {
            if fork.taken + 1 < fork.of {
                fork.taken += 1;
                return true;
            }
            let Some(done) = self.forks.pop() else { break };
            if let Some(state) = done.state {
                self.memory.insert((state, done.left, done.total), done.schedules);
            }
            self.at = self.forks.len();
            self.count(done.schedules);
        }
        false
    }

    fn take(&mut self, class: Class, kind: Kind, of: u32, cost: Cost, stride: u32) -> u32 {
        let state = self.state.take();
        let affordable = self.left.of(class).min(self.left_in_all);
        let allowed = match cost {
            Cost::Each => of.min(affordable + 1),
            Cost::Once if affordable == 0 => 1,
            Cost::Once => of,
        };
        if allowed <= 1 {
            // Whether there is a crash is asked before anything else in a step, and where there cannot be one the state is the same.
            if class == Class::Crash {
                self.state = state;
            }
            if self.bounds.of(class) == 0 {
                *self.held.entry(kind).or_default() += 1;
            }
            return 0;
        }
        if self.at == self.forks.len() {
            let (left, total) = (self.left, self.left_in_all);
            self.forks.push(Fork { class, of: allowed, taken: 0, cost, stride, left, total, state, schedules: 0 });
        }
        let fork = &self.forks[self.at];
        debug_assert_eq!((fork.class, fork.of), (class, allowed), "a run that is repeated comes to the same forks");
        let (spent, answer) = (fork.spent(), fork.taken * fork.stride);
        self.at += 1;
        *self.left.of_mut(class) -= spent;
        self.left_in_all -= spent;
        answer
    }
}

impl Choose for Tree {
    fn rank(&mut self, _: Site) -> u16 {
        0
    }

    fn draw(&mut self, site: Site, ask: Ask) -> u32 {
        let mut paths = self.0.borrow_mut();
        let kind = site.kind;
        match ask {
            Ask::Chance { per_million: 0 } => 0,
            Ask::Chance { .. } if kind == Kind::Crash => paths.take(Class::Crash, kind, 2, Cost::Once, 1),
            // Also one that strikes always strikes in some runs and in others not: a fault is one fault.
            Ask::Chance { .. } => paths.take(Class::Fault, kind, 2, Cost::Once, 1),
            Ask::Pick { of } if matches!(kind, Kind::Arrival | Kind::Lag) => {
                paths.take(Class::Delay, kind, of, Cost::Each, 1)
            }
            Ask::Pick { of } => paths.take(Class::Value, kind, of, Cost::Once, 1),
            Ask::Span { steps } => paths.take(Class::Value, kind, 2, Cost::Once, steps),
        }
    }

    fn picks(&self) -> bool {
        true
    }

    fn may_be_late(&self) -> bool {
        false
    }

    fn pick(&mut self, enabled: &[Site]) -> usize {
        let enabled = crate::choose::without_clock(enabled);
        match enabled {
            [one, _, ..] => {
                let of = enabled.len() as u32;
                self.0.borrow_mut().take(Class::Delay, one.kind, of, Cost::Each, 1) as usize
            }
            [_] | [] => 0,
        }
    }
}
