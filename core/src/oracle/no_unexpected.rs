//! no-unexpected: every state has an answer for every event it can meet. An impossible pair goes to `cx.unexpected` in the
//! machine, and is a failure here, because each pair that occurs is a race that the design forgot.

use crate::oracle::{Case, OracleName};
use alloc::format;

/// Remembers nothing: each report is a violation.
#[derive(Debug, Default)]
pub(super) struct NoUnexpected;

impl NoUnexpected {
    pub(super) fn unexpected(&mut self, who: &str, what: &str, case: &mut Case<'_>) {
        case.report(
            OracleName::NoUnexpected,
            who,
            format!("{who} met an event that its state has no answer for: {what}"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::stage::Stage;

    #[test]
    fn an_event_without_an_answer_is_a_violation_and_its_absence_is_none() {
        let mut stage = Stage::new(&["api"]);
        stage.whole_life("api");
        stage.assert_clean();
        stage.unexpected("api", "Spawned in Draining");
        stage.assert_found(&[(OracleName::NoUnexpected, "api")]);
    }
}
