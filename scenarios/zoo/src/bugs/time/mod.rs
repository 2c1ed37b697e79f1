//! Deadlines, units, and timers that nobody disarms (BUGS.md, B1 and B6).

use crate::case::Case;

mod each_retry_starts_the_grace_anew;
mod grace_is_looked_at_by_a_slow_tick;
mod hook_has_the_time_of_the_stop;
mod kill_timer_outlives_the_stop;
mod probe_is_never_joined;

pub(super) fn cases() -> Vec<Case> {
    vec![
        each_retry_starts_the_grace_anew::case(),
        grace_is_looked_at_by_a_slow_tick::case(),
        hook_has_the_time_of_the_stop::case(),
        kill_timer_outlives_the_stop::case(),
        probe_is_never_joined::case(),
    ]
}
