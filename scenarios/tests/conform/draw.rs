//! What both families are drawn from: durations, signals, texts, and the verbs that stand for themselves.

use super::verbs::{is_on, word};
use proptest::prelude::*;
use proptest::strategy::Union;
use shakedown::core::puppet::{Fd, Handler, Out, Verb};
use shakedown::core::signal::Signal;
use shakedown::core::time::{Duration, DurationRange};

/// Verbs that belong together. A block is a list of such.
pub type Idiom = BoxedStrategy<Vec<Verb>>;

/// One of these, with their weights; those whose verbs cannot be played yet are left out.
pub fn one_of(idioms: Vec<(u32, &[&str], Idiom)>) -> Idiom {
    let playable = idioms.into_iter().filter(|(_, words, _)| words.iter().all(|word| is_on(word)));
    Union::new_weighted(playable.map(|(weight, _, idiom)| (weight, idiom)).collect()).boxed()
}

/// A verb alone.
pub fn alone(verb: Verb) -> Idiom {
    Just(vec![verb]).boxed()
}

/// A verb alone, drawn.
pub fn drawn(verb: impl Strategy<Value = Verb> + 'static) -> Idiom {
    verb.prop_map(|verb| vec![verb]).boxed()
}

/// No verb.
pub fn nothing() -> Idiom {
    Just(Vec::new()).boxed()
}

/// A child that plays these verbs. Its name comes later.
pub fn spawned(body: Idiom) -> Idiom {
    drawn(body.prop_map(|body| Verb::Spawn { name: "".into(), body: body.into() }))
}

/// A daemon that plays these verbs.
pub fn daemonized(body: Idiom) -> Idiom {
    drawn(body.prop_map(|body| Verb::Daemonize { name: "".into(), body: body.into() }))
}

/// A signal for the child that was forked last.
pub fn hit() -> Idiom {
    drawn(sent().prop_map(|signal| Verb::Kill { name: "0".into(), signal }))
}

/// `wait` for the child that was forked last.
pub fn waited() -> Idiom {
    alone(Verb::Wait("0".into()))
}

/// One idiom behind the other.
pub fn chain(idioms: Vec<Idiom>) -> Idiom {
    idioms.prop_map(|parts| parts.concat()).boxed()
}

/// So many idioms.
pub fn several(idiom: Idiom, count: std::ops::Range<usize>) -> Idiom {
    prop::collection::vec(idiom, count).prop_map(|parts| parts.concat()).boxed()
}

/// A verb without arguments by its word, to be used in tables.
pub fn plain(verb: Verb) -> (&'static [&'static str], Idiom) {
    let words = super::verbs::VERBS;
    let at = words.iter().position(|known| *known == word(&verb)).expect("a verb of the language");
    (&words[at..=at], alone(verb))
}

/// A pause of up to 5 ms. Few lengths, so that two that run side by side often end at the same instant.
pub fn pause() -> BoxedStrategy<DurationRange> {
    prop::sample::select(vec![0, 100, 300, 1000, 1000, 2000, 3000, 5000])
        .prop_map(|us| DurationRange::fixed(Duration::from_micros(us)))
        .boxed()
}

/// `sleep` for so long.
pub fn resting() -> Idiom {
    drawn(pause().prop_map(Verb::Sleep))
}

/// `sleep`, now and then with a range.
pub fn sleep() -> Idiom {
    let range = |(low, more): (u64, u64)| {
        let (min, max) = (Duration::from_millis(low), Duration::from_millis(low + more));
        Verb::Sleep(DurationRange { min, max, grid: Duration::from_millis(1) })
    };
    drawn(prop_oneof![6 => pause().prop_map(Verb::Sleep), 1 => (0u64..3, 1u64..4).prop_map(range)])
}

/// `busy`, at most a millisecond: it costs what it says.
pub fn busy() -> Idiom {
    drawn(
        prop::sample::select(vec![0u64, 200, 1000])
            .prop_map(|us| Verb::Busy(DurationRange::fixed(Duration::from_micros(us)))),
    )
}

