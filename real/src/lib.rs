//! # shakedown-real
//!
//! The real backend of Shakedown: the machines of core on tokio and Linux processes. The only crate with wall time and unsafe
//! code, and the only one that sends signals: always through a pidfd, never by a bare number.

pub mod chooser;
mod errno;
pub mod files;
mod fresh;
pub mod host;
pub mod namespace;
mod panic;
pub mod pidfd;
pub mod procfs;
pub mod puppet;
pub mod reaper;
mod run;
pub mod scope;
pub mod spawn;
pub mod subreaper;
mod wakers;
mod watch;
pub mod world;

pub use run::{CannotRun, Ran, run};
pub use world::{CannotBegin, Config, RealWorld};
