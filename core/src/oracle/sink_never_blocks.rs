//! sink-never-blocks: a log that is slow or fails stops nobody who only wrote to its own output. The pump reads on, whatever becomes of
//! what it has read.

use crate::ids::UnitId;
use crate::oracle::{Audit, Case, OracleName, Scene};
use alloc::format;
use alloc::string::String;

impl Audit {
    /// Time is to pass while this unit's output fills its pipe and nobody waits to read it; and a file was slow or has failed before.
    pub fn stalled(&mut self, unit: UnitId, scene: &Scene<'_>) {
        let (_, _, mut case) = self.split(scene);
        stalled(unit, &mut case);
    }
}

fn stalled(unit: UnitId, case: &mut Case<'_>) {
    let truth = case.scene.truth;
    let Some(leader) = truth.leader(unit) else { return };
    let name = truth.process(leader).name;
    let worker: String = name.split_once('/').map_or(name, |(worker, _)| worker).into();
    let (written, read) = truth.output(unit);
    let message = format!(
        "the output of {worker} fills its pipe ({} bytes) and nobody waits to read it, after a file was slow or failed: a sink \
         holds up the pump",
        written - read
    );
    case.report(OracleName::SinkNeverBlocks, &worker, message);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::stage::Stage;

    #[test]
    fn a_stalled_pump_is_told_of_its_worker() {
        let mut stage = Stage::new(&["a"]);
        stage.starts("a");
        stage.truth.set_output(UnitId(0), 70_000, 4);
        stage.stalls(UnitId(0));
        stage.assert_found(&[(OracleName::SinkNeverBlocks, "a")]);
    }
}
