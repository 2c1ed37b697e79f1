//! The verbs of the puppet language, one claim a function: what the man pages say of each, from the real kernel.
// over 400 lines because each verb has its claims here, and a newcomer looks for them in one place.

use crate::cases::cases;
use crate::rig::{Rig, Started};
use shakedown_core::ids::Pid;
use shakedown_core::puppet::{PORT_TAKEN, port_taken};
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{ExitStatus, ProcessSpec, ProcessWhat, Request, Scope, Stream, Target};
use shakedown_core::world::World;
use shakedown_real::procfs::{environment, stat};
use shakedown_real::scope::RUN_VARIABLE;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

cases! {
    scripts_end_as_the_man_pages_say,
    a_blocked_signal_waits_over_fork_and_exec,
    any_thread_that_lets_a_signal_through_takes_it,
    a_signal_to_a_group_misses_no_child_born_meanwhile,
    a_kill_of_a_session_misses_nobody_whose_parent_ends_meanwhile,
    an_exec_keeps_pid_children_mask_and_what_is_ignored,
    an_exec_by_a_thread_takes_over_the_pid,
    a_signal_around_an_exec_meets_the_old_or_the_new,
    a_pipe_signal_is_as_the_script_said_after_an_exec,
    a_signal_is_neither_lost_nor_held_off_while_a_program_starts,
    a_zombie_leader_lives_until_its_last_thread,
    a_parents_end_is_its_threads_end,
    an_orphan_comes_to_the_subreaper,
    a_frozen_child_goes_on_when_continued,
    busy_uses_cpu_time_and_hears_signals,
    a_lock_is_held_by_whoever_has_a_copy,
    a_port_is_held_by_whoever_has_a_copy,
    readiness_is_told_to_the_notify_socket,
    a_child_killed_before_it_speaks_is_known,
    a_worlds_folder_is_private_and_goes_with_it,
    a_process_is_known_by_its_environment_throughout_an_exec,
}

const TERMED: ExitStatus = ExitStatus::Signalled { signal: Signal::TERM, core: false };
const KILLED: ExitStatus = ExitStatus::Signalled { signal: Signal::KILL, core: false };

/// What a script prints, and how it ends.
async fn scripts_end_as_the_man_pages_say() {
    let exited = ExitStatus::Exited;
    let by = |signal| ExitStatus::Signalled { signal, core: false };
    for (script, printed, status) in [
        ("thread { print a; exit 3 }; hang", "a\n", exited(3)),
        ("thread { sleep 5ms; print late }; leader-exit; print never", "late\n", exited(0)),
        ("thread { }; sleep 5ms; leader-exit", "", exited(0)),
        ("leader-exit; exit 4", "", exited(0)),
        ("thread { spawn c { exit 4 }; wait c; print reaped; exit 5 }; leader-exit", "reaped\n", exited(5)),
        ("spawn c { thread { sleep 1ms; exit 6 }; leader-exit }; wait c; exit 7", "", exited(7)),
        ("exec { print image }; print never", "image\n", exited(0)),
        ("close stdout; exec { print nothing; exit 3 }", "", exited(3)),
        ("block TERM; die TERM", "", by(Signal::TERM)),
        ("block USR1; on USR1 { print handled }; unblock USR1; exit 2", "", exited(2)),
        ("spawn c { block USR1; spawn d { exit 9 }; wait d; unblock USR1; exit 2 }; wait all; exit 0", "", exited(0)),
        ("on USR1 { print one; exit 8 }; thread { die USR1 }; hang", "", by(Signal::USR1)),
        ("touch f; touch f; lock f; exit 1", "", exited(1)),
        ("busy 2ms; print done", "done\n", exited(0)),
        ("notify ready; exit 1", "", exited(1)),
    ] {
        let mut rig = Rig::new();
        let Started { unit, pid } = rig.script(script).await;
        assert_eq!((rig.exit(unit).await.status, rig.rest(unit).await.as_str()), (status, printed), "{script}");
        rig.finish(unit).await;
        assert_eq!((rig.starts("p/main"), rig.ends("p/main")), (1, vec![status]), "{script} ({pid})");
        assert_eq!(rig.world.take_findings(), Vec::<String>::new(), "{script}");
    }
}

