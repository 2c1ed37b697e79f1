//! Whom a stop reaches, and whom it leaves behind (BUGS.md, B3).

use crate::case::Case;

mod kill_reaches_only_the_group;
mod leader_exit_ends_the_stop;
mod machine_closes_with_its_leader;

pub(super) fn cases() -> Vec<Case> {
    vec![kill_reaches_only_the_group::case(), leader_exit_ends_the_stop::case(), machine_closes_with_its_leader::case()]
}
