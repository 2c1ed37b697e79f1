//! status-never-torn: whoever reads the status file sees a whole one, at every moment, and after a crash at any moment as well, whatever of
//! what was not synced it loses.

use crate::oracle::{Audit, Case, OracleName, Scene};
use crate::status::{Corrupt, parse};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::vec::Vec;

/// Remembers whether there has been a status file: from then on there is one.
#[derive(Debug, Default)]
pub(super) struct StatusNeverTorn {
    seen: bool,
    /// The same of what a crash would leave.
    durable: bool,
    /// What was found to be whole last. Mostly a call leaves the file as it was, and to read it anew were most of a run's work.
    whole: VecDeque<Vec<u8>>,
}

impl Audit {
    /// Something was done to a file: what stands in the status file now, and all that may stand there after a crash at this moment.
    pub fn looked_at_status(&mut self, now: Option<&[u8]>, after_crash: &[Option<&[u8]>], scene: &Scene<'_>) {
        let (oracles, _, mut case) = self.split(scene);
        oracles.status_never_torn.looked(now, after_crash, &mut case);
    }
}

impl StatusNeverTorn {
    pub(super) fn reset(&mut self) {
        // Whether bytes are a status does not depend on the run.
        (self.seen, self.durable) = (false, false);
    }

    /// What a crash has lost nobody can find; what is durable stays.
    pub(super) fn host_crashed(&mut self) {
        self.seen = self.durable;
    }

    /// What stands under its name now; and all that may stand there after a crash at this moment.
    pub(super) fn looked(&mut self, now: Option<&[u8]>, after_crash: &[Option<&[u8]>], case: &mut Case<'_>) {
        self.judge(now, "now", self.seen, case);
        for left in after_crash {
            self.judge(*left, "after a crash at this moment", self.durable, case);
        }
        self.seen |= now.is_some();
        self.durable |= !after_crash.is_empty() && after_crash.iter().all(Option::is_some);
    }

    fn judge(&mut self, content: Option<&[u8]>, when: &str, was_there: bool, case: &mut Case<'_>) {
        if content.is_some_and(|content| self.whole.iter().any(|whole| **whole == *content)) {
            return;
        }
        let wrong = match content.map(parse) {
            None if was_there => "it is gone".into(),
            None => return,
            Some(Ok(_)) => return self.is_whole(content.unwrap_or_default()),
            Some(Err(why @ (Corrupt::Form | Corrupt::Checksum | Corrupt::Content))) => format!("{why}"),
        };
        case.report(
            OracleName::StatusNeverTorn,
            "session",
            format!("whoever reads the status file {when} finds that {wrong}"),
        );
    }

    fn is_whole(&mut self, content: &[u8]) {
        if self.whole.len() == KNOWN_MAX {
            self.whole.pop_front();
        }
        self.whole.push_back(content.into());
    }
}

/// So many contents are known again: what stands there, what is durable, and what is between the two.
const KNOWN_MAX: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::stage::Stage;
    use crate::snapshot::{Kind, Snapshot};
    use crate::status::render;
    use crate::vocab::WorkerState;
    use alloc::vec;

    const FOUND: [(OracleName, &str); 1] = [(OracleName::StatusNeverTorn, "session")];

    #[test]
    fn a_whole_status_is_clean_and_a_part_or_none_after_one_is_not() {
        let whole = render(&Snapshot::new("s", Kind::Session, WorkerState::Running)).into_bytes();
        let part = &whole[..10];
        let mut stage = Stage::new(&["a"]);
        for (looks, found) in [
            (vec![(None, vec![None])], &[][..]),
            (
                vec![(None, vec![None]), (Some(&whole[..]), vec![None, Some(&whole[..])]), (Some(&whole), vec![None])],
                &[],
            ),
            (vec![(Some(part), vec![])], &FOUND),
            (vec![(Some(&whole[..]), vec![Some(part)])], &FOUND),
            (vec![(Some(&whole[..]), vec![]), (None, vec![])], &FOUND),
            (vec![(Some(&whole[..]), vec![Some(&whole[..])]), (Some(&whole), vec![None])], &FOUND),
        ] {
            stage.rewind();
            for (now, after) in looks {
                stage.looks_at_status(now, &after);
            }
            stage.assert_found(found);
        }
    }
}
