//! The racy family: anything that can be written, and an outside that strikes at any time.

use super::call::{call, struck_in_call};
use super::draw::*;
use super::flight::{instants, minded, struck_child, struck_process};
use super::meeting::{handed_over, left_behind, threaded};
use super::program::{Act, Family, Program, Stimulus, Stop};
use super::tidy::{Tidy, processes};
use proptest::prelude::*;
use shakedown::core::puppet::{Handler, Out, ReadUntil, Verb};
use shakedown::core::signal::Signal;
use shakedown::core::vocab::Scope;

/// A program before it has names.
pub type Drawn = (Vec<Verb>, Stop, Vec<(At, Act)>, At);

/// When the outside acts.
#[derive(Clone, Copy, Debug)]
pub enum At {
    /// So many microseconds after the start.
    Start(u64),
    /// The same, with a signal that somebody minds: which of them.
    Minded(u64, usize),
    /// So many after an event of a process: which of them, and which event.
    Event(u64, usize, usize),
    /// When this one of the script's forks, execs and exits is due.
    Moment(usize),
}

/// What programs are made of; drawn once, since it is the same for all of them.
pub fn drawn_program() -> BoxedStrategy<Drawn> {
    let anything = chain(vec![block(Place::Program, 2), last()]);
    let some = || several(one_of(idioms(Place::Program, 1)), 0..2);
    let parent = chain(vec![some(), struck_child(), some(), last()]);
    let script = prop_oneof![
        8 => anything,
        2 => struck_process(),
        4 => parent,
        2 => struck_in_call(simple()),
        1 => threaded(simple()),
        1 => handed_over(simple()),
        1 => left_behind(simple()),
    ];
    let delay = || prop::sample::select(vec![0, 0, 100, 200, 400, 700, 1000, 1000, 2000, 3000, 5000]);
    let at = prop_oneof![
        2 => (0usize..8).prop_map(At::Moment),
        1 => delay().prop_map(At::Start),
        1 => (delay(), 0usize..4).prop_map(|(delay, which)| At::Minded(delay, which)),
        1 => (delay(), 0usize..6, 0usize..TRIGGERS.len()).prop_map(|(delay, who, what)| At::Event(delay, who, what)),
    ];
    let stimuli = prop::collection::vec((at, act()), 0..4);
    let last = prop_oneof![
        2 => prop::sample::select(vec![1000, 2000, 3000, 5000, 8000, 12_000]).prop_map(At::Start),
        1 => (0usize..8).prop_map(At::Moment),
    ];
    (script, stop(), stimuli, last).boxed()
}

/// The program that was drawn. It ends: the last stimulus is a stop, and no stop waits for ever.
pub fn program(drawn: &Drawn, number: u64) -> Program {
    let (script, stop, stimuli, last) = drawn;
    let script = Tidy { number, own_locks: false }.script(script);
    let names = processes(&script);
    let (moments, minded) = (instants(&script), minded(&script));
    let outside = stimuli.iter().copied().chain([(*last, Act::Stop { worker: false })]).map(|(at, act)| match at {
        At::Start(at_us) => Stimulus { at_us, when: None, act },
        At::Minded(at_us, which) => Stimulus { at_us, when: None, act: heeded(act, which, &minded) },
        At::Moment(nth) => {
            let at_us = moments.get(nth % moments.len().max(1)).copied().unwrap_or(1000);
            Stimulus { at_us, when: None, act: heeded(act, nth, &minded) }
        }
        At::Event(at_us, who, what) => {
            let when = match TRIGGERS[what] {
                (Whose::Worker, event) => format!("w {event}"),
                (Whose::Process, event) => format!("{} {event}", names[who % names.len()]),
            };
            Stimulus { at_us, when: Some(when), act }
        }
    });
    let outside = outside.collect();
    Program { family: Family::Racy, script, stop: *stop, stimuli: outside }
}

/// The act; a signal becomes one that somebody minds. Of another they would die before they come to anything.
fn heeded(act: Act, nth: usize, minded: &[Signal]) -> Act {
    match (act, minded.get(nth % minded.len().max(1))) {
        (Act::Signal(_), Some(signal)) => Act::Signal(*signal),
        (act, _) => act,
    }
}

#[derive(Clone, Copy)]
enum Whose {
    Worker,
    Process,
}

const TRIGGERS: &[(Whose, &str)] = &[
    (Whose::Process, "started"),
    (Whose::Process, "started"),
    (Whose::Process, "signalled"),
    (Whose::Process, "exited"),
    (Whose::Worker, "started"),
    (Whose::Worker, "output"),
    (Whose::Worker, "signalled"),
    (Whose::Worker, "exited"),
];

/// Where a block stands: what may be forked there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Program,
    Thread,
}

fn block(place: Place, depth: u32) -> Idiom {
    let count = if depth == 2 { 2..6 } else { 0..4 };
    several(one_of(idioms(place, depth)), count)
}