async fn a_blocked_signal_waits_over_fork_and_exec() {
    let mut rig = Rig::new();
    let script = "block TERM; on USR1 { print usr1 }; block USR1; print ready; read line; \
        spawn c { on TERM { print child }; print forked; read line; unblock TERM; exit 4 }; wait c; \
        exec { print image; read line; unblock USR1; unblock TERM; hang }";
    let Started { unit, pid } = rig.puppet(Scope::Group, script).await;
    rig.signal(unit, Target::Leader, Signal::TERM);
    rig.line(unit);
    rig.hear(unit, "forked").await;
    // The child starts with nothing pending, and gets its own.
    rig.signal(unit, Target::Scope, Signal::TERM);
    rig.line(unit);
    rig.hear(unit, "child").await;
    rig.hear(unit, "image").await;
    assert_eq!(stat(pid).map(|s| s.is_alive()), Some(true));
    rig.line(unit);
    assert_eq!((rig.exit(unit).await.status, rig.rest(unit).await.as_str()), (TERMED, ""));
    rig.saw("p/c", ProcessWhat::Exited(ExitStatus::Exited(4))).await;
    rig.finish(unit).await;
}

async fn any_thread_that_lets_a_signal_through_takes_it() {
    let mut rig = Rig::new();
    let script = "on TERM { print took; exit 7 }; block TERM; thread { unblock TERM; print ready; hang }; hang";
    let Started { unit, .. } = rig.puppet(Scope::Group, script).await;
    rig.signal(unit, Target::Leader, Signal::TERM);
    assert_eq!((rig.exit(unit).await.status, rig.rest(unit).await.as_str()), (ExitStatus::Exited(7), "took\n"));
    rig.finish(unit).await;
    // Nobody lets it through: it waits for the first who does.
    let script = "on TERM exit 7; block TERM; thread { block USR1; print ready; read line; unblock TERM }; hang";
    let Started { unit, .. } = rig.puppet(Scope::Group, script).await;
    rig.signal(unit, Target::Leader, Signal::TERM);
    rig.line(unit);
    assert_eq!(rig.exit(unit).await.status, ExitStatus::Exited(7));
    rig.finish(unit).await;
}

/// SEMANTICS C1, ✔ probed on 6.18: with a signal pending no fork, and one that comes to the group during the fork is the child's,
/// too. A child born between the signal and its action would hang here for ever, as nobody signals it again. (Of one thread only:
/// while another has taken the signal and is about to act, a thread may fork.)
async fn a_signal_to_a_group_misses_no_child_born_meanwhile() {
    for script in [
        "on USR1 exit 5; print ready; repeat 2000 { spawn c { hang } }; hang",
        "on USR1 exit 5; print ready; repeat 2000 { spawn c { spawn d { hang }; hang } }; hang",
    ] {
        for round in 0..ROUNDS {
            let mut rig = Rig::new();
            let Started { unit, .. } = rig.puppet(Scope::Group, script).await;
            spin(Duration::from_micros(14 * round));
            rig.signal(unit, Target::Scope, Signal::USR1);
            let op = rig.submit(unit, Request::Empty);
            rig.answer(op).await;
            for name in ["p/main", "p/c", "p/d"] {
                let wrong = rig.ends(name).into_iter().find(|status| *status != ExitStatus::Exited(5));
                assert_eq!(wrong, None, "{name} in round {round} of {script}");
            }
            rig.finish(unit).await;
        }
    }
}

/// Each link forks the next and ends, so that nobody is alive for long, and somebody always.
async fn a_kill_of_a_session_misses_nobody_whose_parent_ends_meanwhile() {
    const LINKS: usize = 15;
    let chain = format!("print ready; {}hang{}", "spawn c { ".repeat(LINKS), " }".repeat(LINKS));
    for round in 0..ROUNDS {
        let mut rig = Rig::new();
        let Started { unit, .. } = rig.puppet(Scope::PosixSession, &chain).await;
        spin(Duration::from_micros(14 * round));
        let signal = rig.signal(unit, Target::Scope, Signal::KILL);
        let empty = rig.submit(unit, Request::Empty);
        rig.answer(empty).await;
        assert!(!rig.is_answered(signal), "round {round}: it reaches somebody");
        rig.finish(unit).await;
    }
}

