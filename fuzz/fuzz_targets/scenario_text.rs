//! No text may crash the reader of scenario files. What is wrong is told with its place, and every mistake can be shown; what is right has
//! cases that can be played.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shakedown::format::{read, render_all};

fuzz_target!(|text: &str| match read("fuzzed.toml", text) {
    Ok(scenario) => assert!(!scenario.cases().is_empty()),
    Err(wrong) => assert!(!wrong.is_empty() && !render_all(&wrong, false).is_empty()),
});
