//! # The zoo
//!
//! Lifecycle bugs that others have shipped, planted in small supervisors as people write them, each beside its correct twin. They show
//! what the oracles notice, what a strategy finds and how soon, and whether what is right is left in peace.
//!
//! The folders of `bugs/` read as a catalogue of what goes wrong. `just zoo` hunts them all.
#![forbid(unsafe_code)]

mod bugs;
mod case;
mod choices;
pub mod hunt;
mod life;
mod play;
mod policy;
mod stage;
mod thirdparty;

pub use case::{Any, Case, Caught, Stage};
pub use choices::Choices;
pub use play::{Player, Side, quiet_panics};

use std::sync::LazyLock;

/// Every case: first the bugs, in the order of their folders, then what others ship.
pub fn catalogue() -> &'static [Case] {
    static CASES: LazyLock<Vec<Case>> =
        LazyLock::new(|| bugs::cases().into_iter().chain(thirdparty::cases()).collect());
    &CASES
}
