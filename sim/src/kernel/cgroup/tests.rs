//! What control groups promise.

use super::super::KernelConfig;
use super::super::check::{Check, U, exited, play, play_with, signalled};
use super::*;
use shakedown_core::ids::OpId;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{Scope, Target, Truth};

/// Unit 0 in a group of its own.
fn unit(script: &str) -> (Check, CgroupId) {
    let mut check = play_with(KernelConfig::DEFAULT, Scope::Cgroup, script);
    let id = check.settle().kernel.cgroup_of_unit(U).expect("its scope is one");
    (check, id)
}

/// SEMANTICS C29: who is in it, whatever they did to get away.
#[test]
fn membership_is_inherited_and_no_session_daemon_or_orphan_leaves() {
    let (mut check, id) = unit("spawn a { setsid; hang }; daemonize b { hang }; spawn c { spawn d { hang } }; hang");
    let names: Vec<String> = check.kernel.members(U).iter().map(|member| member.name.to_string()).collect();
    assert_eq!(names, ["w/main", "w/a", "w/b", "w/d"], "c is a zombie");
    assert_eq!(check.kernel.cgroup_procs(id).len(), 4);
    assert_eq!(check.kernel.signal_unit(U, Target::Scope, Signal::KILL), Ok(()));
    check.settle();
    assert_eq!((check.kernel.living_in_all(), check.kernel.scope_is_empty(U)), (0, true));
}

/// SEMANTICS C29: a unit's kill reaches its own group, and a gentle signal each member once.
#[test]
fn each_unit_has_a_group_of_its_own() {
    let (mut check, id) = unit("on TERM exit 4; spawn a { setpgid; on TERM exit 5; hang }; hang");
    check.spawn(UnitId(1), Scope::Cgroup, "hang").expect("there is room");
    assert_ne!(check.settle().kernel.cgroup_of_unit(UnitId(1)), Some(id));
    assert_eq!(check.kernel.signal_unit(U, Target::Scope, Signal::TERM), Ok(()));
    check.settle();
    assert_eq!([check.status("w/main"), check.status("w/a")], [exited(4), exited(5)]);
    assert!(check.alive("v/main"));
    assert_eq!(play("hang").kernel.cgroup_of_unit(U), None, "of another scope");
}

/// SEMANTICS C29: the whole subtree, a stopped and a frozen one too, and once killed it is empty but for zombies.
#[test]
fn a_kill_reaches_everybody_below_in_one_act() {
    let (mut check, id) = unit("spawn a { hang }; spawn b { hang }; spawn c { hang }; hang");
    let (below, beside) =
        (check.kernel.create_cgroup(id).unwrap(), check.kernel.create_cgroup(CgroupId::ROOT).unwrap());
    check.kernel.move_to_cgroup(check.find("w/a"), below).expect("both exist");
    check.kernel.move_to_cgroup(check.find("w/b"), beside).expect("both exist");
    check.kill("w/c", Signal::STOP);
    check.kernel.freeze_cgroup(below, true).expect("it exists");
    assert_eq!(check.kernel.kill_cgroup(id), Ok(()));
    check.settle();
    for (name, status) in [("w/main", true), ("w/a", true), ("w/b", false), ("w/c", true)] {
        assert_eq!(check.status(name), signalled(Signal::KILL).filter(|_| status), "{name}");
    }
    assert_eq!([id, below, beside].map(|id| check.kernel.cgroup_is_populated(id)), [false, false, true]);
    assert_eq!(check.kernel.kill_cgroup(id), Ok(()), "an empty one, too");
}

/// SEMANTICS C29: a fork that races the kill is missed by nobody, wherever its last step falls.
#[test]
fn nobody_is_born_behind_the_back_of_a_kill() {
    for steps in 0..12 {
        let script = "repeat 9 { spawn a { spawn b { setsid; hang }; hang } }; hang";
        let mut check = play_with(KernelConfig::DEFAULT, Scope::Cgroup, script);
        let id = check.kernel.cgroup_of_unit(U).expect("its scope is one");
        (0..steps).for_each(|_| assert!(check.step()));
        check.kernel.kill_cgroup(id).expect("it exists");
        check.settle();
        assert_eq!(check.kernel.living_in_all(), 0, "after {steps} steps");
    }
}

/// SEMANTICS C29, probed on 6.18.
#[test]
fn out_of_a_killed_group_nobody_is_cloned_into_another_alive() {
    let mut check = play("hang");
    let used = check.kernel.create_cgroup(CgroupId::ROOT).expect("the root exists");
    check.kernel.kill_cgroup(used).expect("it exists");
    check.kernel.move_to_cgroup(HOST, used).expect("it exists");
    check.spawn(UnitId(1), Scope::Cgroup, "print never").expect("it is born");
    assert_eq!(check.settle().status("v/main"), signalled(Signal::KILL));
    check.spawn(UnitId(2), Scope::Group, "exit 3").expect("it is born");
    assert_eq!(check.settle().status("v/main"), exited(3), "a plain fork into a killed group lives (probed)");
}

