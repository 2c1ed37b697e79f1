//! What is to be run: sessions, workers and processes as plain, shareable data.

use crate::ids::WorkerId;
use crate::journal::SinkSpec;
use crate::proxy::ProxySpec;
use crate::puppet::Block;
use crate::time::Duration;
use crate::vocab::{Dependency, Errno, ReadyPolicy, RestartPolicy, Scope, SecondStop, StopPolicy};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A program to execute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Program {
    /// A real program, executed as it is by the real backend; played by `sim` in the simulator.
    Command {
        /// argv, the program first; looked up in `PATH` where it has no slash.
        argv: Vec<String>,
        /// What stands for it in the simulator.
        sim: StandIn,
    },
    /// A puppet script, played by both backends.
    Puppet(Block),
}

/// What stands for a command in the simulator, which cannot know what is installed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StandIn {
    /// Nothing was said: the command can only be played for real.
    Unknown,
    /// This script.
    Script(Block),
    /// Nobody: exec fails with this error (execve(2)), as it is to fail for real; `ENOENT` where the program does not exist.
    ExecFails(Errno),
}

/// A process to start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProcessSpec {
    /// Its name in facts and reports; its leading process is `name/main`.
    pub name: Arc<str>,
    /// What it runs.
    pub program: Program,
    /// Set beside the inherited environment.
    pub env: BTreeMap<String, String>,
    /// Its working directory; the parent's where none is given.
    pub dir: Option<String>,
    /// The group or session it is put into, and how far a kill of it reaches.
    pub scope: Scope,
    /// The forward proxy that it is to go through, by its name: where that listens is told in its environment, unless `env` says otherwise.
    pub proxy: Option<Arc<str>>,
    /// What of its parent's environment it inherits.
    pub inherit: Inherit,
    /// What its descriptors 0, 1 and 2 are.
    pub stdio: [Redirect; 3],
    /// Whether it outlives whoever has started it (LIFECYCLE section 6): it gets no KILL when that is killed, and the next supervisor of its
    /// session goes on with it. Its descriptors are to be no pipes then, because nobody would be at their other ends (containerd#9342).
    pub detached: bool,
}

/// What of the parent's environment a process inherits. What its spec sets, it has in any case.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Inherit {
    /// All of it.
    #[default]
    All,
    /// All but these variables.
    AllBut(BTreeSet<String>),
    /// Nothing.
    Nothing,
}

/// What a standard descriptor of a process is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Redirect {
    /// A pipe to whoever started it.
    #[default]
    Piped,
    /// `/dev/null` (null(4)). In the simulator the descriptor is closed: a puppet cannot tell the two apart.
    Null,
    /// The parent's own. The simulator's host has none to give: as [`Redirect::Null`].
    Inherited,
}

impl ProcessSpec {
    /// A process of this name, with the defaults: it inherits the environment, has three pipes, and leads a group.
    pub fn new(name: &str, program: Program) -> ProcessSpec {
        ProcessSpec {
            name: name.into(),
            program,
            env: BTreeMap::new(),
            dir: None,
            scope: Scope::Group,
            proxy: None,
            inherit: Inherit::All,
            stdio: [Redirect::Piped; 3],
            detached: false,
        }
    }

    /// The same, that outlives whoever has started it, and says nothing to anybody.
    #[must_use]
    pub fn detached(mut self) -> ProcessSpec {
        (self.detached, self.stdio) = (true, [Redirect::Null; 3]);
        self
    }

    /// A puppet of this name.
    pub fn puppet(name: &str, script: Block) -> ProcessSpec {
        ProcessSpec::new(name, Program::Puppet(script))
    }

    /// A command of this name, played by `sim` in the simulator.
    pub fn command(name: &str, argv: &[&str], sim: Option<Block>) -> ProcessSpec {
        let sim = sim.map_or(StandIn::Unknown, StandIn::Script);
        let argv = argv.iter().map(|a| String::from(*a)).collect();
        ProcessSpec::new(name, Program::Command { argv, sim })
    }

    /// The same with this scope.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> ProcessSpec {
        self.scope = scope;
        self
    }

    /// The same with one more variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> ProcessSpec {
        self.env.insert(name.into(), value.into());
        self
    }

    /// What the simulator plays: the puppet, or the command's stand-in.
    pub fn script(&self) -> Option<&Block> {
        self.exec().ok()
    }

    /// What execve(2) comes to in the simulator: the script that is played from then on.
    ///
    /// # Errors
    /// That of the stand-in; `ENOENT` for a command of which the simulator knows nothing.
    pub fn exec(&self) -> Result<&Block, Errno> {
        match &self.program {
            Program::Puppet(script) | Program::Command { sim: StandIn::Script(script), .. } => Ok(script),
            Program::Command { sim: StandIn::ExecFails(errno), .. } => Err(*errno),
            Program::Command { sim: StandIn::Unknown, .. } => Err(Errno::ENOENT),
        }
    }

    /// Whether the simulator knows what this program does, if only that it cannot be executed.
    pub fn can_be_simulated(&self) -> bool {
        !matches!(self.program, Program::Command { sim: StandIn::Unknown, .. })
    }
}

