//! Whatever bytes stand in a journal: what is read of them is written again as the same bytes, in order, and reading never ends early.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shakedown_core::journal::{encode, scan};

fuzz_target!(|bytes: &[u8]| {
    let found = scan(bytes);
    assert!(found.whole <= bytes.len() && found.damaged.iter().all(|damage| damage.start < damage.end));
    let mut again = Vec::new();
    for entry in &found.entries {
        encode(entry, &mut again).expect("what was read is not too long");
    }
    let damage: usize = found.damaged.iter().map(|damage| damage.len()).sum();
    assert_eq!(again.len() + damage, found.whole);
    assert_eq!(scan(&again).entries, found.entries);
});
