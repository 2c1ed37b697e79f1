//! What is read, how far, and who is taken for the end of it (BUGS.md, B1).

use crate::case::Case;

mod chunk_is_lost_with_the_losing_branch;
mod drain_has_a_clock_of_its_own;
mod each_life_leaves_its_output_unread;
mod end_of_output_is_taken_for_the_end;
mod exit_is_taken_for_the_end_of_output;
mod last_line_without_newline_is_dropped;
mod nobody_reads_while_it_waits;
mod one_failed_write_ends_the_pump;
mod pump_listens_only_when_it_is_quiet;
mod pump_waits_for_its_log;
mod reads_before_it_arms_the_deadline;
mod status_is_written_in_place;
mod stderr_is_read_to_its_end_first;

pub(super) fn cases() -> Vec<Case> {
    vec![
        chunk_is_lost_with_the_losing_branch::case(),
        drain_has_a_clock_of_its_own::case(),
        each_life_leaves_its_output_unread::case(),
        end_of_output_is_taken_for_the_end::case(),
        exit_is_taken_for_the_end_of_output::case(),
        last_line_without_newline_is_dropped::case(),
        nobody_reads_while_it_waits::case(),
        one_failed_write_ends_the_pump::case(),
        pump_listens_only_when_it_is_quiet::case(),
        pump_waits_for_its_log::case(),
        reads_before_it_arms_the_deadline::case(),
        status_is_written_in_place::case(),
        stderr_is_read_to_its_end_first::case(),
    ]
}
