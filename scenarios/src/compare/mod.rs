//! Whether the simulator can do what Linux did: membership of a real outcome in the set of simulated ones, decided by search.
//!
//! A real run shows one outcome of many; a sweep shows many simulated ones, but never that there are no others. So the simulator's
//! choices are searched, steered by the real outcome: a branch that has shown what was not seen for real is cut at once. A real duration
//! means "at least", and so in the search everything may be late, without bound.

mod acts;
mod ahead;
mod case;
mod fit;
mod order;
mod outcome;
mod report;
mod told;

#[cfg(test)]
mod tests;

pub use case::{Agreement, Compared, Decided, RealRun, compare};
pub use outcome::{Life, Outcome, Told, Word, outcome_of};
pub use report::{ComparedLine, compared_line, difference_block, trouble};
pub use shakedown_sim::search::Budget;

use crate::format::Case;
use fit::Fit;
use order::Order;
use outcome::Account;
use shakedown_core::host::{Host, Step};
use shakedown_core::site::Label;
use shakedown_core::time::{Duration, DurationRange, Instant};
use shakedown_core::vocab::{Stimulus, TriggerSubject};
use shakedown_sim::search::{End, Goal, Lateness, Path, Search, Searched, Spans, Terms};
use shakedown_sim::{Moment, SimWorld, WorldConfig};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Whether a real outcome is one that the simulator can come to.
#[derive(Clone, PartialEq, Debug)]
pub enum Decision {
    /// It is: this simulated run comes to it.
    Reachable {
        /// Simulations until it was found.
        runs: u64,
        /// The run.
        moments: Vec<Moment>,
    },
    /// It is not: all was tried. The model is wrong, or what the real side reports.
    Unreachable {
        /// Simulations that showed it.
        runs: u64,
        /// The simulated run that got farthest along the real one.
        closest: Vec<Moment>,
    },
    /// Nobody knows: the budget is spent, or the real run did not come to its end.
    Undecided {
        /// Simulations until then.
        runs: u64,
        /// The simulated run that got farthest along the real one.
        closest: Vec<Moment>,
    },
}

/// What the simulator can come to.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcomes {
    /// All that were found.
    pub all: BTreeSet<Outcome>,
    /// Whether these are all there are.
    pub complete: bool,
    /// Simulations.
    pub runs: u64,
}

/// Decides whether the simulator can come to this outcome.
pub fn decide(case: &Case, real: &Outcome, budget: Budget) -> Decision {
    decide_along(case, real, &[], budget)
}

/// Decides the same, sooner in most cases, with the moments of the run that came to it: what they show of the order among processes is
/// tried first. Moments of another run only cost time.
///
/// A hint that misleads costs more than none: a search that has spent a share of the budget is left for one without the hint, and that one
/// for the first with four times as much. So what either finds soon is found soon.
pub fn decide_along(case: &Case, real: &Outcome, moments: &[Moment], budget: Budget) -> Decision {
    if !real.is_over {
        return Decision::Undecided { runs: 0, closest: Vec::new() };
    }
    if moments.is_empty() {
        return decide_by(case, real, &[], budget);
    }
    let mut left = budget;
    for divisor in [4096, 1024, 256, 64, 16, 4] {
        for hint in [moments, &[]] {
            let share = Budget { runs: budget.runs / divisor, steps: budget.steps / divisor };
            match decide_by(case, real, hint, share) {
                Decision::Undecided { .. } => left = left.less(share),
                decision => return decision.after(budget.runs - left.runs),
            }
        }
    }
    decide_by(case, real, moments, left).after(budget.runs - left.runs)
}

/// One search, with this hint.
fn decide_by(case: &Case, real: &Outcome, hint: &[Moment], budget: Budget) -> Decision {
    let spans = match case.stimuli.len() {
        // It has nothing to come before or after.
        0 | 1 => Spans::Shortest,
        _ => Spans::Beside(outside(case), fixed(&case.stimuli).collect()),
    };
    let terms = Terms {
        lateness: Lateness::Unbounded,
        spans,
        budget,
        remembers: true,
        // Without a hint the first way tried is no likelier than the others, and depth first is quicker: who floods an output deviates
        // late and often.
        deviates_late: !hint.is_empty(),
        steps_a_run: STEPS_A_RUN,
    };
    let mut fit = Fit::new(case, real, Order::new(case, hint));
    let Searched { end, runs, moments, .. } = search(case, &at_least(&case.stimuli), terms, &mut fit);
    match end {
        End::Met => Decision::Reachable { runs, moments },
        End::Exhausted => Decision::Unreachable { runs, closest: moments },
        End::Spent => Decision::Undecided { runs, closest: moments },
    }
}

