//! Readiness that a program tells itself: `READY=1` on the socket named by `NOTIFY_SOCKET` (sd_notify(3)), or a newline on a descriptor.
//! The word of any process of the unit counts, as with `NotifyAccess=all` (systemd.service(5)), and is said once and for all.

use super::Kernel;
use super::poll::What;
use shakedown_core::ids::{ProcId, UnitId};

impl Kernel {
    /// Whether a process of this unit has said that the unit is ready.
    pub fn has_said_ready(&self, unit: UnitId) -> bool {
        self.units.get(unit).is_some_and(|of| of.said_ready)
    }

    /// sd_notify(3). Where nobody has given it a socket, nobody hears it.
    pub(super) fn say_ready(&mut self, process: ProcId) {
        if let Some(unit) = self.entry(process).unit {
            self.units.at(unit).said_ready = true;
            self.fire(unit, What::Notified);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{U, play};
    use super::*;
    use shakedown_core::ids::OpId;

    #[test]
    fn the_word_of_a_grandchild_is_heard_once_however_often_it_is_said() {
        let mut check = play("spawn a { spawn b { sleep 5ms; notify ready; notify ready }; hang }; hang");
        check.kernel.watch(OpId(1), U, What::Notified);
        check.pass(4);
        assert_eq!((check.kernel.has_said_ready(U), check.done.len()), (false, 0));
        check.pass(4);
        assert_eq!((check.kernel.has_said_ready(U), check.done.len()), (true, 1));
    }

    #[test]
    fn what_was_said_before_anybody_asked_is_not_lost() {
        let mut check = play("notify ready; hang");
        check.settle();
        check.kernel.watch(OpId(1), U, What::Notified);
        check.settle();
        assert_eq!(check.done.len(), 1);
    }
}
