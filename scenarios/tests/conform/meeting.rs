//! Meetings of three things at once, which are seldom drawn by themselves: threads that differ in what they block; a lock that is handed
//! over at an end; and a daemon that is left behind by one who leaves at once.

use super::call::call;
use super::draw::*;
use proptest::prelude::*;
use shakedown::core::puppet::Verb;

/// A process of several threads, each with a mask of its own, that come to a fork, an exec, an end or a call that waits.
pub fn threaded(handler: Idiom) -> Idiom {
    let ward = || {
        one_of(vec![
            (3, &["block"], drawn(catchable().prop_map(Verb::Block))),
            (1, &["unblock"], drawn(catchable().prop_map(Verb::Unblock))),
            (2, &["on"], on(catchable(), handler.clone())),
            (3, &[], nothing()),
        ])
    };
    let part = || chain(vec![ward(), perhaps_resting(), deed()]);
    let thread = drawn(chain(vec![part(), ward(), leaving()]).prop_map(|body| Verb::Thread(body.into())));
    let threads = several(one_of(vec![(1, &["thread"], thread)]), 1..3);
    chain(vec![ward(), threads, part(), leaving()])
}

/// A lock that a process has, or has inherited, and that somebody waits for until it is free.
pub fn handed_over(handler: Idiom) -> Idiom {
    let lock = || alone(Verb::Lock("l".into()));
    let holder = || chain(vec![lock(), resting(), leaving()]);
    let waiter = || chain(vec![resting(), lock(), print(), leaving()]);
    let heard = || perhaps_heard(&handler, 3);
    let struck = || one_of(vec![(2, &["kill"], hit()), (2, &["sleep"], resting()), (1, &["wait"], waited())]);
    one_of(vec![
        (3, &["lock", "spawn"], chain(vec![heard(), spawned(holder()), struck(), waiter()])),
        (3, &["lock", "spawn"], chain(vec![lock(), heard(), spawned(waiter()), struck(), leaving()])),
        (2, &["lock", "spawn"], chain(vec![spawned(holder()), heard(), spawned(waiter()), struck(), leaving()])),
        (2, &["lock", "daemonize"], chain(vec![heard(), daemonized(holder()), waiter()])),
        (2, &["lock", "daemonize"], chain(vec![lock(), daemonized(waiter()), perhaps_resting(), leaving()])),
    ])
}

/// Whoever has left the group, the session or the family, and may hold an output; and a leader that leaves at once or nearly so: who is
/// found then, and what is read.
pub fn left_behind(handler: Idiom) -> Idiom {
    let heard = || perhaps_heard(&handler, 2);
    let closing = || one_of(vec![(1, &["close"], close()), (2, &[], nothing())]);
    let body = || chain(vec![heard(), closing(), perhaps_resting(), deed(), leaving()]);
    let one = one_of(vec![
        (4, &["daemonize"], daemonized(body())),
        (1, &["setsid", "spawn"], spawned(chain(vec![alone(Verb::Setsid), body()]))),
        (1, &["setpgid", "spawn"], spawned(chain(vec![alone(Verb::Setpgid), body()]))),
    ]);
    let end = one_of(vec![(3, &["exit"], exit()), (1, &["die"], die()), (2, &[], nothing())]);
    chain(vec![several(one, 1..3), perhaps_resting(), end])
}

/// What somebody comes to.
fn deed() -> Idiom {
    // Whose thread was it that has ended, when its children are told of the end of their parent?
    let doomed = || chain(vec![drawn(sent().prop_map(Verb::Pdeathsig)), alone(Verb::Hang)]);
    let child = || {
        spawned(one_of(vec![
            (2, &[], nothing()),
            (2, &["hang"], alone(Verb::Hang)),
            (1, &["print"], print()),
            (1, &["exit"], exit()),
            (1, &["pdeathsig"], doomed()),
        ]))
    };
    one_of(vec![
        (3, &["print"], print()),
        (3, &["spawn"], child()),
        (2, &["spawn", "kill"], chain(vec![child(), hit()])),
        (3, &[], call()),
        (2, &["exec"], drawn(chain(vec![print(), leaving()]).prop_map(|body| Verb::Exec(body.into())))),
    ])
}

/// How a thread, or with it the process, goes.
fn leaving() -> Idiom {
    one_of(vec![
        (3, &[], nothing()),
        (3, &["hang"], alone(Verb::Hang)),
        (2, &["exit"], exit()),
        (2, &["leader-exit"], alone(Verb::LeaderExit)),
        (1, &["die"], die()),
    ])
}

fn perhaps_resting() -> Idiom {
    one_of(vec![(1, &[], nothing()), (1, &["sleep"], resting())])
}

/// Something for a signal, or nothing with this weight beside two.
fn perhaps_heard(handler: &Idiom, silence: u32) -> Idiom {
    one_of(vec![(2, &["on"], on(catchable(), handler.clone())), (silence, &[], nothing())])
}
