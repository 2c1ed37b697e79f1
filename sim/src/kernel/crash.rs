//! A supervisor that is killed, and the next one on the same machine. Its children that are to die with it do (PR_SET_PDEATHSIG of prctl(2)),
//! their own children go on as orphans, and whoever comes next is a new process that is nobody's parent.

use super::list::Chain;
use super::process::Life;
use super::{HOST, INIT, Kernel};
use shakedown_core::ids::{ProcId, UnitId};
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Errno, Identity, Leftover, Sender};

impl Kernel {
    /// The supervisor is killed: its pipes are closed, its waits are gone, and its children get the KILL that they have asked for in case
    /// of its death, as every process does that it starts. Where it is pid 1, everybody dies with it.
    pub fn crash_host(&mut self) {
        let adopts = self.config.subreaper;
        let attached = self.attached();
        self.end_host();
        (self.uses.host_adopts_again, self.uses.subreapers) = (adopts, true);
        for leader in attached {
            if self.entry(leader).life.is_living() {
                self.generate(leader, Signal::KILL, Sender::Kernel);
            }
        }
        self.walks.reset();
        self.units.forget_watches();
        self.announce_anew();
        self.net.host_died(self.now);
        self.earlier = self.units.len();
    }

    /// Another supervisor is started: a new process, with a new number, in a session of its own.
    ///
    /// # Panics
    /// Where the one before lives; where it was pid 1, because its namespace has ended with it.
    pub fn boot_host(&mut self) {
        assert!(self.host_has_ended(), "a supervisor is started where one was killed");
        assert!(!self.config.host_is_init, "the namespace of a pid 1 ends with it");
        self.bury_host();
        let name = self.names.host.clone();
        let host = self.entry_mut(HOST);
        host.renew();
        (host.name, host.parent, host.unit) = (name, INIT, None);
        let pid = self.pids.allocate().expect("the number of the one before is free, if no other is");
        self.entry_mut(HOST).pid = pid;
        self.pids.at(pid).task = Some(HOST);
        self.join_group(HOST, pid);
        self.join_session(HOST, pid);
        self.config.subreaper = self.uses.host_adopts_again;
    }

    /// Units below this number were started by a supervisor that was killed.
    pub fn earlier_units(&self) -> u32 {
        self.earlier
    }

    /// Who lives of them, in the order of their birth: by descent, as a mark in the environment is inherited.
    pub fn leftovers(&self) -> Vec<Leftover> {
        let living = (0..self.born as u32).map(ProcId).filter(|id| {
            let process = self.entry(*id);
            process.life.is_living()
                && !process.is_thread(*id)
                && process.unit.is_some_and(|unit| unit.0 < self.earlier)
        });
        living.filter_map(|id| self.leftover(id)).collect()
    }

    fn leftover(&self, id: ProcId) -> Option<Leftover> {
        let process = self.entry(id);
        let worker = self.units.get(process.unit?)?.worker.clone();
        Some(Leftover { worker, name: process.name.clone(), who: self.identify(id)?.into() })
    }

    /// Signals one of them by its identity, through a pidfd that is opened first and looked at then.
    ///
    /// # Errors
    /// ESRCH where nobody has this identity, EPERM where it is another user's.
    pub fn signal_leftover(&mut self, who: Identity, signal: Signal) -> Result<(), Errno> {
        let found = self.pids.get(who.pid.as_raw()).and_then(|number| number.task).ok_or(Errno::ESRCH)?;
        if self.identify(found).map(Identity::from) != Some(who) {
            return Err(Errno::ESRCH);
        }
        let unit: Option<UnitId> = self.entry(found).unit;
        self.send(found, signal, Sender::Host(unit))
    }

    /// The leaders that die with the supervisor, unless they have asked for another signal, which they get in any case.
    fn attached(&self) -> Vec<ProcId> {
        let dies = |leader: &ProcId| {
            let process = self.entry(*leader);
            let has_own = process.rare.as_ref().is_some_and(|rare| rare.pdeathsig.is_some());
            process.parent == HOST && process.life.is_living() && !has_own
        };
        let attached = self.units.every().iter().filter(|unit| !unit.detached);
        attached.filter_map(|unit| unit.leader).filter(dies).collect()
    }

    /// The leader of this unit does not ask for KILL in case of the host's death.
    pub fn detach(&mut self, unit: UnitId) {
        self.units.at(unit).detached = true;
    }

    /// A unit of an earlier host becomes this one of the present host's: its leader, who is nobody's child here, and all who descend from
    /// it. Which unit it was.
    ///
    /// # Errors
    /// ESRCH where nobody who lives has this identity, or whoever has it leads no unit.
    ///
    /// # Panics
    /// If this unit was spawned already.
    pub fn take_over(&mut self, unit: UnitId, who: Identity) -> Result<UnitId, Errno> {
        let found = self.pids.get(who.pid.as_raw()).and_then(|number| number.task).ok_or(Errno::ESRCH)?;
        let is_it = self.identify(found).map(Identity::from) == Some(who) && self.entry(found).life.is_living();
        let from = self.entry(found).unit.filter(|_| is_it).ok_or(Errno::ESRCH)?;
        if self.units.get(from).and_then(|of| of.leader) != Some(found) {
            return Err(Errno::ESRCH);
        }
        assert!(self.units.claim(unit).leader.is_none(), "unit {} is spawned twice: a unit is one incarnation", unit.0);
        self.units.hand_over(from, unit);
        for id in (HOST.0 + 1..self.born as u32).map(ProcId) {
            let process = self.entry_mut(id);
            if process.unit == Some(from) {
                process.unit = Some(unit);
            }
        }
        self.pids.at(who.pid.as_raw()).unit = Some(unit);
        Ok(from)
    }

