//! Whom a stop reaches, and whom it leaves behind (BUGS.md, B3).

use crate::case::Case;

mod closed_output_hides_a_helper;
mod drain_is_given_up_and_so_is_the_helper;
mod frozen_job_is_asked_in_vain;
mod inner_supervisor_is_given_up;
mod kill_reaches_only_the_group;
mod leader_exit_ends_the_stop;
mod machine_closes_with_its_leader;
mod members_are_killed_one_by_one;
mod policy_names_only_the_process;
mod wrapper_dies_and_its_program_lives;

pub(super) fn cases() -> Vec<Case> {
    vec![
        closed_output_hides_a_helper::case(),
        drain_is_given_up_and_so_is_the_helper::case(),
        frozen_job_is_asked_in_vain::case(),
        inner_supervisor_is_given_up::case(),
        kill_reaches_only_the_group::case(),
        leader_exit_ends_the_stop::case(),
        machine_closes_with_its_leader::case(),
        members_are_killed_one_by_one::case(),
        policy_names_only_the_process::case(),
        wrapper_dies_and_its_program_lives::case(),
    ]
}
