//! # shakedown
//!
//! Shakes the races out of process and session lifecycles. Code that starts, supervises and stops tasks and processes is written once:
//! in tests it runs in a seeded simulator with virtual time and a simulated POSIX process kernel, for real on tokio and Linux.
//!
//! ```
//! use shakedown::prelude::*;
//!
//! shakedown::check(shakedown::Config::new("doc").seeds(50), |cx: TaskCx| async move {
//!     let api = cx.process().start(ProcessSpec::puppet("api", puppet("on TERM exit 0; hang"))).await?;
//!     cx.sleep(Duration::from_millis(20)).await;
//!     api.signal_scope(Signal::TERM);
//!     api.scope_empty().await;
//!     api.wait().await;
//!     Ok::<(), SpawnError>(())
//! });
//! ```
#![forbid(unsafe_code)]

pub mod compare;
pub mod failure;
pub mod format;
#[cfg(feature = "harness")]
pub mod harness;
#[cfg(feature = "real")]
pub mod live;
pub mod oracle;
pub mod pattern;
pub mod process;
pub mod report;
#[cfg(feature = "proptest")]
pub mod strategies;
pub mod sweep;

mod check;

pub use check::{Config, TestResult, check, strategy};
pub use shakedown_core as core;
pub use shakedown_core::runner;
pub use shakedown_core::select;
pub use shakedown_core::snapshot;
pub use shakedown_macros::test;
#[cfg(feature = "real")]
pub use shakedown_real as real;
#[cfg(feature = "real")]
pub use shakedown_real::run;
pub use shakedown_sim as sim;

/// What a test of a supervisor needs.
pub mod prelude {
    pub use crate::check::{Config, check, puppet};
    pub use shakedown_core::runner::{Handle, Runner, TaskSpec, from_fn};
    pub use shakedown_core::signal::Signal;
    pub use shakedown_core::snapshot::Snapshot;
    pub use shakedown_core::task::{
        Aborted, CancelSource, Cause, Elapsed, ExitCode, JoinHandle, Process, SpawnError, Stdio, TaskCx, process_task,
    };
    pub use shakedown_core::time::{Duration, DurationRange, Instant};
    pub use shakedown_core::vocab::{
        Errno, ExitStatus, Fault, FaultKind, Grace, ProcessSpec, Scope, StopPolicy, Stream,
    };
}

/// The examples of the book, as documentation tests.
#[cfg(doctest)]
mod book {
    macro_rules! pages {
        ($($name:ident = $file:literal;)*) => {$(
            #[doc = include_str!(concat!("../book/src/", $file, ".md"))]
            struct $name;
        )*};
    }

    pages! {
        Tutorial = "tutorial";
        Tokio = "howto/tokio";
        Disappears = "howto/disappears";
        Oracle = "howto/oracle";
        Ci = "howto/ci";
    }
}
