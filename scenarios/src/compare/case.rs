//! One case, played for real several times: which outcomes there were, whether each can be simulated, and what was simulated but never
//! seen.

use super::fit::fits;
use super::outcome::Outcome;
use super::{Budget, Decision, decide, decide_along, outcomes};
use crate::format::Case;
use shakedown_sim::Moment;
use std::sync::Arc;

/// A real run that came to its end, or did not.
#[derive(Clone, PartialEq, Debug)]
pub struct RealRun {
    /// What its ranges were drawn from.
    pub seed: u64,
    /// What came of it.
    pub outcome: Outcome,
    /// What was told and seen, in its order: where the search looks first.
    pub moments: Arc<[Moment]>,
}

/// One real outcome, and what the search says of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Decided {
    /// The first run that showed it.
    pub run: RealRun,
    /// How many runs showed it.
    pub times: u64,
    /// Whether the simulator can come to it.
    pub decision: Decision,
}

/// What the comparison of one case came to.
#[derive(Clone, PartialEq, Debug)]
pub struct Compared {
    /// Real runs.
    pub runs: u64,
    /// Their distinct outcomes, in the order in which they were seen.
    pub real: Vec<Decided>,
    /// Simulated outcomes that were found where nothing is late.
    pub simulated: u64,
    /// Whether these are all there are of them.
    pub complete: bool,
    /// Those of them that no real run has shown. They may be rare, or not be possible at all: information, and no failure.
    pub unseen: Vec<Outcome>,
}

/// What is said of a case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Agreement {
    /// Every real outcome can be simulated.
    Agrees,
    /// One cannot.
    Differs,
    /// Of one nobody knows.
    Undecided,
}

impl Compared {
    /// The worst that was decided of any real outcome.
    pub fn agreement(&self) -> Agreement {
        let of = |decided: &Decided| match decided.decision {
            Decision::Reachable { .. } => Agreement::Agrees,
            Decision::Unreachable { .. } => Agreement::Differs,
            Decision::Undecided { .. } => Agreement::Undecided,
        };
        let worst = |so_far, next| match (so_far, next) {
            (Agreement::Differs, _) | (_, Agreement::Differs) => Agreement::Differs,
            (Agreement::Undecided, _) | (_, Agreement::Undecided) => Agreement::Undecided,
            (Agreement::Agrees, Agreement::Agrees) => Agreement::Agrees,
        };
        self.real.iter().map(of).fold(Agreement::Agrees, worst)
    }

    /// Real runs whose outcome was decided so.
    pub fn runs_that(&self, is: impl Fn(&Decision) -> bool) -> u64 {
        self.real.iter().filter(|decided| is(&decided.decision)).map(|decided| decided.times).sum()
    }
}

/// Decides each distinct outcome of these runs within `budget`, and enumerates simulated ones within another.
pub fn compare(case: &Case, runs: &[RealRun], budget: Budget, enumeration: Budget) -> Compared {
    let mut real: Vec<Decided> = Vec::new();
    for run in runs {
        match real.iter_mut().find(|known| known.run.outcome == run.outcome) {
            Some(known) => known.times += 1,
            None => {
                // Depth first where the order of the real run leads nowhere: in a flood of output it says little, and nobody is told that
                // Linux did the impossible by one search alone.
                let decision = match decide_along(case, &run.outcome, &run.moments, budget) {
                    Decision::Undecided { .. } | Decision::Unreachable { .. } => decide(case, &run.outcome, budget),
                    reached @ Decision::Reachable { .. } => reached,
                };
                real.push(Decided { run: run.clone(), times: 1, decision });
            }
        }
    }
    let found = outcomes(case, enumeration);
    let is_unseen = |simulated: &&Outcome| !real.iter().any(|decided| fits(simulated, &decided.run.outcome));
    let unseen = found.all.iter().filter(is_unseen).cloned().collect();
    Compared { runs: runs.len() as u64, real, simulated: found.all.len() as u64, complete: found.complete, unseen }
}
