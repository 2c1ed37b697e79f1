//! Who belongs to a unit: each scope reaches exactly its own, and every end is told.

use crate::cases::{KILLED, TERMED, cases};
use crate::rig::{Rig, Started};
use shakedown_core::ids::Pid;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Completion, Errno, ExitStatus, ProcessWhat, Request, Scope, Target};
use shakedown_real::pidfd::Pidfd;
use shakedown_real::procfs::stat;
use std::time::Duration;

cases! {
    term_reaches_a_group_and_its_handlers,
    kill_of_a_group_takes_the_helper_too,
    an_old_kernels_way_to_a_group_ends_with_the_reaping,
    whoever_has_died_is_told_of_before_the_scope_is_called_empty,
    a_process_scope_leaves_the_helper_alone,
    an_exit_tells_of_a_helper_that_holds_the_output,
    an_escapee_is_missed_by_its_group_and_taken_by_the_tree,
    an_escapee_whose_parents_are_gone_is_taken_by_the_tree,
    a_posix_session_is_killed_across_its_groups,
    a_daemon_comes_to_us_and_is_reaped,
    a_scope_is_still_known_once_its_leader_is_reaped,
    a_signal_that_is_refused_is_found_and_one_that_comes_too_late_is_not,
}

async fn term_reaches_a_group_and_its_handlers() {
    let mut rig = Rig::new();
    let script = "on TERM exit 3 after 5ms; spawn helper { on TERM { print bye; exit 4 }; print ready; hang }; hang";
    let Started { unit, .. } = rig.puppet(Scope::Group, script).await;
    rig.saw("p/main", ProcessWhat::Installed(Signal::TERM)).await;
    rig.signal(unit, Target::Scope, Signal::TERM);
    assert_eq!(rig.exit(unit).await.status, ExitStatus::Exited(3));
    rig.saw("p/main", ProcessWhat::Signalled(Signal::TERM)).await;
    rig.saw("p/helper", ProcessWhat::Signalled(Signal::TERM)).await;
    rig.saw("p/helper", ProcessWhat::Exited(ExitStatus::Exited(4))).await;
    assert_eq!(rig.read_until(unit, b"").await, b"bye\n");
    rig.finish(unit).await;
    assert_eq!(rig.ends("p/main"), [ExitStatus::Exited(3)]);
    assert_eq!(rig.ends("p/helper"), [ExitStatus::Exited(4)]);
}

async fn kill_of_a_group_takes_the_helper_too() {
    let mut rig = Rig::new();
    let script = "on TERM ignore; spawn helper { print ready; hang }; hang";
    let Started { unit, .. } = rig.puppet(Scope::Group, script).await;
    rig.signal(unit, Target::Scope, Signal::TERM);
    rig.signal(unit, Target::Leader, Signal::KILL);
    let notice = rig.exit(unit).await;
    assert_eq!((notice.status, notice.others, notice.writers), (KILLED, Some(true), Some(true)));
    rig.finish(unit).await;
    rig.saw("p/helper", ProcessWhat::Exited(KILLED)).await;
    assert_eq!(rig.ends("p/main"), [KILLED]);
}

async fn an_old_kernels_way_to_a_group_ends_with_the_reaping() {
    let mut rig = Rig::new();
    let Started { unit, pid } = rig.puppet(Scope::Group, "spawn helper { print ready; hang }; hang").await;
    let leader = Pidfd::open(pid).unwrap();
    leader.send_group_by_number(Signal::KILL).unwrap();
    assert_eq!(rig.exit(unit).await.status, KILLED);
    rig.saw("p/helper", ProcessWhat::Exited(KILLED)).await;
    rig.finish(unit).await;
    assert_eq!(leader.send_group_by_number(Signal::KILL), Err(Errno::ESRCH));
    assert_eq!(leader.send_group(Signal::KILL), Err(Errno::ESRCH));
}