impl Decision {
    /// The same after so many runs of other searches.
    fn after(self, before: u64) -> Decision {
        match self {
            Decision::Reachable { runs, moments } => Decision::Reachable { runs: before + runs, moments },
            Decision::Unreachable { runs, closest } => Decision::Unreachable { runs: before + runs, closest },
            Decision::Undecided { runs, closest } => Decision::Undecided { runs: before + runs, closest },
        }
    }
}

/// Finds what the simulator can come to where nothing is late: every order of what can happen at the same instant, durations at both
/// ends of their ranges and between. A program without a race has exactly one outcome.
///
/// Were everything as late as [`decide`] allows, every program would race against its own timeouts, and none had only one.
pub fn outcomes(case: &Case, budget: Budget) -> Outcomes {
    let terms = Terms {
        lateness: Lateness::None,
        spans: Spans::All(3),
        budget,
        remembers: true,
        deviates_late: false,
        steps_a_run: case.limits.steps.min(STEPS_A_RUN),
    };
    let mut all = Collect { case, account: Account::default(), found: BTreeSet::new() };
    let Searched { end, runs, .. } = search(case, &case.stimuli, terms, &mut all);
    Outcomes { all: all.found, complete: end == End::Exhausted, runs }
}

/// What a stimulus waits for may come at any later instant, and so the stimulus itself, though the others' own instants stand fixed.
fn at_least(stimuli: &[Stimulus]) -> Vec<Stimulus> {
    let later = |stimulus: &Stimulus| {
        let DurationRange { min, grid, .. } = stimulus.at;
        let max = if stimulus.when.is_some() { Duration::MAX } else { stimulus.at.max };
        Stimulus { at: DurationRange { min, max, grid }, ..stimulus.clone() }
    };
    stimuli.iter().map(later).collect()
}

/// When those are due that wait for nothing and whose instant is given.
fn fixed(stimuli: &[Stimulus]) -> impl Iterator<Item = Instant> {
    let fixed = stimuli.iter().filter(|stimulus| stimulus.when.is_none() && stimulus.at.steps() == 0);
    fixed.map(|stimulus| Instant::ZERO.after(stimulus.at.min))
}

/// When those are due that wait for nothing, beside the first: whoever does them, one after the other, may come to that one so late that
/// others are due as well.
fn due(stimuli: &[Stimulus]) -> Vec<Instant> {
    let own = stimuli.iter().filter(|stimulus| stimulus.when.is_none());
    let mut due: Vec<Instant> = own.map(|stimulus| Instant::ZERO.after(stimulus.at.min)).collect();
    due.sort_unstable();
    due.dedup();
    due.drain(..due.len().min(1));
    due
}

fn search(case: &Case, stimuli: &[Stimulus], terms: Terms, goal: &mut impl Goal) -> Searched {
    let waits_for_process = |stimulus: &Stimulus| {
        stimulus.when.as_ref().is_some_and(|when| matches!(when.subject, TriggerSubject::Process(_)))
    };
    let observed = case.stimuli.iter().any(waits_for_process);
    let config = WorldConfig { history: true, observed, ..WorldConfig::default() };
    let stimuli: Arc<[Stimulus]> = stimuli.into();
    let pauses: Arc<[Instant]> = match terms.lateness {
        Lateness::Unbounded => due(&stimuli).into(),
        Lateness::None => Arc::from([]),
    };
    let setup = |host: &mut Host<SimWorld<Path>>| {
        host.world().borrow_mut().set_faults(case.faults.clone());
        host.world().borrow_mut().set_pauses(pauses.clone());
        host.start_session(&case.session, &stimuli);
    };
    Search::new(config, terms).go(Some(&case.session), setup, goal)
}

/// The label of the machine that plays the stimuli: it is the last of its name.
fn outside(case: &Case) -> Label {
    let namesakes = case.session.workers.iter().filter(|worker| *worker.name == *OUTSIDE).count();
    Label::ROOT.child(OUTSIDE, namesakes as u32)
}

const OUTSIDE: &str = "outside";

/// A simulation of more steps than this is not followed to its end.
const STEPS_A_RUN: u64 = 100_000;

/// A search that is never satisfied, and collects.
struct Collect<'a> {
    case: &'a Case,
    account: Account,
    found: BTreeSet<Outcome>,
}

impl Goal for Collect<'_> {
    fn begin(&mut self) {
        self.account.clear();
    }

    fn see(&mut self, moment: &Moment, who: Option<Label>) -> bool {
        self.account.take(self.case, moment, who);
        true
    }

    fn is_met(&mut self, step: Step) -> bool {
        if step == Step::Done {
            self.found.insert(self.account.outcome());
        }
        false
    }

    fn digest(&self) -> u64 {
        self.account.digest_told().wrapping_add(self.account.digest_lives())
    }

    fn progress(&self) -> u64 {
        0
    }
}