/// Those that play in a loop or in a handler: nothing is born there, so that each process is named once.
fn simple() -> Idiom {
    let one = one_of(vec![
        (3, &["print"], print()),
        (1, &["eprint"], eprint()),
        (1, &["write"], write()),
        (3, &["sleep"], sleep()),
        (1, &["block"], drawn(catchable().prop_map(Verb::Block))),
        (1, &["unblock"], drawn(catchable().prop_map(Verb::Unblock))),
    ]);
    several(one, 0..4)
}

fn idioms(place: Place, depth: u32) -> Vec<(u32, &'static [&'static str], Idiom)> {
    let mut idioms: Vec<(u32, &[&str], Idiom)> = vec![
        (6, &["print"], print()),
        (2, &["eprint"], eprint()),
        (3, &["write"], write()),
        (1, &["write"], alone(Verb::Write { to: Out::Stdout, bytes: 70_000 })),
        (8, &["sleep"], sleep()),
        (2, &["busy"], busy()),
        (10, &["on"], on(catchable(), simple())),
        (2, &["block"], drawn(catchable().prop_map(Verb::Block))),
        (1, &["unblock"], drawn(catchable().prop_map(Verb::Unblock))),
        (3, &["block", "unblock"], held()),
        (4, &["wait"], drawn(nth().prop_map(|nth| Verb::Wait(nth.into())))),
        (3, &["wait all"], alone(Verb::WaitAll)),
        (4, &["kill"], drawn((nth(), sent()).prop_map(|(nth, signal)| Verb::Kill { name: nth.into(), signal }))),
        (2, &["close"], close()),
        (2, &["repeat"], repeat()),
        (2, &["touch"], alone(Verb::Touch("t".into()))),
        (3, &["lock"], drawn(prop::sample::select(vec!["l", "m"]).prop_map(|file| Verb::Lock(file.into())))),
        (1, &["pdeathsig"], drawn(sent().prop_map(Verb::Pdeathsig))),
    ];
    for (weight, verb) in [
        (2, Verb::Read(ReadUntil::Line)),
        (2, Verb::Read(ReadUntil::Eof)),
        (2, Verb::Setsid),
        (3, Verb::Setpgid),
        (2, Verb::Subreaper),
        (1, Verb::NotifyReady),
        (2, Verb::Listen(0)),
        (2, Verb::Freeze),
    ] {
        let (words, idiom) = plain(verb);
        idioms.push((weight, words, idiom));
    }
    if depth > 0 {
        idioms.extend(families(place, depth));
    }
    idioms
}

/// Idioms that fork, replace the program, or begin a thread.
fn families(place: Place, depth: u32) -> Vec<(u32, &'static [&'static str], Idiom)> {
    let child = || chain(vec![block(Place::Program, depth - 1), last()]);
    let born = || spawned(child());
    let mut families: Vec<(u32, &[&str], Idiom)> = vec![
        (10, &["spawn"], born()),
        (4, &["spawn", "wait"], chain(vec![born(), waited()])),
        (4, &["spawn", "kill"], chain(vec![born(), hit()])),
        (3, &["spawn", "kill", "wait"], chain(vec![born(), sleep(), hit(), waited()])),
        (5, &["spawn", "wait", "kill"], chain(vec![brief(), waited(), hit()])),
        (3, &["freeze", "spawn", "kill"], frozen(child())),
        (2, &["daemonize"], daemonized(child())),
        (
            2,
            &["daemonize", "subreaper"],
            chain(vec![alone(Verb::Subreaper), daemonized(child()), alone(Verb::WaitAll)]),
        ),
        (6, &["pdeathsig", "spawn"], doomed(child())),
        (7, &["freeze", "setsid", "setpgid", "spawn"], orphaned(child())),
        (4, &["on", "spawn", "kill"], woken(child())),
        (14, &["spawn", "kill", "exec"], struck_child()),
    ];
    if place == Place::Program {
        let rest = || block(Place::Program, depth - 1);
        let thread = || drawn(block(Place::Thread, depth - 1).prop_map(|body| Verb::Thread(body.into())));
        families.extend::<Vec<(u32, &'static [&'static str], Idiom)>>(vec![
            (3, &["exec"], drawn(chain(vec![rest(), last()]).prop_map(|body| Verb::Exec(body.into())))),
            (2, &["thread"], thread()),
            (4, &["thread", "leader-exit"], chain(vec![thread(), alone(Verb::LeaderExit)])),
        ]);
    }
    families
}

/// How a process comes to its end, if the script says so.
fn last() -> Idiom {
    one_of(vec![
        (30, &[], nothing()),
        (15, &["exit"], exit()),
        (5, &["die"], die()),
        (20, &["hang"], alone(Verb::Hang)),
        (5, &["leader-exit"], alone(Verb::LeaderExit)),
        (2, &["flood"], alone(Verb::Flood)),
    ])
}

