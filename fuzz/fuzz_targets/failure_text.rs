//! No text may crash the reader of failure files, and one that reads is written as text that reads as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shakedown::failure::FailureFile;

fuzz_target!(|text: &str| {
    let Ok(file) = FailureFile::parse(text) else { return };
    // Sites that are unknown here are an error to be told, never a crash.
    let _ = file.answers();
    assert_eq!(FailureFile::parse(&file.text()).as_ref(), Ok(&file));
});