/// A line on stdout.
pub fn print() -> Idiom {
    drawn(text().prop_map(|bytes| Verb::Print { to: Out::Stdout, bytes }))
}

/// A line on stderr.
pub fn eprint() -> Idiom {
    drawn(text().prop_map(|bytes| Verb::Print { to: Out::Stderr, bytes }))
}

fn text() -> BoxedStrategy<std::sync::Arc<[u8]>> {
    prop::sample::select(vec!["one\n", "two\n", "three\n", "four\n"]).prop_map(|text| text.as_bytes().into()).boxed()
}

/// `write`, up to and beyond what fits into a pipe (65 536 bytes), around the size up to which writes are atomic (4 096).
pub fn write() -> Idiom {
    let many = prop::sample::select(vec![0, 1, 10, 64, 100, 4095, 4096, 4097, 8192, 65_536, 70_000]);
    let to = prop_oneof![3 => Just(Out::Stdout), 1 => Just(Out::Stderr)];
    drawn((many, to).prop_map(|(bytes, to)| Verb::Write { to, bytes }))
}

/// `close`.
pub fn close() -> Idiom {
    drawn(prop::sample::select(vec![Fd::Stdin, Fd::Stdout, Fd::Stderr]).prop_map(Verb::Close))
}

/// A signal that ends a process by default.
pub fn deadly() -> BoxedStrategy<Signal> {
    let signals = [Signal::TERM, Signal::KILL, Signal::USR1, Signal::INT, Signal::HUP, Signal::ABRT, Signal::PIPE];
    prop::sample::select(signals.to_vec()).boxed()
}

/// A signal that a program may install something for; those that programs really use come often.
pub fn catchable() -> BoxedStrategy<Signal> {
    prop_oneof![
        5 => Just(Signal::TERM),
        4 => Just(Signal::USR1),
        2 => Just(Signal::INT),
        2 => Just(Signal::HUP),
        2 => Just(Signal::CHLD),
        1 => prop::sample::select(vec![Signal::CONT, Signal::TSTP, Signal::QUIT, Signal::PIPE, Signal::WINCH, Signal::USR2]),
        1 => Just(real_time()),
    ]
    .boxed()
}

/// The first real-time signal, or another one where they cannot be played.
fn real_time() -> Signal {
    Signal::from_number(34).filter(|signal| is_on(&signal.to_string())).unwrap_or(Signal::USR2)
}

/// A signal that is sent.
pub fn sent() -> BoxedStrategy<Signal> {
    prop_oneof![6 => catchable(), 1 => Just(Signal::STOP), 1 => Just(Signal::CONT), 2 => Just(Signal::KILL)].boxed()
}

/// An exit code, few of them.
pub fn code() -> BoxedStrategy<u8> {
    prop::sample::select(vec![0, 1, 3, 126, 255]).boxed()
}

/// `exit`.
pub fn exit() -> Idiom {
    drawn(code().prop_map(Verb::Exit))
}

/// `die`.
pub fn die() -> Idiom {
    drawn(deadly().prop_map(Verb::Die))
}

/// `on SIG …`, with a block of these verbs at most.
pub fn on(signal: BoxedStrategy<Signal>, body: Idiom) -> Idiom {
    let exits = (code(), prop::option::of(pause())).prop_map(|(code, after)| {
        let wait = after.map(Verb::Sleep);
        Handler::Run(wait.into_iter().chain([Verb::Exit(code)]).collect())
    });
    let prints = print().prop_map(|block| Handler::Run(block.into()));
    let then = prop_oneof![
        2 => Just(Handler::Ignore),
        1 => Just(Handler::Default),
        2 => exits,
        3 => prints,
        1 => body.prop_map(|block| Handler::Run(block.into())),
    ];
    drawn((signal, then).prop_map(|(signal, then)| Verb::On { signal, then }))
}
