//! Two who each believe that the decision is theirs (BUGS.md, B5).

use crate::case::Case;

mod answers_are_swapped;
mod copy_is_started_beside_the_living;
mod death_by_signal_is_told_as_exit_0;
mod end_is_asked_for_and_not_awaited;
mod exit_after_a_stop_is_mended;
mod exit_of_the_last_one_ends_the_next;
mod exit_overtakes_the_start;
mod hand_and_timer_both_start_it;
mod looks_before_it_listens;
mod notice_comes_before_its_reader;
mod one_interrupt_comes_twice;
mod ready_is_told_of_the_dead;
mod reload_takes_the_stop_back;
mod restart_is_toggled;
mod restart_timer_outlives_the_stop;
mod result_is_dropped_before_it_is_read;
mod second_stop_begins_with_term;
mod teardown_is_a_panic_of_the_waiter;
mod two_starters_find_nobody_running;
mod two_timers_own_the_stop;
mod update_is_lost_between_read_and_write;
mod watcher_is_gone_and_nobody_speaks;

pub(super) fn cases() -> Vec<Case> {
    vec![
        answers_are_swapped::case(),
        copy_is_started_beside_the_living::case(),
        death_by_signal_is_told_as_exit_0::case(),
        end_is_asked_for_and_not_awaited::case(),
        exit_after_a_stop_is_mended::case(),
        exit_of_the_last_one_ends_the_next::case(),
        exit_overtakes_the_start::case(),
        hand_and_timer_both_start_it::case(),
        looks_before_it_listens::case(),
        notice_comes_before_its_reader::case(),
        one_interrupt_comes_twice::case(),
        ready_is_told_of_the_dead::case(),
        reload_takes_the_stop_back::case(),
        restart_is_toggled::case(),
        restart_timer_outlives_the_stop::case(),
        result_is_dropped_before_it_is_read::case(),
        second_stop_begins_with_term::case(),
        teardown_is_a_panic_of_the_waiter::case(),
        two_starters_find_nobody_running::case(),
        two_timers_own_the_stop::case(),
        update_is_lost_between_read_and_write::case(),
        watcher_is_gone_and_nobody_speaks::case(),
    ]
}
