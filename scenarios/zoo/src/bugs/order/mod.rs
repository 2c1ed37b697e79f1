//! What comes before what: dependencies and readiness (BUGS.md, B6).

use crate::case::Case;

mod a_pause_stands_for_an_end;
mod edge_is_missing_from_the_plan;
mod everybody_is_asked_at_once;
mod old_one_ends_before_the_new_one_is_ready;
mod only_one_dependent_is_waited_for;
mod probe_answers_during_the_stop;
mod started_is_taken_for_ready;

pub(super) fn cases() -> Vec<Case> {
    vec![
        a_pause_stands_for_an_end::case(),
        edge_is_missing_from_the_plan::case(),
        everybody_is_asked_at_once::case(),
        old_one_ends_before_the_new_one_is_ready::case(),
        only_one_dependent_is_waited_for::case(),
        probe_answers_during_the_stop::case(),
        started_is_taken_for_ready::case(),
    ]
}
