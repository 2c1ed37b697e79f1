//! Oracles of one's own, in Rust: they see all that is told and all that happens, as the built-in ones do, and reject a run in a sentence.
//! A test takes them by [`Config::oracle`](crate::Config::oracle). A scenario file takes them by `check = "name"` from the program that
//! plays it: a test program by `scenarios!("…", oracles = …)`, a command by `shakedown_cli::main(…)`.
//!
//! ```
//! use shakedown::oracle::{Oracle, Oracles};
//! use shakedown::prelude::*;
//! use shakedown::sim::Moment;
//!
//! /// No process may be started while another one still runs.
//! #[derive(Default)]
//! struct OneAtATime(u32);
//!
//! impl Oracle for OneAtATime {
//!     fn see(&mut self, moment: &Moment, _: &dyn shakedown::core::oracle::Names) -> Result<(), String> {
//!         use shakedown::core::vocab::ProcessWhat;
//!         let Moment::Process(event) = moment else { return Ok(()) };
//!         match event.what {
//!             ProcessWhat::Started => self.0 += 1,
//!             ProcessWhat::Exited(_) => self.0 -= 1,
//!             ProcessWhat::Signalled(_) | ProcessWhat::Installed(_) => {}
//!         }
//!         if self.0 > 1 { Err(format!("{} runs beside another one", event.name)) } else { Ok(()) }
//!     }
//! }
//!
//! let config = Config::new("one-at-a-time").seeds(20).oracle("one-at-a-time", OneAtATime::default);
//! check(config, |cx: TaskCx| async move {
//!     for name in ["first", "second"] {
//!         let process = cx.process().start(ProcessSpec::puppet(name, puppet("exit 0"))).await?;
//!         process.wait().await;
//!     }
//!     Ok::<(), SpawnError>(())
//! });
//! ```

use shakedown_core::oracle::Names;
use shakedown_core::time::Instant;
use shakedown_sim::Moment;
use std::fmt;
use std::sync::Arc;

/// Watches one run.
pub trait Oracle {
    /// Takes what was told or what happened next.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    fn see(&mut self, moment: &Moment, names: &dyn Names) -> Result<(), String>;

    /// The run is over.
    ///
    /// # Errors
    /// What should have come and has not, in a sentence.
    fn end(&mut self, at: Instant) -> Result<(), String> {
        let _ = at;
        Ok(())
    }
}

type Make = dyn Fn() -> Box<dyn Oracle> + Send + Sync;

/// An oracle under its name: a new one watches each run.
#[derive(Clone)]
pub struct Named {
    name: Arc<str>,
    make: Arc<Make>,
}

impl Named {
    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What it finds wrong with a run first: when, and what.
    pub fn judge(&self, moments: &[Moment], names: &dyn Names, end: Instant) -> Option<(Instant, String)> {
        let mut oracle = (self.make)();
        for moment in moments {
            if let Err(wrong) = oracle.see(moment, names) {
                let at = match moment {
                    Moment::Fact(fact) => fact.at,
                    Moment::Process(event) => event.at,
                };
                return Some((at, wrong));
            }
        }
        oracle.end(end).err().map(|wrong| (end, wrong))
    }
}

impl PartialEq for Named {
    fn eq(&self, other: &Named) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The oracles that a program has of its own.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Oracles(Vec<Named>);

impl Oracles {
    /// None.
    pub fn new() -> Oracles {
        Oracles::default()
    }

    /// With this one, under this name; of two with one name the last counts.
    #[must_use]
    pub fn with<O: Oracle + 'static>(mut self, name: &str, make: impl Fn() -> O + Send + Sync + 'static) -> Oracles {
        self.0.retain(|known| *known.name != *name);
        self.0.push(Named { name: name.into(), make: Arc::new(move || Box::new(make())) });
        self
    }

    /// The one of this name.
    pub fn get(&self, name: &str) -> Option<&Named> {
        self.0.iter().find(|known| *known.name == *name)
    }

    /// All of them, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Named> + Clone {
        self.0.iter()
    }
}
