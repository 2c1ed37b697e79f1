//! Starts that fail, and what a child is born with (BUGS.md, B4).

use crate::case::Case;

mod code_127_is_told_as_a_failed_start;
mod helper_dies_with_the_thread_that_made_it;
mod helper_inherits_a_blocked_signal;
mod listener_is_inherited_by_a_helper;
mod shell_defers_its_trap;
mod started_is_told_before_exec;
mod stop_comes_before_the_start_is_answered;

pub(super) fn cases() -> Vec<Case> {
    vec![
        code_127_is_told_as_a_failed_start::case(),
        helper_dies_with_the_thread_that_made_it::case(),
        helper_inherits_a_blocked_signal::case(),
        listener_is_inherited_by_a_helper::case(),
        shell_defers_its_trap::case(),
        started_is_told_before_exec::case(),
        stop_comes_before_the_start_is_answered::case(),
    ]
}