    /// Init has reaped it.
    fn bury_host(&mut self) {
        let host = self.entry_mut(HOST);
        if let Life::Zombie(status) = host.life {
            host.life = Life::Reaped(status);
        }
        let (pid, pgid, sid) = (host.pid, host.pgid, host.sid);
        self.pids.at(pid).task = None;
        let group = self.pids.at(pgid);
        group.group_living -= 1;
        group.group = group.group.remove(&mut self.procs, Chain::Group, HOST);
        let session = self.pids.at(sid);
        session.session_living -= 1;
        session.session = session.session.remove(&mut self.procs, Chain::Session, HOST);
        [pid, pgid, sid].into_iter().for_each(|number| self.pids.release(number));
    }
}

#[cfg(test)]
mod tests {
    use super::super::KernelConfig;
    use super::super::check::{Check, U, play, play_with, signalled};
    use super::*;
    use shakedown_core::vocab::{Scope, Truth};

    fn crash(check: &mut Check) {
        check.settle();
        check.kernel.crash_host();
        check.settle();
    }

    /// SEMANTICS C24: the leader dies, and whoever it has forked does not.
    #[test]
    fn a_leader_dies_with_its_supervisor_and_its_own_children_go_on() {
        let script = "on TERM ignore; spawn a { setsid; hang }; spawn b { hang }; daemonize d { hang }; hang";
        let mut check = play(script);
        crash(&mut check);
        assert_eq!(check.status("w/main"), signalled(Signal::KILL));
        let left: Vec<String> = check.kernel.leftovers().iter().map(|left| left.name.to_string()).collect();
        assert_eq!(left, ["w/a", "w/b", "w/d"]);
        assert_eq!(check.kernel.process(check.find("w/d")).parent, INIT);
    }

    #[test]
    fn a_process_that_has_asked_for_another_signal_gets_that_one() {
        let mut check = play("pdeathsig USR1; on USR1 exit 3; hang");
        crash(&mut check);
        assert_eq!(check.status("w/main"), super::super::check::exited(3));
    }

    #[test]
    fn the_next_supervisor_is_another_process_and_adopts_only_its_own() {
        let mut check = play("spawn a { spawn aa { hang }; hang }; hang");
        let before = check.kernel.process(HOST).pid;
        crash(&mut check);
        check.kernel.boot_host();
        assert_ne!(check.kernel.process(HOST).pid, before);
        check.spawn(UnitId(1), Scope::Group, "spawn b { spawn bb { hang }; hang }; hang").expect("there is room");
        check.settle().kill("w/a", Signal::KILL).kill("v/b", Signal::KILL);
        for (name, parent) in [("w/aa", INIT), ("v/bb", HOST)] {
            assert_eq!(check.kernel.process(check.find(name)).parent, parent, "{name}");
        }
        assert_eq!(check.kernel.leftovers().len(), 1, "what the next one has started is its own");
    }

    #[test]
    fn a_leftover_is_signalled_by_its_identity_and_nobody_who_has_its_number_later() {
        let mut check =
            play_with(KernelConfig { pid_max: 9, ..KernelConfig::default() }, Scope::Group, "spawn a { hang }; hang");
        crash(&mut check);
        check.kernel.boot_host();
        let who = check.kernel.leftovers()[0].who;
        assert_eq!(
            check.kernel.signal_leftover(Identity { start: who.start + 1, ..who }, Signal::KILL),
            Err(Errno::ESRCH)
        );
        assert_eq!(
            check.kernel.signal_leftover(Identity { boot: who.boot ^ 1, ..who }, Signal::KILL),
            Err(Errno::ESRCH)
        );
        check.pass(50);
        check.kernel.signal_leftover(who, Signal::KILL).expect("it lives");
        check.settle();
        assert_eq!(
            (check.kernel.leftovers().len(), check.kernel.signal_leftover(who, Signal::KILL)),
            (0, Err(Errno::ESRCH))
        );
        let again = (1..20).map(UnitId).find(|unit| {
            let pid = check.spawn(*unit, Scope::Group, "exit 0").expect("a number is free");
            check.settle();
            let has_it = pid == who.pid;
            if !has_it {
                check.kernel.reap(*unit);
            }
            has_it
        });
        assert!(again.is_some(), "the numbers come round");
        assert_eq!(check.kernel.signal_leftover(who, Signal::KILL), Err(Errno::ESRCH));
    }

    /// Nobody waits any more, and nothing that the one before has waited for is told to the next.
    #[test]
    fn what_the_one_before_has_waited_for_is_told_to_nobody() {
        use super::super::What;
        use shakedown_core::ids::OpId;
        let mut check = play("sleep 1ms; exit 0");
        check.kernel.watch(OpId(1), U, What::Exit);
        crash(&mut check);
        check.kernel.boot_host();
        check.pass(9);
        assert_eq!(check.done, []);
    }
}
