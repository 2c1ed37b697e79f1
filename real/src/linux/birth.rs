//! From a process specification to a plan of execution: environment, tags, and puppets as executions of ourselves.

use super::folder::Folder;
use super::word::SOCKET_VARIABLE;
use crate::chooser::SplitMix64;
use crate::puppet;
use crate::scope::{RUN_VARIABLE, UNIT_VARIABLE};
use crate::spawn::{self, Plan};
use shakedown_core::vocab::{Channel, Errno, Launch, ProcessSpec, Program, SpawnFailure};
use std::cell::RefCell;
use std::ffi::OsString;
use std::path::PathBuf;

/// What a process is told beside its specification.
pub(super) struct Told<'a> {
    /// Of this run.
    pub(super) run: &'a str,
    /// The unit, for those who look for leftovers.
    pub(super) tag: &'a str,
    /// Where puppets report to.
    pub(super) reports: &'a str,
    /// The socket on which it says that it is ready.
    pub(super) notify: Option<&'a str>,
    /// Of this incarnation.
    pub(super) launch: Launch,
}

/// How to execute `spec` as a unit that carries `tag`; ranges of a puppet are drawn here.
///
/// # Errors
/// `ENOSYS` for scopes that this backend has no means for (cgroup, job), what [`Plan::new`] refuses, and where no folder can be
/// made for a puppet.
pub(super) fn plan(
    spec: &ProcessSpec,
    told: Told<'_>,
    folder: &RefCell<Option<Folder>>,
    mut draws: SplitMix64,
) -> Result<Plan, SpawnFailure> {
    let Told { run, tag, reports, notify, launch } = told;
    let Some(lead) = spawn::lead_of(spec.scope) else {
        return Err(SpawnFailure { errno: Errno::ENOSYS, at_exec: false });
    };
    // A run within a run keeps the outer tags: its orphans may come to the outer one.
    let tags = match std::env::var(UNIT_VARIABLE) {
        Ok(outer) => format!("{outer}/{tag}"),
        Err(_) => tag.to_owned(),
    };
    let mut set: Vec<(OsString, OsString)> =
        vec![(RUN_VARIABLE.into(), run.into()), (UNIT_VARIABLE.into(), tags.into())];
    set.extend(handover(&launch));
    set.extend(mark(&launch, &spec.name).into_iter().flatten());
    set.extend(notify.map(|address| (SOCKET_VARIABLE.into(), address.into())));
    let own = set.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let others = spec.env.iter().filter(|(name, _)| !own.iter().any(|o| o == name.as_str()));
    set.extend(others.map(|(name, value)| (name.into(), value.into())));
    // What an outer supervisor has told us is not for our children: they would speak to it in our name.
    let told_before =
        [Launch::RESUME_ID, Launch::PREV_EXIT, SOCKET_VARIABLE].into_iter().filter(|_| launch.resume != 0);
    let without: Vec<&str> = puppet::VARIABLES.into_iter().chain(told_before).collect();
    let newline = match launch.notify {
        Some(Channel::Newline(fd)) => Some(fd),
        Some(Channel::Socket) | None => None,
    };
    let plan = match &spec.program {
        Program::Command { argv, sim: _ } => {
            let env = spawn::environment(&spec.inherit, set, &without);
            Plan::new(argv, &env, spec.dir.as_deref(), lead)?
        }
        Program::Puppet(script) => {
            let fixed = puppet::fix(script, &mut |range| draws.duration(range));
            set.retain(|(name, _)| !puppet::VARIABLES.iter().any(|banned| name == banned));
            set.extend(puppet::environment(&spec.name, &fixed, reports));
            set.extend(newline.map(|fd| (puppet::READY_FD_VARIABLE.into(), fd.to_string().into())));
            if puppet::makes_files(&fixed) {
                let folder = folder_in(folder).map_err(|errno| SpawnFailure { errno, at_exec: false })?;
                set.push((puppet::FOLDER_VARIABLE.into(), folder.into()));
            }
            let env = spawn::environment(&spec.inherit, set, &without);
            let plan = Plan::new(&["shakedown-puppet", &*spec.name], &env, spec.dir.as_deref(), lead)?;
            // In the child this means the same file as here, even if it has been replaced on disk: proc_pid_exe(5).
            plan.executing(c"/proc/self/exe")
        }
    };
    Ok(plan.saying(newline).redirected(spec.stdio).outliving(spec.detached))
}

/// What an incarnation is told of those before it. The rest of the environment is inherited as it is.
fn handover(launch: &Launch) -> impl Iterator<Item = (OsString, OsString)> {
    let resume = launch.resume_id().map(|id| (Launch::RESUME_ID.into(), id.into()));
    let previous = launch.prev_exit().map(|code| (Launch::PREV_EXIT.into(), code.to_string().into()));
    resume.into_iter().chain(previous)
}

/// By what whoever comes after a crash finds it. A session within a session is found by its own.
fn mark(launch: &Launch, worker: &str) -> Option<[(OsString, OsString); 2]> {
    let session = launch.session_mark()?;
    Some([(Launch::SESSION.into(), session.into()), (Launch::WORKER.into(), worker.into())])
}

/// The world's folder, made for the first puppet that makes files: a world that is killed cannot remove it.
fn folder_in(made: &RefCell<Option<Folder>>) -> Result<PathBuf, Errno> {
    let mut made = made.borrow_mut();
    let folder = match made.take() {
        Some(folder) => folder,
        None => Folder::new()?,
    };
    Ok(made.insert(folder).path().to_owned())
}