async fn an_exec_keeps_pid_children_mask_and_what_is_ignored() {
    let mut rig = Rig::new();
    let script = "on USR1 { print never }; on USR2 ignore; block HUP; spawn c { read eof; exit 3 }; \
        exec { print ready; read line; kill c CONT; wait c; exec { print again; wait c; exit 6 } }";
    let Started { unit, pid } = rig.puppet(Scope::Group, script).await;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = |key: &str| u64::from_str_radix(status.lines().find_map(|l| l.strip_prefix(key)).unwrap().trim(), 16);
    let bit = |signal: Signal| 1 << (signal.number() - 1);
    assert_eq!(line("SigBlk:"), Ok(bit(Signal::HUP)), "{status}");
    assert_eq!((line("SigIgn:"), line("SigCgt:")), (Ok(bit(Signal::USR2)), Ok(0)), "{status}");
    rig.line(unit);
    rig.submit(unit, Request::CloseInput);
    rig.hear(unit, "again").await;
    assert_eq!(rig.exit(unit).await.status, ExitStatus::Exited(6));
    rig.saw("p/c", ProcessWhat::Exited(ExitStatus::Exited(3))).await;
    rig.finish(unit).await;
    assert_eq!((rig.starts("p/main"), rig.starts("p/c"), rig.ends("p/main").len()), (1, 1, 1));
}

async fn an_exec_by_a_thread_takes_over_the_pid() {
    for script in [
        "on TERM exit 1; thread { exec { print ready; read line; exit 6 } }; hang",
        "on TERM exit 1; thread { sleep 5ms; exec { print ready; read line; exit 6 } }; thread { hang }; leader-exit",
    ] {
        let mut rig = Rig::new();
        let Started { unit, pid } = rig.puppet(Scope::Tree, script).await;
        assert_eq!(stat(pid).map(|s| (s.threads, s.is_alive())), Some((1, true)), "{script}");
        rig.line(unit);
        assert_eq!(rig.exit(unit).await.status, ExitStatus::Exited(6), "{script}");
        rig.finish(unit).await;
        assert_eq!((rig.starts("p/main"), rig.ends("p/main").len()), (1, 1), "{script}");
    }
}

async fn a_signal_around_an_exec_meets_the_old_or_the_new() {
    let (mut old, mut new) = (0, 0);
    for round in 0..ROUNDS {
        let mut rig = Rig::new();
        let script = "on TERM exit 5; print ready; exec { on TERM exit 6; exec { on TERM exit 7; exec { hang } } }";
        let Started { unit, .. } = rig.puppet(Scope::Group, script).await;
        spin(Duration::from_micros(100 * round));
        rig.signal(unit, Target::Leader, Signal::TERM);
        match rig.exit(unit).await.status {
            ExitStatus::Exited(5..=7) => old += 1,
            TERMED => new += 1,
            other => panic!("{other:?} in round {round}"),
        }
        rig.finish(unit).await;
    }
    assert!(old + new == ROUNDS, "{old} old, {new} new");
}

async fn a_pipe_signal_is_as_the_script_said_after_an_exec() {
    let piped = ExitStatus::Signalled { signal: Signal::PIPE, core: false };
    for (script, status) in [
        ("on PIPE ignore; exec { print ready; read line; print lost; exit 4 }", ExitStatus::Exited(4)),
        ("exec { print ready; read line; print lost; exit 4 }", piped),
        ("block PIPE; exec { print ready; read line; print lost; unblock PIPE; exit 4 }", piped),
        ("block PIPE; print ready; read line; print lost; exec { unblock PIPE; exit 4 }", piped),
        ("block PIPE; print ready; read line; print lost; exec { exec { on PIPE exit 3; unblock PIPE; exit 4 } }", {
            ExitStatus::Exited(3)
        }),
    ] {
        let mut rig = Rig::new();
        let Started { unit, .. } = rig.puppet(Scope::Group, script).await;
        rig.submit(unit, Request::CloseOutput(Stream::Stdout));
        rig.line(unit);
        assert_eq!(rig.exit(unit).await.status, status, "{script}");
        rig.finish(unit).await;
    }
}

