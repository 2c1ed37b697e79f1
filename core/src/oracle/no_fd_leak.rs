//! no-fd-leak: what a supervisor has open of a process that is over is closed before that is started again. A life that leaves a pipe
//! behind costs a descriptor; whatever is restarted for long enough then ends in EMFILE, far from where it was forgotten.

use crate::ids::{ProcId, UnitId};
use crate::oracle::{Case, OracleName};
use alloc::format;
use alloc::vec::Vec;

/// Remembers whose leader was reaped before its output was read.
#[derive(Debug, Default)]
pub(super) struct NoFdLeak {
    left: Vec<UnitId>,
}

impl NoFdLeak {
    pub(super) fn reset(&mut self) {
        self.left.clear();
    }

    /// Whether anybody may have left something.
    #[inline]
    pub(super) fn is_on(&self) -> bool {
        !self.left.is_empty()
    }

    /// Somebody was reaped. A pipe at its end is closed with its leader; one that holds something waits to be read, or to be closed.
    #[inline]
    pub(super) fn reaped(&mut self, who: ProcId, by: ProcId, case: &Case<'_>) {
        let truth = case.scene.truth;
        if by == truth.host()
            && let Some(unit) = truth.process(who).unit
            && truth.unread_pipes(unit) > 0
            && truth.leader(unit) == Some(who)
        {
            self.left.push(unit);
        }
    }

    /// A leader was born: what its earlier lives have left open falls due. Who still lives of them still writes, and is another's business.
    pub(super) fn born(&mut self, name: &str, unit: UnitId, case: &mut Case<'_>) {
        let truth = case.scene.truth;
        let is_earlier = |earlier: &UnitId| {
            let leader = truth.leader(*earlier).map(|leader| truth.process(leader).name);
            *earlier != unit && leader == Some(name) && truth.living(*earlier) == 0
        };
        let (due, left): (Vec<UnitId>, Vec<UnitId>) = self.left.drain(..).partition(is_earlier);
        self.left = left;
        let open: u32 = due.into_iter().map(|unit| truth.unread_pipes(unit)).sum();
        if open > 0 {
            let pipes = if open == 1 { "1 pipe".into() } else { format!("{open} pipes") };
            let message = format!(
                "{name} is started again, and {pipes} of its earlier life is still open: read it to its end, or close it"
            );
            case.report(OracleName::NoFdLeak, name, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::stage::Stage;
    use crate::vocab::ExitStatus;

    const NAME: OracleName = OracleName::NoFdLeak;

    /// A life of `job` whose leader was reaped and whose outputs hold something.
    fn lived(stage: &mut Stage, unit: UnitId, unread: u32) -> ProcId {
        let main = stage.born("job/main", unit);
        stage.truth.set_unread(unit, unread);
        stage.dies(main, ExitStatus::Exited(0));
        stage.reaped(main);
        main
    }

    #[test]
    fn a_pipe_that_is_left_unread_falls_due_with_the_next_life() {
        let mut stage = Stage::new(&[]);
        lived(&mut stage, UnitId(0), 2);
        stage.assert_clean();
        stage.born("other/main", UnitId(1));
        stage.assert_clean();
        stage.born("job/main", UnitId(2));
        stage.assert_found(&[(NAME, "job/main")]);
        assert!(stage.audit.violations()[0].message.contains("2 pipes of its earlier life"));
    }

    #[test]
    fn what_is_read_or_closed_after_the_end_and_before_the_next_life_is_no_leak() {
        let mut stage = Stage::new(&[]);
        lived(&mut stage, UnitId(0), 1);
        stage.truth.set_unread(UnitId(0), 0);
        stage.born("job/main", UnitId(1));
        stage.assert_clean();
    }

    #[test]
    fn somebody_who_still_writes_is_not_judged_here() {
        let mut stage = Stage::new(&[]);
        let main = stage.born("job/main", UnitId(0));
        stage.born("job/helper", UnitId(0));
        stage.truth.set_unread(UnitId(0), 1);
        stage.dies(main, ExitStatus::Exited(0));
        stage.reaped(main);
        stage.born("job/main", UnitId(1));
        stage.assert_clean();
    }
}
