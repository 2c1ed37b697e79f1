//! Exits that nobody sees, statuses that nobody keeps, numbers that outlive their holders (BUGS.md, B2).

use crate::case::Case;

mod killed_child_is_never_waited_for;
mod one_wakeup_is_taken_for_one_exit;
mod output_comes_while_it_is_killed;
mod pid_is_kept_after_reaping;
mod stopped_is_told_before_reaping;
mod word_is_awaited_for_ever;

pub(super) fn cases() -> Vec<Case> {
    vec![
        killed_child_is_never_waited_for::case(),
        one_wakeup_is_taken_for_one_exit::case(),
        output_comes_while_it_is_killed::case(),
        pid_is_kept_after_reaping::case(),
        stopped_is_told_before_reaping::case(),
        word_is_awaited_for_ever::case(),
    ]
}