/// Not even PIPE, which the start-up of a Rust program ignores.
async fn a_signal_is_neither_lost_nor_held_off_while_a_program_starts() {
    for round in 0..ROUNDS {
        let mut rig = Rig::new();
        let script = "print ready; exec { exec { exec { exec { hang } } } }";
        let Started { unit, .. } = rig.puppet(Scope::Group, script).await;
        spin(Duration::from_micros(50 * round));
        rig.signal(unit, Target::Leader, Signal::PIPE);
        rig.signal(unit, Target::Leader, Signal::KILL);
        let by_the_first = ExitStatus::Signalled { signal: Signal::PIPE, core: false };
        assert_eq!(rig.exit(unit).await.status, by_the_first, "round {round}");
        rig.finish(unit).await;
    }
}

async fn a_zombie_leader_lives_until_its_last_thread() {
    let mut rig = Rig::new();
    let script = "thread { print ready; read line; print still; read line }; leader-exit";
    let Started { unit, pid } = rig.puppet(Scope::Tree, script).await;
    rig.in_state(pid, b"Z").await;
    let (members, holders) = rig.survey(unit).await;
    let names =
        |found: &[shakedown_core::vocab::Survivor]| found.iter().map(|s| s.name.to_string()).collect::<Vec<_>>();
    assert_eq!((names(&members), names(&holders)), (vec!["p/main".into()], vec!["p/main".into()]));
    let exit = rig.submit(unit, Request::Exit);
    rig.line(unit);
    rig.hear(unit, "still").await;
    rig.take();
    assert!(!rig.is_answered(exit), "a zombie leader is no exit");
    rig.line(unit);
    assert_eq!(rig.exit(unit).await.status, ExitStatus::Exited(0));
    rig.finish(unit).await;
    assert_eq!(rig.ends("p/main"), [ExitStatus::Exited(0)]);
    // KILL reaches it all the same.
    let Started { unit, pid } = rig.puppet(Scope::Group, "thread { print ready; hang }; leader-exit").await;
    rig.in_state(pid, b"Z").await;
    rig.signal(unit, Target::Leader, Signal::KILL);
    assert_eq!(rig.exit(unit).await.status, KILLED);
    rig.finish(unit).await;
}

/// SEMANTICS C24.
async fn a_parents_end_is_its_threads_end() {
    let mut rig = Rig::new();
    let script = "thread { spawn c { pdeathsig TERM; spawn d { hang }; print ready; hang }; read line }; hang";
    let Started { unit, pid } = rig.puppet(Scope::Group, script).await;
    rig.line(unit);
    rig.saw("p/c", ProcessWhat::Exited(TERMED)).await;
    let d = rig.saw("p/d", ProcessWhat::Started).await;
    assert!(stat(pid).is_some_and(|s| s.is_alive()), "the process lives");
    assert!(stat(Pid::new(d.pid).unwrap()).is_some_and(|s| s.is_alive()), "a fork has cleared it");
    rig.finish(unit).await;
}

async fn an_orphan_comes_to_the_subreaper() {
    let mut rig = Rig::new();
    let script = "subreaper; exec { spawn a { spawn b { print ready; read eof; exit 6 }; exit 0 }; wait all; exit 9 }";
    let Started { unit, pid } = rig.puppet(Scope::Group, script).await;
    let b = rig.saw("p/b", ProcessWhat::Started).await;
    rig.saw("p/a", ProcessWhat::Exited(ExitStatus::Exited(0))).await;
    assert_eq!(stat(Pid::new(b.pid).unwrap()).map(|s| s.ppid), Some(pid.as_raw()));
    rig.submit(unit, Request::CloseInput);
    assert_eq!(rig.exit(unit).await.status, ExitStatus::Exited(9));
    rig.finish(unit).await;
    assert_eq!(rig.ends("p/b"), [ExitStatus::Exited(6)]);
}

