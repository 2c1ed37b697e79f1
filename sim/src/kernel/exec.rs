//! Spawning by the host: fork, pipes, group or session, execve(2); all or nothing.
//! A failed exec is told apart from a failed fork, because only one of them is worth another try.

use super::fork::Child;
use super::sigset::Mask;
use super::{HOST, Kernel};
use shakedown_core::ids::{Pid, ProcId, UnitId};
use shakedown_core::puppet::{Block, Fd};
use shakedown_core::site::{Label, hash_name};
use shakedown_core::vocab::{Deed, Errno, Scope, SpawnFailure};
use std::sync::Arc;

/// What the host wants started.
pub struct Spawn<'a> {
    /// As this unit, which must be new.
    pub unit: UnitId,
    /// The worker's name; the leader is `name/main`.
    pub name: &'a Arc<str>,
    /// What it plays, or why execve(2) fails: ENOENT, EACCES, ENOEXEC, ETXTBSY, E2BIG, ELOOP, ENOMEM.
    pub script: Result<&'a Block, Errno>,
    /// A `PosixSession` is led by the process; in the other scopes it leads a group of its own, whatever a kill reaches.
    /// In `Cgroup` the unit has a control group to itself. `Job` is refused with ENOSYS.
    pub scope: Scope,
    /// The leader's label; a child's is derived from it by name and count.
    pub label: Label,
}

/// A process that executes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spawned {
    /// The leader.
    pub leader: ProcId,
    /// Its number.
    pub pid: Pid,
}

impl Kernel {
    /// Starts a process with a pipe on each standard descriptor, default dispositions and an empty mask.
    ///
    /// # Errors
    /// EMFILE and EAGAIN where a limit is reached, all before fork; at exec that of a script that
    /// is none. Nothing is left behind.
    ///
    /// # Panics
    /// Where the unit was spawned before: a unit is one incarnation.
    pub fn spawn(&mut self, args: Spawn<'_>) -> Result<Spawned, SpawnFailure> {
        let refused = |errno| SpawnFailure { errno, at_exec: false };
        self.room_for_pipes().map_err(refused)?;
        let pid = self.number_for_child(HOST).map_err(refused)?;
        // The number is spent and free again at once: the child that could not execute has been reaped.
        let script = args.script.map_err(|errno| SpawnFailure { errno, at_exec: true })?;
        let unit = self.units.claim(args.unit);
        assert!(unit.leader.is_none(), "unit {} is spawned twice: a unit is one incarnation", args.unit.0);
        // Simulations of one plan call their units alike: mostly the record knows the names from the last one.
        if !Arc::ptr_eq(&unit.worker, args.name) {
            unit.worker = args.name.clone();
            unit.leader_name = self.names.full(&unit.worker, LEADER, LEADER_HASH);
        }
        unit.scope = args.scope;
        self.units.plays(args.unit, script);
        let leader =
            self.fork(HOST, Child { pid, unit: args.unit, name: None, called: LEADER_HASH, label: args.label });
        let number = self.pids.at(pid);
        number.unit = Some(args.unit);
        let generation = number.generation;
        let unit = self.units.at(args.unit);
        (unit.leader, unit.pid, unit.generation) = (Some(leader), pid, generation);
        self.open_pipes(args.unit, leader);
        match args.scope {
            Scope::Process | Scope::Group | Scope::Tree | Scope::Job => self.setpgid(leader),
            Scope::PosixSession => self.setsid(leader),
            Scope::Cgroup => {
                self.setpgid(leader);
                self.units.at(args.unit).cgroup = self.clone_into_cgroup(leader, args.unit);
            }
        }
        // The host ignores SIGPIPE, as every Rust program does: its child must not.
        let fresh = self.entry_mut(leader);
        fresh.signals.reset();
        fresh.mask = Mask::default();
        self.replace(leader, script);
        self.announce(leader);
        Ok(Spawned { leader, pid: Pid::new(pid).expect("pids are positive") })
    }

