//! recovery-converges: after a supervisor was killed, no second copy of anything is started beside one that lives on. Whoever takes over
//! ends or adopts what was left first.

use crate::ids::{ProcId, UnitId};
use crate::oracle::{Audit, Case, OracleName, Scene};
use crate::vocab::Deed;
use alloc::format;
use alloc::string::String;

/// Remembers which units were an earlier supervisor's.
#[derive(Debug, Default)]
pub(super) struct RecoveryConverges {
    /// Those below this number. Zero: no supervisor was killed so far.
    earlier: u32,
}

impl Audit {
    /// The supervisor was killed. Units below this number were its own, or that of one before. What it has said is forgotten with it: who
    /// comes next tells its own story.
    pub fn host_crashed(&mut self, units: u32) {
        let oracles = &mut self.oracles;
        oracles.one_terminal_event.reset();
        oracles.stop_deadline.reset();
        oracles.quiescent_end.reset();
        oracles.all_waits_resolve.reset();
        oracles.wanted.reset();
        oracles.status_never_torn.host_crashed();
        oracles.no_fd_leak.reset();
        oracles.recovery_converges.earlier = units;
        let workers = self.books.len();
        self.books.clear();
        self.expect(workers);
    }

    /// A unit of an earlier supervisor goes on as this one of the present one's.
    pub fn taken_over(&mut self, from: UnitId, to: UnitId) {
        self.roster.taken_over(from, to);
    }

    /// A process was born: a copy of what lives, or a further life of what is over, where the supervisor has started it.
    #[cold]
    pub(super) fn born_after(&mut self, deed: &Deed, scene: &Scene<'_>) {
        let (oracles, _, mut case) = self.split(scene);
        if let Deed::Born { child, parent, unit: Some(unit), .. } = deed
            && *parent == scene.truth.host()
        {
            let name = scene.truth.process(*child).name;
            if oracles.recovery_converges.is_on() {
                oracles.recovery_converges.started(*child, name, *unit, &mut case);
            }
            oracles.no_fd_leak.born(name, *unit, &mut case);
        }
    }
}

impl RecoveryConverges {
    pub(super) fn reset(&mut self) {
        self.earlier = 0;
    }

    /// Whether a supervisor was killed.
    #[inline]
    pub(super) fn is_on(&self) -> bool {
        self.earlier > 0
    }

    fn started(&self, child: ProcId, name: &str, unit: UnitId, case: &mut Case<'_>) {
        let worker = worker_of(name);
        let mut left: Option<String> = None;
        case.scene.truth.every(&mut |view| {
            let is_earlier = view.unit.is_some_and(|of| of != unit && of.0 < self.earlier);
            if view.alive && is_earlier && view.id != child && worker_of(view.name) == worker {
                left.get_or_insert_with(|| view.name.into());
            }
        });
        if let Some(left) = left {
            let message = format!(
                "{worker} is started although {left} still runs, which a supervisor has left that was killed: there are two of it"
            );
            case.report(OracleName::RecoveryConverges, worker, message);
        }
    }
}

fn worker_of(process: &str) -> &str {
    process.split_once('/').map_or(process, |(worker, _)| worker)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::stage::Stage;
    use crate::vocab::ExitStatus;

    #[test]
    fn a_copy_beside_a_leftover_is_told_and_one_after_its_end_is_not() {
        for (left_by, dies, started, found) in [
            ("api", false, "api", true),
            ("api", true, "api", false),
            ("api", false, "web", false),
            ("web", false, "web", true),
        ] {
            let mut stage = Stage::new(&["api", "web"]);
            let left = stage.born(&format!("{left_by}/main"), UnitId(0));
            stage.audit.host_crashed(2);
            if dies {
                stage.dies(left, ExitStatus::Exited(0));
            }
            stage.born(&format!("{started}/main"), UnitId(2));
            let expected = [(OracleName::RecoveryConverges, started)];
            stage.assert_found(if found { &expected } else { &[] });
        }
    }

    #[test]
    fn nobody_is_a_copy_where_no_supervisor_was_killed() {
        let mut stage = Stage::new(&["api"]);
        stage.born("api/main", UnitId(0));
        stage.born("api/main", UnitId(1));
        stage.assert_clean();
    }
}
