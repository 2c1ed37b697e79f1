//! The host as process 1 of a pid namespace, as a supervisor is in a container (pid_namespaces(7)), and the end of the host.
//! Pid 1 adopts every orphan, hears only the signals that it has asked for, and takes everybody with it.

use super::list::Chain;
use super::process::Life;
use super::{HOST, Kernel};
use shakedown_core::puppet::{Fd, Handler};
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Deed, Errno, ExitStatus, Sender};

impl Kernel {
    /// The host installs a handler for a signal, or its default again (sigaction(2)). It matters where the host is pid 1: signals for
    /// which that has no handler are dropped.
    pub fn host_handles(&mut self, signal: Signal, handles: bool) {
        let handler = if handles { Handler::Run([].into()) } else { Handler::Default };
        self.entry_mut(HOST).signals.install(signal, &handler);
    }

    /// kill(2) from a namespace above, with a pid of this one. To a host that is pid 1 KILL and STOP are forced, and KILL ends it; other
    /// signals are dropped unless it handles them, as those from inside are.
    ///
    /// # Errors
    /// ESRCH where the number means nobody.
    pub fn kill_from_above(&mut self, pid: i32, signal: Signal) -> Result<(), Errno> {
        let task = self.pids.get(pid).and_then(|number| number.task).ok_or(Errno::ESRCH)?;
        self.generate(self.process_of(task), signal, Sender::Kernel);
        if task == HOST && signal == Signal::KILL {
            self.end_host();
        }
        Ok(())
    }

    /// Whether this signal never reaches the host because that is pid 1 and has no handler for it. Only KILL and STOP from above, and
    /// the kernel's own, get through (`sig_task_ignored` of Linux).
    pub(super) fn is_lost_on_init(&self, signal: Signal, by: Sender) -> bool {
        let is_forced = match by {
            Sender::Kernel => !signal.can_be_caught(),
            Sender::Host(_) | Sender::Process(_) => false,
        };
        self.config.host_is_init && !is_forced && self.entry(HOST).signals.handler(signal).is_none()
    }

    /// Whether the host has ended: nobody is born any more.
    pub(super) fn host_has_ended(&self) -> bool {
        !self.entry(HOST).life.is_living()
    }

    /// The host dies of KILL: its ends of all pipes are closed. Where it is pid 1, everybody gets KILL and is reaped by its remains;
    /// else its children go to init, those with a PDEATHSIG get it, and life goes on without it.
    pub(super) fn end_host(&mut self) {
        let status = ExitStatus::Signalled { signal: Signal::KILL, core: false };
        for unit in self.units.all() {
            for fd in [Fd::Stdin, Fd::Stdout, Fd::Stderr] {
                self.close_host_end(unit, fd);
            }
        }
        self.entry_mut(HOST).life = Life::Zombie(status);
        self.deeds.push(Deed::Died { who: HOST, status });
        self.adopted.clear();
        self.limits.on_births = true;
        if !self.config.host_is_init {
            self.config.subreaper = false;
            self.orphan_children(HOST);
            return;
        }
        // There may be nobody left to kill.
        let _ = self.signal_all(Signal::KILL, Sender::Kernel);
        let mut next = self.entry(HOST).zombies.head();
        while let Some(zombie) = next {
            next = self.entry(zombie).next(Chain::Siblings);
            self.reap_child(HOST, zombie);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Check, U, exited, play_with, signalled};
    use super::super::{INIT, KernelConfig};
    use super::*;
    use shakedown_core::ids::UnitId;
    use shakedown_core::vocab::{Scope, SpawnFailure, Truth};

    const CONTAINER: KernelConfig = KernelConfig { host_is_init: true, subreaper: false, ..KernelConfig::DEFAULT };

    /// SEMANTICS C22: whether a signal to pid 1 arrives, from inside and from above, without a handler and with one.
    #[test]
    fn pid_1_hears_only_what_it_handles_and_what_is_forced_from_above() {
        for (signal, inside, above) in [
            (Signal::TERM, [false, true], [false, true]),
            (Signal::HUP, [false, true], [false, true]),
            (Signal::KILL, [false, false], [true, true]),
            (Signal::STOP, [false, false], [true, true]),
        ] {
            for handles in [false, true] {
                let arrives = |from_above: bool| {
                    let mut check = play_with(CONTAINER, Scope::Group, "hang");
                    // A handler for KILL or STOP is refused, and not here.
                    check.kernel.host_handles(signal, handles && signal.can_be_caught());
                    let sent =
                        if from_above { check.kernel.kill_from_above(1, signal) } else { check.kernel.kill(1, signal) };
                    assert_eq!(sent, Ok(()), "the sender is not told");
                    check.count(|deed| matches!(deed, Deed::Signalled { to, .. } if *to == HOST)) > 0
                };
                assert_eq!(
                    (arrives(false), arrives(true)),
                    (inside[usize::from(handles)], above[usize::from(handles)]),
                    "{signal}"
                );
            }
        }
    }

    /// SEMANTICS C22, C23.
    #[test]
    fn pid_1_adopts_every_orphan() {
        let mut check = play_with(CONTAINER, Scope::Group, "daemonize d { hang }; hang");
        check.settle();
        let (host, d) = (check.kernel.host(), check.find("w/d"));
        assert_eq!((check.kernel.process(host).pid.as_raw(), check.pid("w/main")), (1, 2));
        assert_eq!(check.kernel.process(d).parent, HOST);
    }

    fn end(config: KernelConfig, script: &str) -> Check {
        let mut check = play_with(config, Scope::Group, script);
        check.spawn(UnitId(1), Scope::Group, "exit 4").expect("there is room");
        check.settle();
        let pid = check.kernel.process(HOST).pid.as_raw();
        check.kernel.kill_from_above(pid, Signal::KILL).expect("it lives");
        check.settle();
        check
    }

    /// SEMANTICS C22.
    #[test]
    fn the_end_of_pid_1_is_the_end_of_all() {
        let script =
            "on TERM ignore; daemonize d { block TERM; hang }; spawn a { setsid; hang }; read eof; print never";
        let mut check = end(CONTAINER, script);
        assert_eq!((check.kernel.living_in_all(), check.kernel.zombies_of_host()), (0, 0));
        for name in ["w/main", "w/d", "w/a"] {
            assert_eq!(check.status(name), signalled(Signal::KILL), "{name}");
        }
        let late = check.spawn(UnitId(2), Scope::Group, "hang");
        assert_eq!(late, Err(SpawnFailure { errno: Errno::ENOMEM, at_exec: false }));
        assert_eq!(check.kernel.kill_from_above(2, Signal::KILL), Err(Errno::ESRCH));
    }

    /// SEMANTICS C23, C24, C25: a supervisor that crashes.
    #[test]
    fn a_host_that_is_not_pid_1_leaves_orphans_and_closed_pipes() {
        let script =
            "spawn a { spawn b { pdeathsig TERM; hang }; hang }; pdeathsig USR1; on USR1 print lost; read eof; exit 3";
        let mut check = end(KernelConfig::DEFAULT, script);
        assert_eq!(check.status("w/main"), signalled(Signal::PIPE), "nobody reads what the handler prints");
        assert!(check.alive("w/a") && check.alive("w/b"));
        assert_eq!([check.find("w/a"), check.find("v/main")].map(|id| check.kernel.process(id).parent), [INIT; 2]);
        assert_eq!((check.status("v/main"), check.kernel.reap(U)), (exited(4), None), "init has reaped them");
    }
}
