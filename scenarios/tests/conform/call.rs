//! Signals that find a process within a call that waits: what it has written by then, whether it goes on, and what comes first of the
//! handler and of what it waited for. It takes a long call, a handler and a signal at once, which is seldom drawn by itself.

use super::draw::*;
use proptest::prelude::*;
use shakedown::core::puppet::{Out, ReadUntil, Verb};
use shakedown::core::signal::Signal;

/// A process with a handler that comes to a call that waits, and goes on with something that can be seen.
pub fn struck_in_call(handler: Idiom) -> Idiom {
    let wards = several(ward(handler), 1..3);
    let before = prop::option::of(pause()).prop_map(|pause| pause.map(Verb::Sleep).into_iter().collect()).boxed();
    chain(vec![wards, before, call(), seen(), prop_oneof![1 => Just(Vec::new()), 1 => call()].boxed(), end()])
}

/// What such a call is interrupted by, if it is.
fn ward(handler: Idiom) -> Idiom {
    let signal = prop_oneof![
        4 => Just(Signal::TERM),
        3 => Just(Signal::USR1),
        1 => Just(Signal::INT),
        1 => Just(Signal::HUP),
        1 => Just(Signal::CHLD),
        1 => Just(Signal::CONT),
    ];
    on(signal.boxed(), handler)
}

/// A call that may wait.
pub fn call() -> Idiom {
    let written = |bytes: u64, to: Out| alone(Verb::Write { to, bytes });
    let lock = || alone(Verb::Lock("l".into()));
    one_of(vec![
        (3, &["write"], written(70_000, Out::Stdout)),
        (1, &["write"], written(65_537, Out::Stderr)),
        (1, &["write"], written(140_000, Out::Stdout)),
        (1, &["write", "repeat"], alone(Verb::Repeat { times: 20, body: written_in_parts() })),
        (3, &["sleep"], resting()),
        (2, &["read line"], alone(Verb::Read(ReadUntil::Line))),
        (1, &["read eof"], alone(Verb::Read(ReadUntil::Eof))),
        (2, &["spawn", "wait"], chain(vec![spawned(chain(vec![resting(), exit()])), waited()])),
        (2, &["spawn", "wait all"], chain(vec![spawned(chain(vec![resting(), die()])), alone(Verb::WaitAll)])),
        (1, &["spawn", "lock"], chain(vec![spawned(chain(vec![lock(), resting()])), resting(), lock()])),
        (1, &["freeze"], alone(Verb::Freeze)),
    ])
}

fn written_in_parts() -> shakedown::core::puppet::Block {
    [Verb::Write { to: Out::Stdout, bytes: 4097 }].into()
}

fn seen() -> Idiom {
    one_of(vec![(3, &["print"], print()), (1, &["eprint"], eprint()), (1, &["touch"], alone(Verb::Touch("t".into())))])
}

fn end() -> Idiom {
    one_of(vec![(3, &["exit"], exit()), (2, &["hang"], alone(Verb::Hang)), (1, &["flood"], alone(Verb::Flood))])
}