    /// execve(2): another program in the same process, whose other threads are gone. Pid, group, session, mask, pending and ignored
    /// signals, children, descriptors and files stay; handlers become defaults, and the one that runs is left.
    pub(super) fn exec(&mut self, id: ProcId, program: &Block) {
        self.replace(id, program);
        self.deeds.push(Deed::Execed { who: id });
    }

    fn replace(&mut self, id: ProcId, program: &Block) {
        let process = self.entry_mut(id);
        process.signals.exec();
        process.mask.holding = false;
        self.load(id, program);
    }

    /// A pipe on each standard descriptor: one end for the leader, the other for the host.
    fn open_pipes(&mut self, unit: UnitId, leader: ProcId) {
        for fd in [Fd::Stdin, Fd::Stdout, Fd::Stderr] {
            let pipe = self.pipes.create(unit, fd, self.config.pipe_capacity);
            self.entry_mut(leader).fds[fd as usize] = Some(pipe);
            self.units.at(unit).host_ends[fd as usize] = Some(pipe);
        }
        self.units.at(unit).writers = 2;
    }
}

/// What a leader is called.
const LEADER: &str = "main";
const LEADER_HASH: u64 = hash_name(LEADER);

#[cfg(test)]
mod tests {
    use super::super::check::{U, play, signalled};
    use super::*;
    use shakedown_core::signal::Signal;
    use shakedown_core::vocab::Truth;

    /// SEMANTICS C3, C4.
    #[test]
    fn a_start_that_fails_leaves_nothing_behind() {
        for (script, scope, errno, at_exec) in [
            (Err(Errno::ENOENT), Scope::Group, Errno::ENOENT, true),
            (Err(Errno::EACCES), Scope::Group, Errno::EACCES, true),
            (Err(Errno::ENOEXEC), Scope::PosixSession, Errno::ENOEXEC, true),
            (Err(Errno::ETXTBSY), Scope::Tree, Errno::ETXTBSY, true),
            (Err(Errno::E2BIG), Scope::Process, Errno::E2BIG, true),
        ] {
            let mut check = play("hang");
            check.settle().kernel.deeds().clear();
            let script = script.map(|text| shakedown_core::puppet::parse(text).expect("it is valid"));
            let (unit, name) = (UnitId(1), "v".into());
            let spawn =
                Spawn { unit, name: &name, script: script.as_ref().map_err(|errno| *errno), scope, label: Label::ROOT };
            assert_eq!(check.kernel.spawn(spawn), Err(SpawnFailure { errno, at_exec }));
            assert_eq!((check.kernel.deeds().len(), check.kernel.living_in_all()), (0, 1));
            assert_eq!((check.kernel.leader(unit), check.kernel.holders(unit)), (None, vec![]));
            assert_eq!(
                check.kernel.signal_unit(unit, shakedown_core::vocab::Target::Leader, Signal::KILL),
                Err(Errno::ESRCH)
            );
        }
    }

    /// SEMANTICS C1: a fork without exec keeps handlers, a start by the host begins clean.
    #[test]
    fn a_forked_child_inherits_handlers_and_a_spawned_process_none() {
        let mut check = play("on TERM print caught; on HUP ignore; spawn helper { hang }; hang");
        check.spawn(UnitId(1), Scope::Group, "hang").expect("there is room");
        check.settle();
        for name in ["w/helper", "v/main"] {
            check.kill(name, Signal::HUP).kill(name, Signal::TERM);
        }
        assert!(check.alive("w/helper"));
        assert_eq!(check.stdout(), "caught\n");
        assert_eq!(check.status("v/main"), signalled(Signal::HUP));
        assert_eq!(check.kernel.members(U).len(), 2);
    }

    #[test]
    fn an_exec_is_told_of_and_a_start_by_the_host_is_not() {
        for (script, execs) in [("hang", 0), ("exec { hang }", 1), ("spawn a { exec { exec { hang } } }; hang", 2)] {
            let mut check = play(script);
            check.settle();
            assert_eq!(check.count(|deed| matches!(deed, Deed::Execed { .. })), execs, "{script}");
        }
    }
}
