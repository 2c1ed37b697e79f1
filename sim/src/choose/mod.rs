//! Choosers: one strategy a file, all behind core's `Choose`. 0 is always the calm answer.

mod record;
mod seeded;
mod trace;

pub use record::{Answer, Record};
pub use seeded::Seeded;
pub use trace::Trace;
