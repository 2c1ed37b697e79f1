//! no-foreign-signal: a signal of ours reaches only whom it was meant for. A pid or group number that outlives its holder is
//! given out again, and then names a stranger; that cannot be seen from the sender's side, so the kernel's truth judges it.

use crate::ids::{ProcId, UnitId};
use crate::oracle::{Case, OracleName};
use crate::signal::Signal;
use crate::vocab::Sender;
use alloc::format;

/// Remembers nothing beyond the roster.
#[derive(Debug, Default)]
pub(super) struct NoForeignSignal;

impl NoForeignSignal {
    pub(super) fn signalled(&mut self, to: ProcId, signal: Signal, by: Sender, case: &mut Case<'_>) {
        match by {
            Sender::Host(Some(meant)) => by_handle(to, signal, meant, case),
            Sender::Host(None) => by_number(to, signal, case),
            Sender::Process(_) | Sender::Kernel => {}
        }
    }
}

/// The intent is known: whoever is hit must descend from that unit.
fn by_handle(to: ProcId, signal: Signal, meant: UnitId, case: &mut Case<'_>) {
    if case.roster.proc(to).unit == Some(meant) {
        return;
    }
    let truth = case.scene.truth;
    let hit = truth.process(to);
    if hit.unit == Some(meant) {
        return;
    }
    let message = match truth.leader(meant) {
        Some(leader) => format!("{signal} meant for the unit of {} hit {}", truth.process(leader).name, hit.name),
        None => format!("{signal} meant for a unit that never ran hit {}", hit.name),
    };
    case.report(OracleName::NoForeignSignal, hit.name, message);
}

/// The intent is not known: the number must name somebody of ours, and must not have named another unit of ours before.
fn by_number(to: ProcId, signal: Signal, case: &mut Case<'_>) {
    let truth = case.scene.truth;
    let hit = truth.process(to);
    let Some(unit) = hit.unit else {
        let message =
            format!("{signal} sent by number {} hit {}, which descends from no unit of ours", hit.pid, hit.name);
        return case.report(OracleName::NoForeignSignal, hit.name, message);
    };
    let Some(pid) = case.roster.proc(to).pid else { return };
    // Two processes cannot have one pid at a time, so whoever else had it was reaped before.
    let earlier = case.roster.others_of_pid(pid, to).filter(|(_, p)| p.unit.is_some_and(|u| u != unit)).last();
    if let Some((earlier, _)) = earlier {
        let old = truth.process(earlier).name;
        let message = format!(
            "{signal} sent by number {pid} hit {}: the number was {old} until that was reaped, and cannot tell them apart",
            hit.name
        );
        case.report(OracleName::NoForeignSignal, hit.name, message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::stage::Stage;
    use crate::vocab::ExitStatus;

    const NAME: OracleName = OracleName::NoForeignSignal;

    #[test]
    fn a_signal_meant_for_one_unit_that_hits_another_is_foreign() {
        let mut stage = Stage::new(&["a", "b"]);
        let (a, b) = (stage.starts("a"), stage.starts("b"));
        stage.signals(a, Signal::TERM, "a");
        stage.assert_clean();
        stage.signals(b, Signal::KILL, "a");
        stage.assert_found(&[(NAME, "b/main")]);
        assert_eq!(stage.audit.violations()[0].message, "KILL meant for the unit of a/main hit b/main");
    }

    #[test]
    fn a_number_may_hit_descendants_alive_or_zombie_and_nobody_else() {
        let mut stage = Stage::new(&[]);
        let main = stage.born("job/main", UnitId(0));
        let zombie = stage.born("job/helper", UnitId(0));
        stage.dies(zombie, ExitStatus::Exited(0));
        stage.signals_by_number(main, Signal::TERM);
        stage.signals_by_number(zombie, Signal::TERM);
        stage.assert_clean();
        let stranger = stage.born_stranger("sshd");
        stage.signals_by_number(stranger, Signal::TERM);
        stage.assert_found(&[(NAME, "sshd")]);
    }

    #[test]
    fn a_number_that_was_another_units_before_is_recycled() {
        let mut stage = Stage::new(&[]);
        let old = stage.born("a/main", UnitId(0));
        stage.dies(old, ExitStatus::Exited(0));
        stage.reaped(old);
        let new = stage.born_with_pid_of("b/main", UnitId(1), old);
        stage.signals_by_number(new, Signal::KILL);
        stage.assert_found(&[(NAME, "b/main")]);
    }

    #[test]
    fn a_number_recycled_within_its_own_unit_still_means_that_unit() {
        let mut stage = Stage::new(&[]);
        let old = stage.born("a/one", UnitId(0));
        stage.dies(old, ExitStatus::Exited(0));
        stage.reaped(old);
        let new = stage.born_with_pid_of("a/two", UnitId(0), old);
        stage.signals_by_number(new, Signal::KILL);
        stage.assert_clean();
    }

    #[test]
    fn what_processes_and_the_kernel_send_is_not_ours() {
        let mut stage = Stage::new(&[]);
        let main = stage.born("a/main", UnitId(0));
        let stranger = stage.born_stranger("sshd");
        stage.signals_from(stranger, Signal::HUP, Sender::Kernel);
        stage.signals_from(stranger, Signal::HUP, Sender::Process(main));
        stage.assert_clean();
    }
}