async fn whoever_has_died_is_told_of_before_the_scope_is_called_empty() {
    let mut rig = Rig::new();
    let script =
        "spawn near { close stdout; hang }; spawn far { setsid; close stdout; hang }; sleep 5ms; print ready; hang";
    let Started { unit, pid } = rig.puppet(Scope::Tree, script).await;
    rig.signal(unit, Target::Leader, Signal::KILL);
    assert_eq!(rig.exit(unit).await.others, Some(true));
    let (members, _) = rig.survey(unit).await;
    let others: Vec<Pid> = members.iter().filter_map(|m| Pid::new(m.pid)).filter(|other| *other != pid).collect();
    assert_eq!(others.len(), 2);
    // The leader's own SIGCHLD is over and done with.
    tokio::time::sleep(Duration::from_millis(5)).await;
    for other in &others {
        Pidfd::open(*other).unwrap().send(Signal::KILL).unwrap();
    }
    // Until both are over, so that the runtime learns of nothing before we ask.
    while others.iter().any(|other| stat(*other).is_some_and(|s| s.is_alive())) {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(rig.exit(unit).await.others, Some(false));
    assert_eq!((rig.ends("p/near"), rig.ends("p/far")), (vec![KILLED], vec![KILLED]));
    rig.finish(unit).await;
}

async fn a_process_scope_leaves_the_helper_alone() {
    let mut rig = Rig::new();
    let Started { unit, .. } = rig.puppet(Scope::Process, "spawn helper { print ready; hang }; hang").await;
    rig.signal(unit, Target::Scope, Signal::KILL);
    let notice = rig.exit(unit).await;
    assert_eq!((notice.status, notice.others, notice.writers), (KILLED, Some(false), Some(true)));
    let (members, holders) = rig.survey(unit).await;
    assert!(members.is_empty());
    assert_eq!(holders.iter().map(|h| &*h.name).collect::<Vec<_>>(), ["p/helper"]);
    let helper = Pid::new(holders[0].pid).unwrap();
    Pidfd::open(helper).unwrap().send(Signal::KILL).unwrap();
    rig.saw("p/helper", ProcessWhat::Exited(KILLED)).await;
    rig.finish(unit).await;
}

async fn an_exit_tells_of_a_helper_that_holds_the_output() {
    let mut rig = Rig::new();
    let Started { unit, .. } = rig.puppet(Scope::Group, "spawn helper { print ready; hang }; exit 0").await;
    let notice = rig.exit(unit).await;
    assert_eq!((notice.status, notice.others, notice.writers), (ExitStatus::Exited(0), Some(true), Some(true)));
    let (members, _) = rig.survey(unit).await;
    assert_eq!(members.iter().map(|m| &*m.name).collect::<Vec<_>>(), ["p/helper"]);
    rig.signal(unit, Target::Scope, Signal::TERM);
    let op = rig.submit(unit, Request::Empty);
    assert_eq!(rig.answer(op).await, Completion::Empty);
    assert_eq!(rig.read_until(unit, b"").await, b"");
    rig.saw("p/helper", ProcessWhat::Exited(TERMED)).await;
    let Started { unit: alone, .. } = rig.puppet(Scope::Group, "print ready; exit 7").await;
    let notice = rig.exit(alone).await;
    assert_eq!((notice.status, notice.others, notice.writers), (ExitStatus::Exited(7), Some(false), Some(false)));
    rig.finish(alone).await;
    rig.forget(unit);
}

async fn an_escapee_is_missed_by_its_group_and_taken_by_the_tree() {
    for (scope, is_taken) in [(Scope::Group, false), (Scope::Tree, true)] {
        let mut rig = Rig::new();
        let script = "spawn escapee { on TERM ignore; setsid; spawn deeper { print ready; hang }; hang }; hang";
        let Started { unit, .. } = rig.puppet(scope, script).await;
        let escapee = rig.saw("p/escapee", ProcessWhat::Started).await;
        rig.finish(unit).await;
        if !is_taken {
            let pidfd = Pidfd::open(Pid::new(escapee.pid).unwrap()).unwrap();
            let deeper = rig.saw("p/deeper", ProcessWhat::Started).await;
            Pidfd::open(Pid::new(deeper.pid).unwrap()).unwrap().send(Signal::KILL).unwrap();
            pidfd.send(Signal::KILL).unwrap();
        }
        rig.saw("p/escapee", ProcessWhat::Exited(KILLED)).await;
        rig.saw("p/deeper", ProcessWhat::Exited(KILLED)).await;
    }
}

async fn an_escapee_whose_parents_are_gone_is_taken_by_the_tree() {
    let mut rig = Rig::new();
    let script =
        "spawn a { setsid; spawn b { setsid; spawn c { print ready; hang }; exit 0 }; exit 0 }; wait a; exit 1";
    let Started { unit, .. } = rig.puppet(Scope::Tree, script).await;
    assert_eq!(rig.exit(unit).await.others, Some(true));
    rig.saw("p/b", ProcessWhat::Exited(ExitStatus::Exited(0))).await;
    rig.finish(unit).await;
    rig.saw("p/c", ProcessWhat::Exited(KILLED)).await;
    assert_eq!(rig.ends("p/a"), [ExitStatus::Exited(0)]);
}

async fn a_posix_session_is_killed_across_its_groups() {
    let mut rig = Rig::new();
    let script = "spawn other { setpgid; print ready; hang }; hang";
    let Started { unit, .. } = rig.puppet(Scope::PosixSession, script).await;
    rig.signal(unit, Target::Scope, Signal::TERM);
    assert_eq!(rig.exit(unit).await.status, TERMED);
    rig.saw("p/other", ProcessWhat::Exited(TERMED)).await;
    rig.finish(unit).await;
}

async fn a_daemon_comes_to_us_and_is_reaped() {
    let mut rig = Rig::new();
    let script = "daemonize { print ready; read eof; exit 6 }; hang";
    let Started { unit, .. } = rig.puppet(Scope::Tree, script).await;
    let daemon = rig.saw("p/daemon", ProcessWhat::Started).await;
    rig.submit(unit, Request::CloseInput);
    rig.saw("p/daemon", ProcessWhat::Exited(ExitStatus::Exited(6))).await;
    // Its parent is gone, so its zombie is ours, and SIGCHLD brings us to it: nothing has to be asked for.
    let pid = Pid::new(daemon.pid).unwrap();
    rig.vanished(pid, false).await;
    let (members, _) = rig.survey(unit).await;
    assert_eq!(members.iter().map(|m| &*m.name).collect::<Vec<_>>(), ["p/main"]);
    rig.finish(unit).await;
}

async fn a_scope_is_still_known_once_its_leader_is_reaped() {
    for scope in [Scope::Group, Scope::Tree, Scope::PosixSession] {
        let mut rig = Rig::new();
        let Started { unit, .. } = rig.puppet(scope, "spawn helper { print ready; hang }; exit 0").await;
        rig.exit(unit).await;
        rig.submit(unit, Request::Reap);
        let (members, _) = rig.survey(unit).await;
        assert_eq!(members.iter().map(|m| &*m.name).collect::<Vec<_>>(), ["p/helper"], "{scope:?}");
        rig.finish(unit).await;
        rig.saw("p/helper", ProcessWhat::Exited(KILLED)).await;
        let failed = rig.signal(unit, Target::Scope, Signal::KILL);
        assert_eq!(rig.answer(failed).await, Completion::SignalFailed(Errno::ESRCH), "{scope:?}");
    }
}

/// kill(2): who has become somebody else altogether, as `sudo` does, is not to be signalled by us any more. Here it is we who do; where
/// there is nobody else to be, as in a user namespace of one user, this is said and counted as such.
async fn a_signal_that_is_refused_is_found_and_one_that_comes_too_late_is_not() {
    let mut rig = Rig::new();
    let Started { unit, pid } = rig.puppet(Scope::Group, "spawn helper { print ready; hang }; hang").await;
    for to in [Target::Leader, Target::Scope] {
        let op = match as_nobody(|| rig.submit(unit, Request::Signal { to, signal: Signal::TERM })) {
            Ok(op) => op,
            Err(error) => {
                println!("skipped: a_signal_that_is_refused_is_found: we cannot become somebody else here: {error}");
                return rig.finish(unit).await;
            }
        };
        assert_eq!(rig.answer(op).await, Completion::SignalFailed(Errno::EPERM), "{to:?}");
    }
    let found = format!("p ({pid}) was not sent TERM: EPERM ({}) (2 times)", Errno::EPERM.explain());
    assert_eq!(rig.world.take_findings(), [found]);
    rig.signal(unit, Target::Leader, Signal::TERM);
    assert_eq!(rig.exit(unit).await.status, TERMED);
    // The helper keeps the unit; its leader is reaped.
    rig.submit(unit, Request::Reap);
    rig.survey(unit).await;
    let late = rig.signal(unit, Target::Leader, Signal::TERM);
    assert_eq!(rig.answer(late).await, Completion::SignalFailed(Errno::ESRCH));
    assert_eq!(rig.world.take_findings(), Vec::<String>::new());
    rig.finish(unit).await;
}

/// Does something as user 65534, and is who it was again. Credentials are a thread's own (credentials(7)): none but this one changes.
fn as_nobody<T>(act: impl FnOnce() -> T) -> std::io::Result<T> {
    let become_user = |effective: libc::uid_t| {
        let saved: libc::uid_t = 0;
        // SAFETY: setresuid(2) takes three numbers and touches no memory. The system call and not the function of the C library, which
        // would change all threads.
        let answer = unsafe { libc::syscall(libc::SYS_setresuid, effective, effective, saved) };
        if answer == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
    };
    become_user(65_534)?;
    let done = act();
    become_user(0).expect("whoever was root is so again");
    Ok(done)
}