/// What a worker's unit is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Body {
    /// An operating-system process.
    Process(Arc<ProcessSpec>),
    /// An async function that plays a puppet script.
    PuppetTask(Block),
    /// An async function of the host's table (`Host::register`), by its index: machines stay data.
    Function(u32),
    /// A proxy of HTTP connections, which the world serves.
    Proxy(Arc<ProxySpec>),
    /// Other workers of the plan, which it keeps running: a supervisor is a worker.
    Supervisor(Arc<SupervisorSpec>),
}

/// What a supervisor keeps running, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SupervisorSpec {
    /// Who is restarted when one is.
    pub strategy: Strategy,
    /// Its children, in the order that `rest-for-one` goes by.
    pub children: Vec<WorkerId>,
    /// Whether a child whose circuit breaker has tripped takes the supervisor with it, so that the supervisor's own parent decides.
    pub escalate: bool,
}

/// Who is restarted when a child is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Strategy {
    /// That child alone.
    OneForOne,
    /// All children.
    OneForAll,
    /// That child, and those after it in the list.
    RestForOne,
}

/// A worker of a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorkerSpec {
    /// Its name, unique in the session.
    pub name: Arc<str>,
    /// What it runs.
    pub body: Body,
    /// How it is stopped.
    pub stop: StopPolicy,
    /// Whether and how it is started again.
    pub restart: RestartPolicy,
    /// How it shows that it is ready.
    pub ready: Option<Arc<ReadyPolicy>>,
    /// What its start waits for; the stop goes the other way.
    pub after: Vec<Dependency>,
    /// Whom its stop waits for beside those who depend on it.
    pub stop_after: Vec<WorkerId>,
    /// key = value, for filters and reports.
    pub tags: BTreeMap<String, String>,
}

impl WorkerSpec {
    /// A worker with the defaults: never restarted, ready when started, waiting for nobody.
    pub fn new(name: &str, body: Body) -> WorkerSpec {
        WorkerSpec {
            name: name.into(),
            body,
            stop: StopPolicy::default(),
            restart: RestartPolicy::default(),
            ready: None,
            after: Vec::new(),
            stop_after: Vec::new(),
            tags: BTreeMap::new(),
        }
    }
}

/// The order in which workers are stopped.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StopOrder {
    /// Dependents before what they depend on, independent branches in parallel.
    ReverseDependency,
    /// All at once.
    Parallel,
}

/// A session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionSpec {
    /// Its name.
    pub name: Arc<str>,
    /// One absolute budget for the whole stop.
    pub stop_budget: Duration,
    /// The order of the stop.
    pub order: StopOrder,
    /// What a second stop does.
    pub second_stop: SecondStop,
    /// Whether it goes on when all its workers are over, for those that are yet to be started: it ends by a stop only.
    pub stays: bool,
    /// Where what it tells is written, where it is to outlive it.
    pub journal: Option<Arc<SinkSpec>>,
    /// The path of its status file, where it keeps one.
    pub status: Option<Arc<str>>,
    /// Whether an earlier supervisor of it may have been killed: what that has left is ended before anybody is started. It is known by the
    /// path of its status file, and so does nothing of the kind without one.
    pub recovers: bool,
    /// What it lets others do by name.
    pub actions: Vec<ActionSpec>,
    /// Its workers; a [`WorkerId`] is an index into this list. Children of supervisors stand here as well.
    pub workers: Vec<WorkerSpec>,
}

/// What a session lets others do by name: a process is started, as one more worker of the session, and waited for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ActionSpec {
    /// Its name.
    pub name: Arc<str>,
    /// What is run.
    pub process: Arc<ProcessSpec>,
    /// Whether it may be run from the beginning.
    pub enabled: bool,
}

impl SessionSpec {
    /// A session with the defaults: 30 s of stop budget, reverse dependency order, a second stop kills, and it ends with its last worker.
    pub fn new(name: &str) -> SessionSpec {
        SessionSpec {
            name: name.into(),
            stop_budget: Duration::from_secs(30),
            order: StopOrder::ReverseDependency,
            second_stop: SecondStop::Kill,
            stays: false,
            journal: None,
            status: None,
            recovers: false,
            actions: Vec::new(),
            workers: Vec::new(),
        }
    }
}
