//! An oracle of one's own that scenario files name by `check = "…"`: `cargo test -p shakedown --example oracle`.
//!
//! What the sentences of a scenario cannot say is said in Rust, once, for all files that name it. In a package of your own this file is
//! `tests/scenarios.rs`, with `harness = false`, and the files end in `.toml`; here they do not, as every `.toml` of this tree is played by
//! the plain command, which has no such oracle.

use shakedown::core::oracle::Names;
use shakedown::core::vocab::ProcessWhat;
use shakedown::oracle::{Oracle, Oracles};
use shakedown::sim::Moment;
use std::collections::BTreeSet;
use std::sync::Arc;

shakedown::scenarios!("examples/oracle/*.toml.txt", oracles = oracles());

/// All that the files may name. The command takes the same: `shakedown_cli::main(oracles())`.
fn oracles() -> Oracles {
    Oracles::new().with("two-at-once", || AtOnce { most: 2, running: BTreeSet::new() })
}

/// So many programs may run at once: the machine has no memory for more.
struct AtOnce {
    most: usize,
    running: BTreeSet<Arc<str>>,
}

impl Oracle for AtOnce {
    fn see(&mut self, moment: &Moment, _: &dyn Names) -> Result<(), String> {
        let Moment::Process(event) = moment else { return Ok(()) };
        match event.what {
            ProcessWhat::Started => drop(self.running.insert(event.name.clone())),
            ProcessWhat::Exited(_) => drop(self.running.remove(&event.name)),
            ProcessWhat::Signalled(_) | ProcessWhat::Installed(_) => {}
        }
        if self.running.len() <= self.most {
            return Ok(());
        }
        let running: Vec<&str> = self.running.iter().map(|name| &**name).collect();
        Err(format!("{} run at once", running.join(", ")))
    }
}
