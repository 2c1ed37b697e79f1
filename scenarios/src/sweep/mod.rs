//! Many seeds of many cases: played on every core, merged in the order of the seeds, so that the result does not depend on the cores.

mod plan;
mod play;
mod run;
mod story;

pub use plan::{Job, Seeds, SeedsError};
pub use play::{Played, Player};
pub use run::{CaseResult, FirstFailure, Progress, RECHECK_EVERY, SweepResult, sweep};
pub use story::{PlanNames, look_into, rerun_command, tell};
