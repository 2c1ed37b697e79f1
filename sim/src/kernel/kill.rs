//! kill(2) by number, and pidfd_send_signal(2) by identity.
//! A number may have come to mean a stranger; a pidfd never does, not even with its group flag after the leader was reaped.

use super::list::{Chain, List};
use super::process::Life;
use super::{HOST, INIT, Kernel};
use shakedown_core::ids::{ProcId, UnitId};
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Errno, Scope, Sender, Target};

impl Kernel {
    /// Signals a unit's leader, or everybody in its scope, by identity. A zombie is signalled without effect.
    ///
    /// # Errors
    /// ESRCH where the leader has been reaped or nobody is left in the scope, or the unit was never spawned.
    pub fn signal_unit(&mut self, unit: UnitId, to: Target, signal: Signal) -> Result<(), Errno> {
        let of = self.units.get(unit).ok_or(Errno::ESRCH)?;
        let (leader, living, scope) = (of.leader.ok_or(Errno::ESRCH)?, of.living, of.scope);
        let number = self.pids.get(of.pid).filter(|number| number.generation == of.generation);
        let (list, chain) = match (to, scope) {
            (Target::Leader, _) | (Target::Scope, Scope::Process) => return self.signal_pidfd(unit, leader, signal),
            (Target::Scope, Scope::Group) => (number.map(|number| number.group), Chain::Group),
            (Target::Scope, Scope::PosixSession) => (number.map(|number| number.session), Chain::Session),
            // A descendant's zombie is not walked to, but the leader's own answers.
            (Target::Scope, Scope::Tree | Scope::Cgroup | Scope::Job) if living.len == 0 => {
                return self.signal_pidfd(unit, leader, signal);
            }
            (Target::Scope, Scope::Tree | Scope::Cgroup | Scope::Job) => (Some(living), Chain::Unit),
        };
        self.signal_list(list.unwrap_or_default(), chain, signal, Sender::Host(Some(unit)))
    }

    /// kill(2) from the host: a pid, 0 for the host's own group, −1 for all but init and the host, −pgid for a group.
    ///
    /// # Errors
    /// ESRCH where the number means nobody.
    pub fn kill(&mut self, pid: i32, signal: Signal) -> Result<(), Errno> {
        let by = Sender::Host(None);
        match pid {
            -1 => self.signal_all(signal, by),
            0 => self.signal_group(self.entry(HOST).pgid, signal, by),
            1.. => {
                let task = self.pids.get(pid).and_then(|number| number.task).ok_or(Errno::ESRCH)?;
                self.generate(task, signal, by);
                Ok(())
            }
            _ => self.signal_group(pid.checked_neg().ok_or(Errno::ESRCH)?, signal, by),
        }
    }

    fn signal_pidfd(&mut self, unit: UnitId, leader: ProcId, signal: Signal) -> Result<(), Errno> {
        match self.entry(leader).life {
            Life::Reaped(_) => Err(Errno::ESRCH),
            Life::Alive | Life::Stopped | Life::Dying(_) | Life::Zombie(_) => {
                self.generate(leader, signal, Sender::Host(Some(unit)));
                Ok(())
            }
        }
    }

    fn signal_group(&mut self, pgid: i32, signal: Signal, by: Sender) -> Result<(), Errno> {
        let group = self.pids.get(pgid).map_or(List::default(), |number| number.group);
        self.signal_list(group, Chain::Group, signal, by)
    }

    pub(super) fn signal_list(&mut self, list: List, chain: Chain, signal: Signal, by: Sender) -> Result<(), Errno> {
        let mut next = list.head;
        while let Some(member) = next {
            // Signals end nobody at once, so the list stays as it is while we walk it.
            next = self.entry(member).next(chain);
            self.generate(member, signal, by);
        }
        if list.len > 0 { Ok(()) } else { Err(Errno::ESRCH) }
    }

    fn signal_all(&mut self, signal: Signal, by: Sender) -> Result<(), Errno> {
        let mut found = Err(Errno::ESRCH);
        for at in 0..self.born as u32 {
            let id = ProcId(at);
            let reaped = matches!(self.entry(id).life, Life::Reaped(_));
            if id != INIT && id != HOST && !reaped {
                self.generate(id, signal, by);
                found = Ok(());
            }
        }
        found
    }
}