async fn a_frozen_child_goes_on_when_continued() {
    let mut rig = Rig::new();
    let script = "spawn c { on CONT { print woken }; print ready; freeze; exit 3 }; \
        read line; kill c TERM; kill c CONT; wait c; exit 4";
    let Started { unit, .. } = rig.puppet(Scope::Group, script).await;
    let c = rig.saw("p/c", ProcessWhat::Started).await;
    rig.in_state(Pid::new(c.pid).unwrap(), b"T").await;
    rig.line(unit);
    assert_eq!(rig.exit(unit).await.status, ExitStatus::Exited(4));
    rig.saw("p/c", ProcessWhat::Exited(TERMED)).await;
    rig.finish(unit).await;
}

async fn busy_uses_cpu_time_and_hears_signals() {
    let mut rig = Rig::new();
    let script = "on USR1 { print heard }; on TERM exit 5; print ready; busy 1h";
    let Started { unit, pid } = rig.puppet(Scope::Group, script).await;
    rig.signal(unit, Target::Leader, Signal::USR1);
    rig.hear(unit, "heard").await;
    rig.signal(unit, Target::Leader, Signal::STOP);
    rig.in_state(pid, b"T").await;
    rig.signal(unit, Target::Leader, Signal::CONT);
    rig.signal(unit, Target::Leader, Signal::TERM);
    assert_eq!(rig.exit(unit).await.status, ExitStatus::Exited(5));
    rig.finish(unit).await;
    let began = std::time::Instant::now();
    let Started { unit, .. } = rig.script("busy 30ms").await;
    assert_eq!(rig.exit(unit).await.status, ExitStatus::Exited(0));
    assert!(began.elapsed() >= Duration::from_millis(30));
    rig.finish(unit).await;
}

async fn a_lock_is_held_by_whoever_has_a_copy() {
    for holder in [
        "lock f; print ready; read line; exit 0",
        "lock f; exec { print ready; read line; exit 0 }",
        "lock f; spawn c { print ready; read line; exit 0 }; exit 0",
        "lock f; thread { print ready; read line }; leader-exit",
    ] {
        let mut rig = Rig::new();
        let Started { unit: holds, .. } = rig.puppet(Scope::Group, holder).await;
        let waiter = "on USR1 { print heard }; on TERM exit 5; print ready; lock f; print got; exit 0";
        let Started { unit: waits, .. } = rig.puppet(Scope::Group, waiter).await;
        let Started { unit: gives_up, .. } = rig.puppet(Scope::Group, waiter).await;
        for _ in 0..3 {
            rig.signal(waits, Target::Leader, Signal::USR1);
            rig.hear(waits, "heard").await;
        }
        rig.signal(gives_up, Target::Leader, Signal::TERM);
        assert_eq!(rig.exit(gives_up).await.status, ExitStatus::Exited(5), "{holder}");
        rig.line(holds);
        assert_eq!(rig.exit(waits).await.status, ExitStatus::Exited(0), "{holder}");
        assert_eq!(rig.rest(waits).await, "got\n", "{holder}");
        for unit in [holds, waits, gives_up] {
            rig.finish(unit).await;
        }
    }
}

