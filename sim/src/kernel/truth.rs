//! The kernel's truth, as oracles and reports may ask it.
//! Counts are kept as processes come and go, so that a question never walks the table.

use super::process::{Life, Process};
use super::{HOST, Kernel};
use shakedown_core::ids::{Pid, ProcId, UnitId};
use shakedown_core::puppet::Fd;
use shakedown_core::vocab::{ProcessView, Sockets, Truth};

impl Truth for Kernel {
    fn host(&self) -> ProcId {
        HOST
    }

    fn process(&self, id: ProcId) -> ProcessView<'_> {
        view(id, self.entry(id))
    }

    fn living(&self, unit: UnitId) -> u32 {
        self.units.get(unit).map_or(0, |of| of.living.len)
    }

    fn living_in_all(&self) -> u32 {
        self.living
    }

    fn zombies_of_host(&self) -> u32 {
        self.entry(HOST).zombies.len
    }

    /// Init and the host, which nobody here gave birth to, are left out.
    fn every(&self, see: &mut dyn FnMut(ProcessView<'_>)) {
        for (at, process) in self.procs[..self.born].iter().enumerate().skip(HOST.index() + 1) {
            let id = ProcId(at as u32);
            if !process.is_thread(id) {
                see(view(id, process));
            }
        }
    }

    fn output(&self, unit: UnitId) -> (u64, u64) {
        self.units.get(unit).map_or((0, 0), |of| (of.written, of.read))
    }

    fn writers(&self, unit: UnitId) -> u32 {
        self.units.get(unit).map_or(0, |of| of.writers)
    }

    fn unread_pipes(&self, unit: UnitId) -> u32 {
        let Some(of) = self.units.get(unit) else { return 0 };
        let outputs = [Fd::Stdout, Fd::Stderr].into_iter().filter_map(|fd| of.host_ends[fd as usize]);
        outputs.filter(|pipe| !self.pipes.get(*pipe).is_empty()).count() as u32
    }

    fn sockets(&self, unit: UnitId) -> Sockets {
        self.net.sockets(unit)
    }

    fn leader(&self, unit: UnitId) -> Option<ProcId> {
        self.units.get(unit)?.leader
    }
}

fn view(id: ProcId, process: &Process) -> ProcessView<'_> {
    ProcessView {
        id,
        pid: Pid::new(process.pid).expect("pids are positive"),
        name: &process.name,
        parent: process.parent,
        unit: process.unit,
        alive: process.life.is_living(),
        ending: process.life.is_living() && process.is_unmapped(),
        zombie: matches!(process.life, Life::Zombie(_)),
        status: process.life.status(),
    }
}
