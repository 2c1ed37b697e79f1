//! Reports: what a sweep and a failure look like, as text for people and as lines of JSON for programs.
//! Pure functions from data to text, so that the same input gives the same bytes on every machine and every number of cores.

mod fact;
mod failure;
mod family;
mod figures;
mod json;
mod kinds;
pub mod latest;
mod nanos;
mod record;
mod summary;
mod sweep;
mod table;
mod text;
mod timeline;

pub use fact::{FactLine, FactText, timestamp};
pub use failure::{FailureReport, HowCommon, Minimised, Reproduced, RunOf, Surprises, failure_block};
pub use figures::{bytes, count, duration, percent, plural};
pub use json::{CaseLine, FailureLine, SummaryLine, UnsteadyLine};
pub use kinds::by_kind;
pub use record::{Event, EventKind, Lane, LaneKind, RunRecord};
pub use summary::{CaseSummary, SweepSummary, case_line, sweep_summary};
pub use sweep::SweepReport;
pub use text::{WIDTH, visible, wrap};
pub use timeline::{Cell, Mark, Story, TimelineRow, said, timeline};

#[cfg(test)]
mod samples;
