//! What is installed on the simulated machine: for each command the script that stands for it. Code that names programs, and knows
//! nothing of scripts, finds them here, as it finds real ones in `PATH`.

use shakedown_core::puppet::Block;
use shakedown_core::vocab::{Errno, ProcessSpec, Program, StandIn};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The programs of a simulated machine. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Programs(Arc<BTreeMap<String, Block>>);

impl Programs {
    /// The same with one more, or with another script for a program that was there. It is found by its full name, or by its last
    /// component: `server` is also `/usr/bin/server`.
    #[must_use]
    pub fn with(mut self, name: &str, script: Block) -> Programs {
        Arc::make_mut(&mut self.0).insert(name.into(), script);
        self
    }

    /// The names of all of them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What execve(2) comes to: the script that is played from then on.
    ///
    /// # Errors
    /// `ENOENT` for a command that is not installed and has no stand-in of its own, and that of a stand-in.
    pub fn exec<'a>(&'a self, spec: &'a ProcessSpec) -> Result<&'a Block, Errno> {
        match &spec.program {
            Program::Command { argv, sim: StandIn::Unknown } => {
                let name = argv.first().ok_or(Errno::ENOENT)?;
                let last = name.rsplit('/').next().unwrap_or(name);
                self.0.get(name).or_else(|| self.0.get(last)).ok_or(Errno::ENOENT)
            }
            Program::Command { sim: StandIn::Script(_) | StandIn::ExecFails(_), .. } | Program::Puppet(_) => {
                spec.exec()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_by_its_full_name_and_by_its_last_component() {
        let script = |text| shakedown_core::puppet::parse(text).expect("it is a script");
        let programs = Programs::default().with("server", script("hang")).with("/opt/server", script("exit 7"));
        for (name, found) in [
            ("server", Ok("hang")),
            ("/usr/bin/server", Ok("hang")),
            ("/opt/server", Ok("exit 7")),
            ("servers", Err(Errno::ENOENT)),
            ("", Err(Errno::ENOENT)),
        ] {
            let spec = ProcessSpec::command("w", &[name], None);
            assert_eq!(programs.exec(&spec), found.map(script).as_ref().map_err(|e| *e), "{name}");
        }
    }

    #[test]
    fn a_stand_in_of_its_own_comes_first() {
        let script = |text| shakedown_core::puppet::parse(text).expect("it is a script");
        let programs = Programs::default().with("server", script("hang"));
        let spec = ProcessSpec::command("w", &["server"], Some(script("exit 1")));
        assert_eq!(programs.exec(&spec), Ok(&script("exit 1")));
    }
}
