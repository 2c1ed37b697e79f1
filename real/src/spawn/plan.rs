//! What to execute, worked out before any child exists: in a child that shares our memory nothing may be allocated.

use shakedown_core::vocab::{Errno, Inherit, Redirect, Scope, SpawnFailure};
use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// What a child leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lead {
    /// A process group of its own (setpgid(2)).
    Group,
    /// A POSIX session of its own, without a terminal (setsid(2)).
    Session,
}

/// A program with everything that its exec needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    pub(super) candidates: Vec<CString>,
    pub(super) argv: Vec<CString>,
    pub(super) envp: Vec<CString>,
    pub(super) dir: Option<CString>,
    pub(super) lead: Lead,
    /// The descriptor on which it says that it is ready.
    pub(super) newline: Option<i32>,
    /// What its descriptors 0, 1 and 2 are.
    pub(super) stdio: [Redirect; 3],
    /// Whether it outlives this program.
    pub(super) detached: bool,
}

impl Plan {
    /// A plan for `argv`, its first word looked up in the `PATH` of `env` unless it has a slash (as execvp(3) does).
    ///
    /// # Errors
    /// `ENOENT` where `argv` is empty or its first word is, `EINVAL` where a string holds a NUL: nothing could execute it.
    pub fn new<S: AsRef<OsStr>>(
        argv: &[S],
        env: &[(OsString, OsString)],
        dir: Option<&str>,
        lead: Lead,
    ) -> Result<Plan, SpawnFailure> {
        let words: Vec<&[u8]> = argv.iter().map(|word| word.as_ref().as_bytes()).collect();
        let Some(program) = words.first().copied().filter(|program| !program.is_empty()) else {
            return Err(SpawnFailure { errno: Errno::ENOENT, at_exec: true });
        };
        let path = env.iter().find(|(name, _)| name == "PATH").map_or(OsStr::new(PATH_DEFAULT), |(_, value)| value);
        let candidates = candidates(program, path).into_iter().map(c_string).collect::<Result<_, _>>()?;
        let envp = env.iter().map(|(name, value)| {
            let entry = [name.as_bytes(), b"=", value.as_bytes()].concat();
            c_string(entry)
        });
        Ok(Plan {
            candidates,
            argv: words.iter().map(|word| c_string(word.to_vec())).collect::<Result<_, _>>()?,
            envp: envp.collect::<Result<_, _>>()?,
            dir: dir.map(|dir| c_string(dir.as_bytes().to_vec())).transpose()?,
            lead,
            newline: None,
            stdio: [Redirect::Piped; 3],
            detached: false,
        })
    }

    /// The same with another file to execute: `argv[0]` stays the name that the program sees.
    #[must_use]
    pub fn executing(mut self, file: &std::ffi::CStr) -> Plan {
        self.candidates = vec![file.to_owned()];
        self
    }

    /// The same with the write end of a pipe as this descriptor of the child, if any: the other end is [`Child::newline`](super::Child).
    #[must_use]
    pub fn saying(mut self, number: Option<i32>) -> Plan {
        self.newline = number;
        self
    }

    /// The same, that outlives this program, or does not.
    #[must_use]
    pub fn outliving(mut self, detached: bool) -> Plan {
        self.detached = detached;
        self
    }

    /// The same with these as its descriptors 0, 1 and 2. We have an end of what is a pipe, and of nothing else.
    #[must_use]
    pub fn redirected(mut self, stdio: [Redirect; 3]) -> Plan {
        self.stdio = stdio;
        self
    }
}

/// What a child of this scope leads; `None` for a scope that this backend has no means for.
pub(crate) fn lead_of(scope: Scope) -> Option<Lead> {
    match scope {
        Scope::Process | Scope::Group | Scope::Tree => Some(Lead::Group),
        Scope::PosixSession => Some(Lead::Session),
        Scope::Cgroup | Scope::Job => None,
    }
}

/// What is to be inherited of the environment of this process, with `set` in it, and without the variables named in `without`.
pub(crate) fn environment(
    inherit: &Inherit,
    set: Vec<(OsString, OsString)>,
    without: &[&str],
) -> Vec<(OsString, OsString)> {
    let is_wanted = |name: &OsStr| match inherit {
        Inherit::All => true,
        Inherit::AllBut(some) => !name.to_str().is_some_and(|name| some.contains(name)),
        Inherit::Nothing => false,
    };
    let inherited = std::env::vars_os().filter(|(name, _)| {
        is_wanted(name) && !without.iter().any(|banned| name == banned) && !set.iter().any(|(own, _)| own == name)
    });
    let mut all: Vec<_> = inherited.collect();
    all.extend(set);
    all
}

/// Files to try, in order. An empty element of `PATH` is the working directory (environ(7)).
fn candidates(program: &[u8], path: &OsStr) -> Vec<Vec<u8>> {
    if program.contains(&b'/') {
        return vec![program.to_vec()];
    }
    let joined = path.as_bytes().split(|b| *b == b':').map(|dir| match dir {
        [] => program.to_vec(),
        dir => [dir, b"/", program].concat(),
    });
    joined.collect()
}

fn c_string(bytes: Vec<u8>) -> Result<CString, SpawnFailure> {
    CString::new(bytes).map_err(|_| SpawnFailure { errno: Errno::EINVAL, at_exec: false })
}

/// What execvp(3) of glibc searches where no `PATH` is set.
const PATH_DEFAULT: &str = "/bin:/usr/bin";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_is_looked_up_and_a_path_is_not() {
        let env = [("PATH".into(), "/a::/b".into())];
        let names = |argv: &[&str]| Plan::new(argv, &env, None, Lead::Group).map(|plan| plan.candidates);
        assert_eq!(names(&["ls"]).unwrap(), [c"/a/ls".to_owned(), c"ls".to_owned(), c"/b/ls".to_owned()]);
        assert_eq!(names(&["./ls"]).unwrap(), [c"./ls".to_owned()]);
        assert_eq!(names(&[]), Err(SpawnFailure { errno: Errno::ENOENT, at_exec: true }));
        assert_eq!(names(&["a\0b"]), Err(SpawnFailure { errno: Errno::EINVAL, at_exec: false }));
    }
}
