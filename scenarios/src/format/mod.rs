//! Scenario files: TOML in, plain checked data out, or everything that is wrong with it at once (SCENARIOS, section 1).
//!
//! What the format knows and this version does not build is told apart from mistakes: [`DiagnosticKind::NotSupportedYet`].
//! Nothing is merely parsed.
//!
//! ```
//! let text = "schema = 1\n[workers.server]\npuppet = \"on TERM exit 0; hang\"\n[[stimuli]]\nat = \"10ms\"\ndo = \"stop\"\n";
//! let scenario = shakedown::format::read("stop.toml", text).unwrap();
//! assert_eq!(scenario.cases().len(), 1);
//! let wrong = shakedown::format::read("stop.toml", &text.replace("puppet", "pupet")).unwrap_err();
//! assert!(wrong[0].to_string().contains("did you mean `puppet`?"));
//! ```

mod actions;
mod diagnostic;
mod expect;
mod faults;
mod journal;
mod load;
mod proxy;
mod read;
mod reader;
mod relations;
mod restart;
mod scenario;
mod schema;
mod session;
mod setting;
mod stimuli;
mod sweep;
mod tree;
mod worker;

pub use diagnostic::{DIAGNOSTICS_MAX, Diagnostic, DiagnosticKind, render_all};
pub use load::{DEPTH_MAX, FILE_MAX, find, load, load_with};
pub use read::{Options, read, read_with};
pub use scenario::{Allow, Case, Limits, Scenario};
pub use schema::schema;
pub use setting::{Setting, SettingError};
pub use sweep::CASES_MAX;

#[cfg(test)]
mod tests;