/// SEMANTICS C29. Probed.
#[test]
fn a_frozen_group_stands_still_and_only_a_plain_fatal_signal_gets_through() {
    for (signal, frozen, thawed) in [
        (Signal::TERM, signalled(Signal::TERM), signalled(Signal::TERM)),
        (Signal::KILL, signalled(Signal::KILL), signalled(Signal::KILL)),
        (Signal::QUIT, None, signalled(Signal::QUIT)),
        (Signal::USR1, None, exited(9)),
        (Signal::STOP, None, None),
        (Signal::CONT, None, exited(3)),
    ] {
        let (mut check, id) = unit("on USR1 exit 9; repeat 3 { sleep 10ms }; exit 3");
        check.pass(15).kernel.freeze_cgroup(id, true).expect("it exists");
        assert!(check.kernel.cgroup_is_frozen(id));
        check.kill("w/main", signal).pass(100);
        assert_eq!(check.status("w/main"), frozen, "{signal}");
        check.kernel.freeze_cgroup(id, false).expect("it exists");
        assert_eq!(check.pass(20).status("w/main"), thawed, "{signal}");
    }
}

/// SEMANTICS C29: cgroup.freeze is for all below, and who comes into a frozen group freezes.
#[test]
fn freezing_is_inherited_and_ends_where_no_group_above_is_frozen() {
    let (mut check, outer) = unit("spawn a { hang }; repeat 9 { sleep 1ms }; exit 3");
    let inner = check.kernel.create_cgroup(outer).expect("it exists");
    check.kernel.freeze_cgroup(inner, true).expect("it exists");
    assert!(check.kernel.cgroup_is_frozen(inner) && !check.kernel.cgroup_is_frozen(outer));
    let main = check.find("w/main");
    check.kernel.move_to_cgroup(main, inner).expect("both exist");
    check.kernel.freeze_cgroup(outer, true).expect("it exists");
    check.kernel.freeze_cgroup(inner, false).expect("it exists");
    assert_eq!(check.pass(50).status("w/main"), None, "the outer one keeps it frozen");
    check.kernel.move_to_cgroup(main, CgroupId::ROOT).expect("it lives");
    assert_eq!(check.pass(50).status("w/main"), exited(3));
}

/// A freeze is over only when everybody has come out of the disk.
#[test]
fn who_sleeps_uninterruptibly_freezes_afterwards() {
    let (mut check, id) = unit("sleep 5ms; exit 3");
    let main = check.find("w/main");
    check.kernel.sleep_uninterruptibly(main, Instant::from_nanos(9_000_000));
    check.kernel.freeze_cgroup(id, true).expect("it exists");
    assert!(!check.kernel.cgroup_is_frozen(id));
    assert!(check.pass(50).kernel.cgroup_is_frozen(id) && check.alive("w/main"));
    check.kernel.freeze_cgroup(id, false).expect("it exists");
    assert_eq!(check.settle().status("w/main"), exited(3));
}

/// SEMANTICS C29, rmdir(2). Probed.
#[test]
fn a_group_is_removed_when_nobody_lives_in_it_and_zombies_do_not_count() {
    let (mut check, id) = unit("hang");
    let below = check.kernel.create_cgroup(id).expect("it exists");
    assert_eq!(check.kernel.remove_cgroup(id), Err(Errno::EBUSY), "a member and a group");
    check.kill("w/main", Signal::KILL);
    assert_eq!(check.kernel.remove_cgroup(id), Err(Errno::EBUSY), "a group");
    assert_eq!(check.kernel.remove_cgroup(below), Ok(()));
    assert_eq!(check.kernel.remove_cgroup(id), Ok(()), "its zombie does not count");
    let main = check.find("w/main");
    assert_eq!((check.kernel.cgroup_of(main), check.kernel.reap(U)), (id, signalled(Signal::KILL)));
    let gone = Err(Errno::ENOENT);
    assert_eq!([check.kernel.remove_cgroup(id), check.kernel.kill_cgroup(id)], [gone, gone]);
    assert_eq!([check.kernel.freeze_cgroup(id, true), check.kernel.move_to_cgroup(HOST, id)], [gone, gone]);
    assert_eq!(check.kernel.create_cgroup(id), Err(Errno::ENOENT));
    assert_eq!(check.kernel.move_to_cgroup(main, CgroupId::ROOT), Err(Errno::ESRCH));
    assert_eq!(check.kernel.kill_cgroup(CgroupId::ROOT), gone, "the root has no such file");
    assert_eq!(check.kernel.remove_cgroup(CgroupId::ROOT), Err(Errno::EBUSY));
}

/// A wait for the end of a scope ends with the last member of the group, also with one that leaves it or came from elsewhere.
#[test]
fn a_scope_is_empty_when_its_group_is() {
    for stranger in [false, true] {
        let (mut check, id) = unit("spawn a { setsid; sleep 5ms }; exit 0");
        check.spawn(UnitId(1), Scope::Group, "hang").expect("there is room");
        check.settle().kernel.watch(OpId(1), U, super::super::What::Empty);
        let other = check.find("v/main");
        if stranger {
            check.kernel.move_to_cgroup(other, id).expect("both exist");
        }
        check.pass(9);
        assert_eq!((check.done.len(), check.kernel.scope_is_empty(U)), (usize::from(!stranger), !stranger));
        check.kernel.move_to_cgroup(other, CgroupId::ROOT).expect("it lives");
        assert_eq!((check.settle().done.len(), check.kernel.scope_is_empty(U)), (1, true));
    }
}
