//! A scenario, decided by bytes: `SHAKEDOWN_SCENARIO` names it, and a crash is a failure of it that `shakedown replay CRASH --of FILE` plays
//! again and explains. Without the variable one that holds is played.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shakedown::failure::Stage;
use shakedown::format::{Case, load, read, render_all};
use shakedown::sim::choose::{Bytes, Chooser, Record};
use shakedown::sweep::Player;
use std::cell::RefCell;
use std::path::Path;
use std::sync::LazyLock;

static CASE: LazyLock<Case> = LazyLock::new(|| {
    let scenario = match std::env::var("SHAKEDOWN_SCENARIO") {
        Ok(file) => load(Path::new(&file)),
        Err(_) => read("calm.toml", include_str!("../finds/calm.toml")),
    };
    scenario.unwrap_or_else(|wrong| panic!("{}", render_all(&wrong, false))).cases()[0].clone()
});

thread_local! {
    static PLAYER: RefCell<Player<Record<Chooser>>> = RefCell::new({
        let mut player = Player::new(&CASE, Record::new(Chooser::default()));
        Stage::record_flight(&mut player);
        player
    });
}

fuzz_target!(|bytes: &[u8]| {
    let finding = PLAYER.with_borrow_mut(|player| {
        let (_, finding) = Stage::play(player, Record::new(Chooser::Bytes(Bytes::new(bytes))));
        feedback::tell(player);
        finding
    });
    assert!(finding.is_none(), "{finding:?}");
});
