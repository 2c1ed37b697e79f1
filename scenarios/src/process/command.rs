//! What is to be started: [`Command`], as `tokio::process::Command` has it.

use super::{Child, ExitStatus, Output, error};
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::{Inherit, ProcessSpec, Program, Redirect, Scope, StandIn};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::Path;

/// What a standard descriptor of a child is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stdio(pub(super) Redirect);

impl Stdio {
    /// A pipe to us.
    pub const fn piped() -> Stdio {
        Stdio(Redirect::Piped)
    }

    /// `/dev/null`.
    pub const fn null() -> Stdio {
        Stdio(Redirect::Null)
    }

    /// Our own. The simulator's has none to give: what is written there goes nowhere.
    pub const fn inherit() -> Stdio {
        Stdio(Redirect::Inherited)
    }
}

/// A process to start.
#[derive(Clone)]
pub struct Command {
    cx: TaskCx,
    spec: ProcessSpec,
    argv: Vec<String>,
    /// What cannot be said to a system: text that is not UTF-8. Told when the command is started.
    wrong: Option<&'static str>,
    stdio: [Option<Stdio>; 3],
    kill_on_drop: bool,
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command").field("argv", &self.argv).field("spec", &self.spec).finish_non_exhaustive()
    }
}

impl Command {
    /// A command that runs `program`, looked up in `PATH` where it has no slash. In facts and reports the child has the name of its last
    /// component; [`name`](Self::name) gives it another.
    pub fn new(cx: &TaskCx, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command {
            cx: cx.clone(),
            spec: ProcessSpec::new("", Program::Command { argv: Vec::new(), sim: StandIn::Unknown }),
            argv: Vec::new(),
            wrong: None,
            stdio: [None; 3],
            kill_on_drop: false,
        };
        command.spec.scope = Scope::Process;
        command.arg(program);
        command.spec.name =
            command.argv[0].rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("child").into();
        command
    }

    /// One more argument.
    pub fn arg(&mut self, arg: impl AsRef<OsStr>) -> &mut Command {
        let arg = self.text(arg.as_ref(), "an argument");
        self.argv.push(arg);
        self
    }

    /// More arguments.
    pub fn args(&mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> &mut Command {
        for arg in args {
            self.arg(arg);
        }
        self
    }

    /// Sets a variable.
    pub fn env(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Command {
        let name = self.text(name.as_ref(), "the name of a variable");
        let value = self.text(value.as_ref(), "a variable");
        if let Inherit::AllBut(some) = &mut self.spec.inherit {
            some.remove(&name);
        }
        self.spec.env.insert(name, value);
        self
    }

    /// Sets variables.
    pub fn envs(&mut self, vars: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>) -> &mut Command {
        for (name, value) in vars {
            self.env(name, value);
        }
        self
    }

    /// Takes a variable away, also where it would be inherited.
    pub fn env_remove(&mut self, name: impl AsRef<OsStr>) -> &mut Command {
        let name = self.text(name.as_ref(), "the name of a variable");
        self.spec.env.remove(&name);
        match &mut self.spec.inherit {
            Inherit::All => self.spec.inherit = Inherit::AllBut(BTreeSet::from([name])),
            Inherit::AllBut(some) => {
                some.insert(name);
            }
            Inherit::Nothing => {}
        }
        self
    }

    /// Takes all variables away; what is set afterwards counts.
    pub fn env_clear(&mut self) -> &mut Command {
        self.spec.env.clear();
        self.spec.inherit = Inherit::Nothing;
        self
    }

    /// Its working directory.
    pub fn current_dir(&mut self, dir: impl AsRef<Path>) -> &mut Command {
        self.spec.dir = Some(self.text(dir.as_ref().as_os_str(), "the working directory"));
        self
    }

    /// Descriptor 0; our own where nothing is said.
    pub fn stdin(&mut self, stdin: Stdio) -> &mut Command {
        self.stdio[0] = Some(stdin);
        self
    }

    /// Descriptor 1; our own where nothing is said, and a pipe for [`output`](Self::output).
    pub fn stdout(&mut self, stdout: Stdio) -> &mut Command {
        self.stdio[1] = Some(stdout);
        self
    }

    /// Descriptor 2; our own where nothing is said, and a pipe for [`output`](Self::output).
    pub fn stderr(&mut self, stderr: Stdio) -> &mut Command {
        self.stdio[2] = Some(stderr);
        self
    }

    /// Whether the child is killed when the [`Child`] is dropped. It is reaped by a task of its own a little later, as tokio does it; until
    /// then it is a zombie, and whoever it has started lives on.
    pub fn kill_on_drop(&mut self, kill: bool) -> &mut Command {
        self.kill_on_drop = kill;
        self
    }

    /// The group that the child is put into. Every child leads one of its own (0); only a command that says so has it as its scope: see
    /// [`Child::signal_group`].
    ///
    /// # Panics
    /// For another number than 0: a group of other people's cannot be joined.
    pub fn process_group(&mut self, pgroup: i32) -> &mut Command {
        assert_eq!(pgroup, 0, "a child can lead a group of its own (0), and not join another");
        self.spec.scope = Scope::Group;
        self
    }

    /// The scope of the child: how far [`Child::signal_group`] and [`Child::group_empty`] reach.
    pub fn scope(&mut self, scope: Scope) -> &mut Command {
        self.spec.scope = scope;
        self
    }

    /// What the child is called in facts and reports.
    pub fn name(&mut self, name: &str) -> &mut Command {
        self.spec.name = name.into();
        self
    }

    /// Starts it; resolves when it executes. Dropped before, a late child is killed and reaped.
    ///
    /// # Errors
    /// The system's error where fork or exec failed; `InvalidInput` for text that is not UTF-8.
    pub async fn spawn(&mut self) -> io::Result<Child> {
        self.spawn_with(Stdio::inherit()).await
    }

    /// Starts it and waits for its end.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn) and [`Child::wait`].
    pub async fn status(&mut self) -> io::Result<ExitStatus> {
        self.spawn_with(Stdio::inherit()).await?.wait().await
    }

    /// Starts it, reads all of its output, and waits for its end. It reads nothing, unless something else was said.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn) and [`Child::wait`].
    pub async fn output(&mut self) -> io::Result<Output> {
        self.stdio[0].get_or_insert(Stdio::null());
        self.spawn_with(Stdio::piped()).await?.wait_with_output().await
    }

    async fn spawn_with(&mut self, otherwise: Stdio) -> io::Result<Child> {
        if let Some(what) = self.wrong {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{what} is not UTF-8")));
        }
        let stdio = self.stdio.map(|stdio| stdio.unwrap_or(otherwise).0);
        let program = Program::Command { argv: self.argv.clone(), sim: StandIn::Unknown };
        let spec = ProcessSpec { program, stdio, ..self.spec.clone() };
        match self.cx.process().start(spec).await {
            Ok(process) => Ok(Child::new(self.cx.clone(), process, stdio, self.kill_on_drop)),
            Err(refused) => Err(error(refused.failure.errno)),
        }
    }

    fn text(&mut self, text: &OsStr, what: &'static str) -> String {
        if text.to_str().is_none() {
            self.wrong.get_or_insert(what);
        }
        text.to_string_lossy().into_owned()
    }
}
