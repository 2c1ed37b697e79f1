//! The end of a unit that nobody answers for any more: everybody who descends from its leader is killed, wherever they went.

use super::Kernel;
use super::list::Chain;
use shakedown_core::ids::UnitId;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::Sender;

impl Kernel {
    /// KILL to every living descendant of the unit's leader, the leader included, by birth. Nobody who has it pending can fork, so
    /// once is enough.
    pub fn kill_tree(&mut self, unit: UnitId) {
        let Some(living) = self.units.get(unit).map(|of| of.living) else { return };
        // An empty tree is nothing to signal, and no error.
        let _ = self.signal_list(living, Chain::Unit, Signal::KILL, Sender::Host(Some(unit)));
    }
}
