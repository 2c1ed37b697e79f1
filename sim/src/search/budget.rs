//! How far a search may go: a spent budget is an answer of its own, and never a verdict on what was searched for.

/// The limits of one search.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    /// Simulations, each from the start.
    pub runs: u64,
    /// Steps of all simulations together.
    pub steps: u64,
}

impl Default for Budget {
    /// 100 000 simulations of all in all 20 million steps: some ten seconds at the most, and a thousand times what an ordinary race
    /// needs.
    fn default() -> Self {
        Budget { runs: 100_000, steps: 20_000_000 }
    }
}