async fn a_port_is_held_by_whoever_has_a_copy() {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    for keeper in ["spawn keeper { print ready; read eof; exit 0 }; exit 0", "exec { print ready; read eof; exit 0 }"] {
        let mut rig = Rig::new();
        let Started { unit: holds, .. } = rig.puppet(Scope::Group, &format!("listen {port}; {keeper}")).await;
        let Started { unit: comes_late, .. } = rig.script(&format!("listen {port}; exit 1")).await;
        assert_eq!(rig.exit(comes_late).await.status, ExitStatus::Exited(PORT_TAKEN));
        let mut said = Vec::new();
        rig.world.try_read(comes_late, Stream::Stderr, &mut said, 65_536);
        assert_eq!(String::from_utf8_lossy(&said), port_taken(port));
        rig.submit(holds, Request::CloseInput);
        assert_eq!(rig.rest(holds).await, "");
        rig.finish(holds).await;
        let Started { unit: comes_after, .. } = rig.script(&format!("listen {port}; exit 1")).await;
        assert_eq!(rig.exit(comes_after).await.status, ExitStatus::Exited(1), "{keeper}");
        rig.finish(comes_late).await;
        rig.finish(comes_after).await;
    }
}

async fn readiness_is_told_to_the_notify_socket() {
    let name = format!("shakedown-test-notify-{}", std::process::id());
    let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let mut rig = Rig::new();
    let script = shakedown_core::puppet::parse("exec { notify ready; exit 0 }").unwrap();
    let Started { unit, .. } =
        rig.start(ProcessSpec::puppet("p", script).env("NOTIFY_SOCKET", &format!("@{name}"))).await;
    assert_eq!(rig.exit(unit).await.status, ExitStatus::Exited(0));
    let mut said = [0; 64];
    socket.set_nonblocking(true).unwrap();
    assert_eq!(socket.recv(&mut said).map(|n| said[..n].to_vec()).unwrap(), b"READY=1");
    rig.finish(unit).await;
}

async fn a_child_killed_before_it_speaks_is_known() {
    let mut rig = Rig::new();
    let script = "repeat 300 { spawn c { exit 1 }; kill c KILL; wait c }; print ready; hang";
    let Started { unit, .. } = rig.puppet(Scope::Tree, script).await;
    rig.finish(unit).await;
    let ends = rig.ends("p/c");
    assert_eq!((rig.starts("p/c"), ends.len()), (300, 300));
    assert!(ends.iter().all(|status| [KILLED, ExitStatus::Exited(1)].contains(status)), "{ends:?}");
    assert_eq!(rig.world.take_findings(), Vec::<String>::new());
}

async fn a_worlds_folder_is_private_and_goes_with_it() {
    use std::os::unix::fs::PermissionsExt;
    let mut rig = Rig::new();
    let Started { unit, pid } = rig.puppet(Scope::Group, "touch a; lock b; print ready; hang").await;
    let folder = shakedown_real::procfs::environment(pid, shakedown_real::puppet::FOLDER_VARIABLE).unwrap().unwrap();
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|f| f.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["a", "b"]);
    // A link that somebody has put there leads nowhere.
    let aim = format!("{folder}/../shakedown-test-aim-{pid}");
    std::os::unix::fs::symlink(&aim, format!("{folder}/link")).unwrap();
    let Started { unit: fooled, .. } = rig.script("touch link; exit 0").await;
    assert_eq!(rig.exit(fooled).await.status, ExitStatus::Exited(shakedown_real::puppet::REFUSED as u8));
    assert!(!std::fs::exists(&aim).unwrap());
    rig.finish(fooled).await;
    rig.finish(unit).await;
    drop(rig);
    assert!(!std::fs::exists(&folder).unwrap());
}

/// Busy, so that the signal comes at a moment of our choice.
fn spin(time: Duration) {
    let until = std::time::Instant::now() + time;
    while std::time::Instant::now() < until {
        std::hint::spin_loop();
    }
}

/// How often a race is tried.
const ROUNDS: u64 = 100;

/// Whose unit or run a process is, is read there: one within an exec must not look like a stranger's.
async fn a_process_is_known_by_its_environment_throughout_an_exec() {
    let mut rig = Rig::new();
    for _ in 0..10 {
        let script = "print ready; exec { exec { exec { exec { exec { exec { hang } } } } } }";
        let Started { unit, pid } = rig.puppet(Scope::Group, script).await;
        for look in 0..1000 {
            let run = environment(pid, RUN_VARIABLE);
            assert!(matches!(run, Ok(Some(_))), "look {look}: {run:?}");
        }
        rig.finish(unit).await;
    }
}
