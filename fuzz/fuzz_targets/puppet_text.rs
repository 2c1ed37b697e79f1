//! A script that reads must print as text that reads as the same script; no text may crash the parser.
//! Reports and shrunk scenarios show printed scripts, so a difference here would show a person something that never ran.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shakedown_core::puppet::{Script, parse};

fuzz_target!(|text: &str| {
    let Ok(script) = parse(text) else { return };
    let printed = Script(&script).to_string();
    let again = parse(&printed).unwrap_or_else(|mistakes| panic!("does not read back: {printed:?}: {mistakes:?}"));
    assert_eq!(script, again, "reads back otherwise: {printed:?}");
});
