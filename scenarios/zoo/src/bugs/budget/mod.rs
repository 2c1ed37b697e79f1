//! How often, how soon and why something is brought back (BUGS.md, B6).

use crate::case::Case;

mod backoff_is_cut_short_by_a_poke;
mod breaker_is_lost_with_the_last_word;
mod budget_begins_anew_with_each_window;
mod starts_by_hand_use_it_up;
mod window_is_in_other_units;

pub(super) fn cases() -> Vec<Case> {
    vec![
        backoff_is_cut_short_by_a_poke::case(),
        breaker_is_lost_with_the_last_word::case(),
        budget_begins_anew_with_each_window::case(),
        starts_by_hand_use_it_up::case(),
        window_is_in_other_units::case(),
    ]
}
