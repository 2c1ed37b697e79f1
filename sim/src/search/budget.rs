//! How far a search may go: a spent budget is an answer of its own, and never a verdict on what was searched for.

/// The limits of one search.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    /// Simulations, each from the start.
    pub runs: u64,
    /// Steps of all simulations together.
    pub steps: u64,
}

impl Budget {
    /// What is left of it after a search with this one.
    #[must_use]
    pub fn less(self, spent: Budget) -> Budget {
        Budget { runs: self.runs.saturating_sub(spent.runs), steps: self.steps.saturating_sub(spent.steps) }
    }
}

impl Default for Budget {
    /// 100 000 simulations of all in all 20 million steps: some ten seconds at the most, and a thousand times what an ordinary race
    /// needs.
    fn default() -> Self {
        Budget { runs: 100_000, steps: 20_000_000 }
    }
}
