//! Two who each believe that the decision is theirs (BUGS.md, B5).

use crate::case::Case;

mod death_by_signal_is_told_as_exit_0;
mod exit_overtakes_the_start;
mod notice_comes_before_its_reader;
mod restart_timer_outlives_the_stop;
mod two_timers_own_the_stop;
mod watcher_is_gone_and_nobody_speaks;

pub(super) fn cases() -> Vec<Case> {
    vec![
        death_by_signal_is_told_as_exit_0::case(),
        exit_overtakes_the_start::case(),
        notice_comes_before_its_reader::case(),
        restart_timer_outlives_the_stop::case(),
        two_timers_own_the_stop::case(),
        watcher_is_gone_and_nobody_speaks::case(),
    ]
}
