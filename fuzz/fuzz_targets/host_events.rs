//! A session that bytes have drawn up, with what its users do to it at any moment: whatever it is, no oracle objects. The rest of the bytes
//! decides the run.
#![no_main]

#[path = "../plans.rs"]
mod plans;

use libfuzzer_sys::arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use shakedown::failure::Stage;
use shakedown::format::{read, render_all};
use shakedown::sim::choose::{Bytes, Chooser, Record};
use shakedown::sweep::Player;

fuzz_target!(|bytes: &[u8]| {
    let mut drawn = Unstructured::new(bytes);
    let Ok(text) = plans::scenario(&mut drawn) else { return };
    let scenario = read("drawn.toml", &text).unwrap_or_else(|wrong| panic!("{text}\n{}", render_all(&wrong, false)));
    let mut player = Player::new(&scenario.cases()[0], Record::new(Chooser::default()));
    Stage::record_flight(&mut player);
    let choices = Bytes::new(drawn.take_rest());
    let (_, finding) = Stage::play(&mut player, Record::new(Chooser::Bytes(choices)));
    feedback::tell(&mut player);
    assert!(finding.is_none(), "{text}\n{finding:?}");
});
