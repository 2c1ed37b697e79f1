//! What the fuzz target `choices` holds, on stable Rust: bytes decide whole runs, and whatever they are the twins are left in peace; some
//! of them lead to bugs.

use shakedown_zoo::{Caught, Player, Side, catalogue, quiet_panics};
use std::path::Path;

/// The next of a fixed stream of bytes (splitmix64's increment and mixing), so that every run of this test plays the same.
fn bytes(stream: u64) -> Vec<u8> {
    let mut state = stream.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut word = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)).to_le_bytes()
    };
    (0..24).flat_map(|_| word()).collect()
}

#[test]
fn the_corpus_of_the_fuzzer_leaves_every_twin_in_peace() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/choices");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files = 0;
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let Some((first, choices)) = bytes.split_first() else { continue };
        let case = &catalogue()[usize::from(*first) % catalogue().len()];
        let run = Player::new(case, Side::Twin).play_bytes(choices);
        assert_eq!(Caught::first(&run), None, "{}: {}", path.display(), case.name);
        files += 1;
    }
    assert!(files >= 5, "{files} files: is the corpus there?");
}

#[test]
fn any_bytes_leave_every_twin_in_peace_and_some_lead_to_its_bug() {
    quiet_panics();
    let mut found = 0;
    for case in catalogue() {
        let (mut twin, mut broken) = (Player::new(case, Side::Twin), Player::new(case, Side::Broken));
        let mut is_found = false;
        for stream in 0..60 {
            let bytes = bytes(stream);
            assert_eq!(Caught::first(&twin.play_bytes(&bytes)), None, "{}, stream {stream}", case.name);
            is_found |= Caught::first(&broken.play_bytes(&bytes)) == Some(case.caught_by);
        }
        found += usize::from(is_found);
    }
    assert!(found * 2 > catalogue().len(), "bytes led to {found} of {} bugs only", catalogue().len());
}