/// A signal is held off for a while.
fn held() -> Idiom {
    (catchable(), simple(), prop::bool::ANY)
        .prop_map(|(signal, between, sleeps)| {
            let pause = sleeps.then(|| Verb::Sleep(std::time::Duration::from_millis(1).into()));
            [Verb::Block(signal)].into_iter().chain(between).chain(pause).chain([Verb::Unblock(signal)]).collect()
        })
        .boxed()
}

fn repeat() -> Idiom {
    drawn((2u32..4, simple()).prop_map(|(times, body)| Verb::Repeat { times, body: body.into() }))
}

/// A child that soon ends.
fn brief() -> Idiom {
    spawned(chain(vec![simple(), one_of(vec![(1, &["exit"], exit()), (1, &["die"], die())])]))
}

/// A child that stops itself, and a parent that lets it go on.
fn frozen(rest: Idiom) -> Idiom {
    (rest, pause())
        .prop_map(|(rest, pause)| {
            let body: Vec<Verb> = [Verb::Freeze].into_iter().chain(rest).collect();
            let spawn = Verb::Spawn { name: "".into(), body: body.into() };
            vec![spawn, Verb::Sleep(pause), Verb::Kill { name: "0".into(), signal: Signal::CONT }]
        })
        .boxed()
}

/// A grandchild that is to die with its parent, which does not live long.
fn doomed(rest: Idiom) -> Idiom {
    (prop_oneof![sent(), deadly()], rest, pause())
        .prop_map(|(signal, rest, pause)| {
            let grandchild: Vec<Verb> = [Verb::Pdeathsig(signal)].into_iter().chain(rest).chain([Verb::Hang]).collect();
            let spawn = Verb::Spawn { name: "".into(), body: grandchild.into() };
            vec![Verb::Spawn { name: "".into(), body: [spawn, Verb::Sleep(pause), Verb::Exit(0)].into() }]
        })
        .boxed()
}

/// A stopped group of a session of its own loses the last tie to it.
fn orphaned(rest: Idiom) -> Idiom {
    (on(Just(Signal::HUP).boxed(), simple()), rest, pause())
        .prop_map(|(handler, rest, pause)| {
            let stopped: Vec<Verb> =
                [Verb::Setpgid].into_iter().chain(handler).chain([Verb::Freeze]).chain(rest).collect();
            let spawn = Verb::Spawn { name: "".into(), body: stopped.into() };
            let leader = [Verb::Setsid, spawn, Verb::Sleep(pause), Verb::Exit(0)];
            vec![Verb::Spawn { name: "".into(), body: leader.into() }]
        })
        .boxed()
}

/// A child with a handler, hit while it waits; it goes on.
fn woken(rest: Idiom) -> Idiom {
    (catchable(), simple(), call(), rest, pause())
        .prop_map(|(signal, handler, call, rest, pause)| {
            let handler = Verb::On { signal, then: Handler::Run(handler.into()) };
            let body: Vec<Verb> = [handler].into_iter().chain(call).chain(rest).collect();
            let spawn = Verb::Spawn { name: "".into(), body: body.into() };
            vec![spawn, Verb::Sleep(pause), Verb::Kill { name: "0".into(), signal }]
        })
        .boxed()
}

/// Which child, counted from the latest.
fn nth() -> BoxedStrategy<&'static str> {
    prop::sample::select(vec!["0", "0", "1", "2"]).boxed()
}

fn stop() -> BoxedStrategy<Stop> {
    let scope = prop::sample::select(vec![Scope::Group, Scope::Tree, Scope::PosixSession, Scope::Process]);
    let signal =
        prop_oneof![5 => Just(Signal::TERM), 1 => Just(Signal::INT), 1 => Just(Signal::USR1), 1 => Just(Signal::HUP)];
    let grace_us = prop::sample::select(vec![1000, 0, 200, 3000, 10_000, 50_000]);
    let drain_us = prop::sample::select(vec![1000, 0, 5000, 20_000]);
    (scope, signal, prop::bool::weighted(0.2), grace_us, drain_us)
        .prop_map(|(scope, signal, to_leader, grace_us, drain_us)| Stop {
            scope,
            signal,
            to_leader,
            grace_us,
            drain_us,
        })
        .boxed()
}

/// Stimuli know signals by name only, and real-time ones have none.
fn named(signal: BoxedStrategy<Signal>) -> BoxedStrategy<Signal> {
    signal.prop_map(|signal| if Signal::all().any(|known| known == signal) { signal } else { Signal::USR2 }).boxed()
}

fn act() -> BoxedStrategy<Act> {
    prop_oneof![
        2 => (1usize..3).prop_map(Act::Lines),
        1 => Just(Act::CloseStdin),
        6 => named(catchable()).prop_map(Act::Signal),
        2 => prop::bool::ANY.prop_map(|worker| Act::Stop { worker }),
        1 => Just(Act::Kill),
    ]
    .boxed()
}
