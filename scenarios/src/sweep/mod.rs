//! Many seeds of many cases: played on every core, merged in the order of the seeds, so that the result does not depend on the cores.

mod deadlines;
mod explore;
mod need;
mod plan;
mod play;
mod portfolio;
mod replay;
mod run;
mod shard;
mod story;

pub use deadlines::{Deadlines, OfWorker};
pub use explore::{explore, explored_case};
pub use need::needs;
pub use plan::{Job, Seeds, SeedsError};
pub use play::{Played, Player};
pub use portfolio::Mix;
pub use replay::{REGRESSIONS, regressions, replay, tell_replayed};
pub use run::{CaseResult, FirstFailure, Progress, RECHECK_EVERY, SweepResult, sweep};
pub use shard::{Shard, ShardError};
pub use story::{PlanNames, look_into, parting, rerun_command, settings, shell_word, tell};
