//! What comes before what: dependencies and readiness (BUGS.md, B6).

use crate::case::Case;

mod a_pause_stands_for_an_end;
mod only_one_dependent_is_waited_for;
mod probe_answers_during_the_stop;

pub(super) fn cases() -> Vec<Case> {
    vec![
        a_pause_stands_for_an_end::case(),
        only_one_dependent_is_waited_for::case(),
        probe_answers_during_the_stop::case(),
    ]
}
