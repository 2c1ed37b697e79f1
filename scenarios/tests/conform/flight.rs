//! Signals in flight: processes that fork, put another program in their place or leave while a signal is on its way to them.
//! Such a signal has to hit between two steps, which programs that are only drawn at random seldom bring about.

use super::draw::*;
use super::verbs::each;
use proptest::prelude::*;
use shakedown::core::puppet::{Handler, Verb};
use shakedown::core::signal::Signal;

/// A child that does not mind a signal, or minds it late, and is sent it while it forks, execs or leaves.
pub fn struck_child() -> Idiom {
    (warded(), prop::bool::ANY, moments(), end(), prop::option::weighted(0.3, pause()))
        .prop_map(|((signal, ward), inherits, moments, end, after)| {
            // A ward of the parent's is its child's from birth, one of its own comes in a step that the signal may forestall.
            let (before, own) = if inherits { (ward, None) } else { (None, ward) };
            let body: Vec<Verb> = own.into_iter().chain(after.map(Verb::Sleep)).chain(moments).chain(end).collect();
            let spawn = Verb::Spawn { name: "".into(), body: body.into() };
            let kill = Verb::Kill { name: "0".into(), signal };
            before.into_iter().chain([spawn]).chain(after.map(Verb::Sleep)).chain([kill]).collect()
        })
        .boxed()
}

/// A process that does so itself after a pause, at the end of which the outside may strike: one that comes to a signal warded or bare.
pub fn struck_process() -> Idiom {
    let wards = several(warded().prop_map(|(_, ward)| ward.into_iter().collect()).boxed(), 1..3);
    chain(vec![wards, resting(), moments(), end()])
}

/// A signal, and what keeps a process from dying of it, if anything does.
fn warded() -> BoxedStrategy<(Signal, Option<Verb>)> {
    let ward = |signal: Signal| {
        let on = move |then| Verb::On { signal, then };
        let prints = print().prop_map(move |block| on(Handler::Run(block.into())));
        prop_oneof![
            3 => Just(Some(Verb::Block(signal))),
            3 => Just(Some(on(Handler::Ignore))),
            3 => prints.prop_map(Some),
            2 => Just(None),
        ]
        .prop_map(move |ward| (signal, ward.filter(|_| signal.can_be_caught())))
    };
    sent().prop_flat_map(ward).boxed()
}

/// One or two forks, of processes that are as short as can be.
fn moments() -> Idiom {
    let born = || {
        one_of(vec![
            (3, &[], nothing()),
            (2, &["exit"], exit()),
            (2, &["hang"], alone(Verb::Hang)),
            (1, &["print"], print()),
        ])
    };
    several(one_of(vec![(4, &["spawn"], spawned(born())), (1, &["daemonize"], daemonized(born()))]), 0..3)
}

/// Another program, or the exit.
fn end() -> Idiom {
    let rest = one_of(vec![(2, &["exit"], exit()), (2, &["hang"], alone(Verb::Hang)), (1, &["print"], print())]);
    one_of(vec![(3, &["exec"], drawn(rest.prop_map(|body| Verb::Exec(body.into())))), (2, &["exit"], exit())])
}

/// The signals that somebody in the script blocks, ignores or handles, as far as stimuli know them by name.
pub fn minded(script: &[Verb]) -> Vec<Signal> {
    let mut found = Vec::new();
    each(script, &mut |verb| {
        if let Verb::Block(signal) | Verb::On { signal, then: Handler::Ignore | Handler::Run(_) } = verb {
            found.push(*signal);
        }
    });
    found.retain(|signal| *signal != Signal::CHLD && Signal::all().any(|known| known == *signal));
    found
}

/// The instants at which processes fork, exec or exit, in microseconds from the start, if only their sleeps took time.
pub fn instants(script: &[Verb]) -> Vec<u64> {
    let mut found = Vec::new();
    note_instants(script, 0, &mut found);
    found.sort_unstable();
    found.dedup();
    found
}

/// When the block is over, if it began at `now`.
fn note_instants(block: &[Verb], mut now: u64, found: &mut Vec<u64>) -> u64 {
    for verb in block {
        match verb {
            Verb::Sleep(range) => now += range.min.as_micros() as u64,
            Verb::Spawn { body, .. } | Verb::Daemonize { body, .. } => {
                found.push(now);
                note_instants(body, now, found);
            }
            Verb::Exec(body) => {
                found.push(now);
                now = note_instants(body, now, found);
            }
            Verb::Exit(_) => found.push(now),
            Verb::Thread(body) => drop(note_instants(body, now, found)),
            Verb::Print { .. } | Verb::Write { .. } | Verb::Flood | Verb::Read(_) | Verb::Busy(_) | Verb::Hang => {}
            Verb::Repeat { .. } | Verb::On { .. } | Verb::Block(_) | Verb::Unblock(_) | Verb::Wait(_) => {}
            Verb::WaitAll | Verb::Kill { .. } | Verb::Setsid | Verb::Setpgid | Verb::Subreaper => {}
            Verb::Pdeathsig(_) | Verb::Close(_) | Verb::LeaderExit | Verb::NotifyReady | Verb::Touch(_) => {}
            Verb::Lock(_) | Verb::Listen(_) | Verb::Die(_) | Verb::Freeze => {}
        }
    }
    now
}
