//! Ring 0 by properties, beyond what can be searched as a whole: any plan, any order of commands, answers and deadlines, answers that
//! are lost, late or told twice; durations from nothing to for ever.

mod drain;
mod journal;
mod outside;
mod plans;
mod play;
mod policies;
mod sessions;

use proptest::test_runner::{Config, RngSeed};

/// So many cases of a property, the same ones each time; with `SHAKEDOWN_RING0=N` N times as many (`just properties`).
fn config(cases: u32) -> Config {
    let times = std::env::var("SHAKEDOWN_RING0").map_or(1, |times| times.parse().expect("SHAKEDOWN_RING0 is a number"));
    Config { cases: cases * times, rng_seed: RngSeed::Fixed(4), failure_persistence: None, ..Config::default() }
}
