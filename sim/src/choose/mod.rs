//! Choosers: one strategy a file, all behind core's `Choose`. 0 is always the calm answer.

mod bytes;
mod chains;
mod delays;
mod dice;
mod pct;
mod pilot;
mod pos;
mod record;
mod seeded;
mod selector;
mod strategy;
mod surw;
mod trace;
mod values;
mod walk;
mod weather;

pub use bytes::Bytes;
pub use delays::Delays;
pub use pct::Pct;
pub use pilot::Pilot;
pub use pos::Pos;
pub use record::{Answer, Record, Span};
pub use seeded::Seeded;
pub use selector::{BadSelector, Selected, Selector};
pub use strategy::{Chooser, Strategy, UnknownStrategy};
pub use surw::Surw;
pub use trace::Trace;
pub use walk::Walk;
pub use weather::Weather;

use shakedown_core::site::{Kind, Site};

/// What is enabled, without the coming of the next deadline: in a sweep nothing is late that could be in time.
pub(crate) fn without_clock(enabled: &[Site]) -> &[Site] {
    match enabled {
        [actions @ .., Site { kind: Kind::Clock, .. }] => actions,
        actions => actions,
    }
}
