//! The calm family: one thread of control, so that nothing can overtake anything. Each child is waited for before its parent goes
//! on, and the outside only gives input. Exactly one outcome is possible, which is a stronger claim on both sides than membership.

use super::draw::*;
use super::program::{Act, Family, Program, Stimulus, Stop};
use super::race;
use super::tidy::Tidy;
use super::verbs::each;
use proptest::prelude::*;
use shakedown::core::puppet::{ReadUntil, Verb};
use shakedown::core::signal::Signal;
use shakedown::core::vocab::Scope;

/// A program before it has names, and how many lines it is given.
pub type Drawn = (Vec<Verb>, Scope, usize);

/// What programs are made of.
pub fn drawn_program() -> BoxedStrategy<Drawn> {
    let scope = prop::sample::select(vec![Scope::Group, Scope::Tree, Scope::PosixSession, Scope::Process]);
    (chain(vec![block(2), last()]), scope, 0usize..3).boxed()
}

/// The program that was drawn. The drain is so long that only its end can end it.
pub fn program(drawn: &Drawn, number: u64) -> Program {
    let (script, scope, lines) = drawn;
    let script = race::without_races(&Tidy { number, own_locks: true }.script(script));
    let stop = Stop { scope: *scope, signal: Signal::TERM, to_leader: false, grace_us: 1_000_000, drain_us: 1_000_000 };
    let mut reads = 0;
    each(&script, &mut |verb| reads += usize::from(*verb == Verb::Read(ReadUntil::Line)));
    // At least as much input as it waits for.
    let lines = reads.max(*lines);
    let input = Stimulus { at_us: 0, when: Some("w started".into()), act: Act::Lines(lines) };
    let stimuli = if lines > 0 { vec![input] } else { Vec::new() };
    Program { family: Family::Calm, script, stop, stimuli }
}

fn block(depth: u32) -> Idiom {
    several(one_of(idioms(depth)), if depth == 2 { 1..7 } else { 0..4 })
}

fn idioms(depth: u32) -> Vec<(u32, &'static [&'static str], Idiom)> {
    let mut idioms: Vec<(u32, &[&str], Idiom)> = vec![
        (5, &["print"], print()),
        (2, &["eprint"], eprint()),
        (4, &["write"], write()),
        (2, &["sleep"], sleep()),
        (1, &["busy"], busy()),
        (5, &["on"], on(catchable(), several(print(), 0..3))),
        (2, &["block"], drawn(catchable().prop_map(Verb::Block))),
        (2, &["unblock"], drawn(catchable().prop_map(Verb::Unblock))),
        (2, &["close"], close()),
        (1, &["repeat"], repeat()),
        (1, &["touch"], alone(Verb::Touch("t".into()))),
        (2, &["lock"], alone(Verb::Lock("l".into()))),
        (1, &["pdeathsig"], drawn(sent().prop_map(Verb::Pdeathsig))),
    ];
    for (weight, verb) in [
        (2, Verb::Read(ReadUntil::Line)),
        (2, Verb::Setsid),
        (2, Verb::Setpgid),
        (1, Verb::Subreaper),
        (1, Verb::NotifyReady),
        (3, Verb::Listen(0)),
        (1, Verb::WaitAll),
    ] {
        let (words, idiom) = plain(verb);
        idioms.push((weight, words, idiom));
    }
    if depth > 0 {
        idioms.extend(families(depth));
    }
    idioms
}

fn families(depth: u32) -> Vec<(u32, &'static [&'static str], Idiom)> {
    let body = || chain(vec![block(depth - 1), last()]);
    let spawned = |body: Idiom| drawn(body.prop_map(|body| Verb::Spawn { name: "".into(), body: body.into() }));
    let wait = || alone(Verb::Wait("0".into()));
    let killed = || alone(Verb::Kill { name: "0".into(), signal: Signal::KILL });
    let daemon = drawn(body().prop_map(|body| Verb::Daemonize { name: "".into(), body: body.into() }));
    let thread = drawn(body().prop_map(|body| Verb::Thread(body.into())));
    vec![
        (6, &["spawn", "wait"], chain(vec![spawned(body()), wait()])),
        (3, &["spawn", "wait all"], chain(vec![spawned(body()), alone(Verb::WaitAll)])),
        (1, &["spawn", "kill", "wait"], chain(vec![spawned(alone(Verb::Hang)), killed(), wait()])),
        (1, &["freeze", "spawn", "kill", "wait"], chain(vec![spawned(alone(Verb::Freeze)), killed(), wait()])),
        (2, &["subreaper", "daemonize"], chain(vec![alone(Verb::Subreaper), daemon, alone(Verb::WaitAll)])),
        (2, &["exec"], drawn(body().prop_map(|body| Verb::Exec(body.into())))),
        (2, &["thread", "leader-exit"], chain(vec![thread, alone(Verb::LeaderExit)])),
    ]
}

fn last() -> Idiom {
    one_of(vec![
        (4, &[], Just(Vec::new()).boxed()),
        (3, &["exit"], exit()),
        (2, &["die"], die()),
        (1, &["leader-exit"], alone(Verb::LeaderExit)),
    ])
}

fn repeat() -> Idiom {
    drawn((2u32..4, several(print(), 0..3)).prop_map(|(times, body)| Verb::Repeat { times, body: body.into() }))
}
