//! Whole sessions drawn by [proptest]: workers with scripts, dependencies, probes and policies, supervisors, what people do to them, and
//! what goes wrong. A draft is a scenario file in the making, so that what fails is shrunk to a file that anybody can play again.
//!
//! Behind the feature `proptest`. The built-in oracles judge each run; a draft expects nothing else of its own.
//!
//! ```
//! use proptest::strategy::{Strategy, ValueTree};
//! use proptest::test_runner::TestRunner;
//!
//! let mut runner = TestRunner::deterministic();
//! let draft = shakedown::strategies::session().new_tree(&mut runner).unwrap().current();
//! assert_eq!(draft.findings(0), []);
//! ```

mod draft;

pub use draft::{Draft, Ending, Group, Helper, Life, Ready, Restart, Stimulus, Worker};

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Sessions of one to four workers, alone or under supervisors, with one to three stimuli and a stop at the end.
pub fn session() -> impl Strategy<Value = Draft> {
    let workers = vec(worker(), 1..=4);
    let groups = option::weighted(0.4, (0..3u8, 0..4usize));
    let stimuli = vec(stimulus(), 0..=2);
    let faults = option::weighted(0.3, 0..Draft::FAULTS.len());
    (workers, groups, stimuli, faults, any::<bool>(), 0..300u64).prop_map(
        |(workers, group, stimuli, fault, second_kills, stop_at)| {
            let group = group.map(|(strategy, from)| Group { strategy, from: from % workers.len() });
            Draft { workers, group, stimuli, fault, second_kills, stop_at }
        },
    )
}

fn worker() -> impl Strategy<Value = Worker> {
    let script = (life(), ending(), option::weighted(0.4, helper()));
    let relations = (option::weighted(0.4, (0..4usize, 0..4u8)), option::weighted(0.3, ready()));
    let policy = (0..3u8, option::weighted(0.5, restart()), option::weighted(0.15, 0..40u64), any::<bool>());
    (script, relations, policy).prop_map(
        |((life, ending, helper), (after, ready), (grace, restart, hook, to_leader))| Worker {
            life,
            ending,
            helper,
            after,
            ready,
            grace: [0, 20, 150][usize::from(grace)],
            restart,
            hook,
            to_leader,
        },
    )
}

fn life() -> impl Strategy<Value = Life> {
    prop_oneof![
        3 => Just(Life::Hangs),
        2 => (0..80u64, prop_oneof![Just(0u8), Just(1), Just(7)]).prop_map(|(after, code)| Life::Exits { after, code }),
        1 => (1..200_000u32).prop_map(|bytes| Life::Writes { bytes }),
    ]
}

fn ending() -> impl Strategy<Value = Ending> {
    prop_oneof![
        2 => Just(Ending::Dies),
        3 => (0..60u64, prop_oneof![Just(0u8), Just(1)]).prop_map(|(after, code)| Ending::Exits { after, code }),
        1 => Just(Ending::Ignores),
    ]
}

fn helper() -> impl Strategy<Value = Helper> {
    (ending(), any::<bool>(), any::<bool>()).prop_map(|(ending, leaves, reaped)| Helper { ending, leaves, reaped })
}

fn ready() -> impl Strategy<Value = Ready> {
    prop_oneof![
        2 => (0..60u64).prop_map(|after| Ready::Log { after }),
        1 => (1..60u64).prop_map(|after| Ready::Delay { after }),
        1 => (0..60u64).prop_map(|after| Ready::Notify { after }),
        1 => (0..20u64, any::<bool>()).prop_map(|(takes, succeeds)| Ready::Exec { takes, succeeds }),
    ]
}

fn restart() -> impl Strategy<Value = Restart> {
    (any::<bool>(), 1..40u64, 0..4u32).prop_map(|(always, initial, budget)| Restart { always, initial, budget })
}

fn stimulus() -> impl Strategy<Value = Stimulus> {
    (0..300u64, 0..5u8, 0..4usize).prop_map(|(at, what, on)| Stimulus { at, what, on })
}
