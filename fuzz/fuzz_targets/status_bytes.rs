//! Whatever bytes stand in a status file: what is read of them is a status that is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shakedown_core::status::{parse, render};

fuzz_target!(|bytes: &[u8]| {
    let Ok(snapshot) = parse(bytes) else { return };
    assert_eq!(parse(render(&snapshot).as_bytes()), Ok(snapshot));
});
