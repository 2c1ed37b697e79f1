//! Exits that nobody sees, statuses that nobody keeps, numbers that outlive their holders (BUGS.md, B2).

use crate::case::Case;

mod backstop_is_told_as_an_exit;
mod killed_child_is_never_waited_for;
mod list_of_members_grows_old;
mod lost_notice_is_waited_for_for_ever;
mod number_of_nobody_is_killed;
mod one_wakeup_is_taken_for_one_exit;
mod output_comes_while_it_is_killed;
mod pid_is_kept_after_reaping;
mod signal_finds_nobody;
mod stopped_is_told_before_reaping;
mod word_is_awaited_for_ever;

pub(super) fn cases() -> Vec<Case> {
    vec![
        backstop_is_told_as_an_exit::case(),
        killed_child_is_never_waited_for::case(),
        list_of_members_grows_old::case(),
        lost_notice_is_waited_for_for_ever::case(),
        number_of_nobody_is_killed::case(),
        one_wakeup_is_taken_for_one_exit::case(),
        output_comes_while_it_is_killed::case(),
        pid_is_kept_after_reaping::case(),
        signal_finds_nobody::case(),
        stopped_is_told_before_reaping::case(),
        word_is_awaited_for_ever::case(),
    ]
}
