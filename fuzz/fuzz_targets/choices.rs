//! Whole lifecycles, decided by bytes: the first one names a case of the zoo, the others answer its questions. Its twin has to be left in
//! peace, whatever they are. With `SHAKEDOWN_ZOO=NAME` the bug of that name is hunted instead, and the crash is its run.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shakedown_zoo::{Case, Caught, Player, Side, catalogue};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::LazyLock;

static HUNTED: LazyLock<Option<&Case>> = LazyLock::new(|| {
    let name = std::env::var("SHAKEDOWN_ZOO").ok()?;
    let case = catalogue().iter().find(|case| case.name == name);
    Some(case.unwrap_or_else(|| panic!("no bug of the zoo is called {name}")))
});

thread_local! {
    static PLAYERS: RefCell<BTreeMap<&'static str, Player>> = const { RefCell::new(BTreeMap::new()) };
}

fuzz_target!(|bytes: &[u8]| {
    let [first, choices @ ..] = bytes else { return };
    let (case, side) = match *HUNTED {
        Some(case) => (case, Side::Broken),
        None => (&catalogue()[usize::from(*first) % catalogue().len()], Side::Twin),
    };
    let caught = PLAYERS.with_borrow_mut(|players| {
        let player = players.entry(case.name).or_insert_with(|| Player::new(case, side));
        Caught::first(&player.play_bytes(choices))
    });
    assert!(caught.is_none(), "{}: {caught:?} objects to {side:?}", case.name);
});
