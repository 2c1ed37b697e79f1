//! The claims, one a function.

use crate::rig::{DOOMED, LEAVER, Rig, Started};
use shakedown_core::ids::Pid;
use shakedown_core::puppet::parse;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{
    Completion, Errno, ExitStatus, ProcessSpec, ProcessWhat, Request, Scope, SpawnFailure, Stream, Target,
};
use shakedown_core::world::World;
use shakedown_real::namespace::{INSIDE_VARIABLE, LEFT_BEHIND, leftovers};
use std::future::Future;
use std::pin::Pin;

pub type Case = fn() -> Pin<Box<dyn Future<Output = ()>>>;

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        pub const ALL: &[(&str, $crate::cases::Case)] = &[$((stringify!($name), || Box::pin($name()))),*];
    };
}
pub(crate) use cases;

cases! {
    a_leaked_process_is_found,
    a_leaked_process_is_found_though_its_first_thread_has_ended,
    a_failed_exec_leaves_nobody,
    input_arrives_and_ends,
    a_writer_that_is_blocked_hears_signals,
    a_signal_that_comes_within_a_handler_acts_when_that_returns,
    ends_are_the_kernels_word,
    children_start_clean,
    an_attached_child_dies_with_its_parent,
    the_end_of_a_namespace_tells_who_was_left_behind,
    an_abandoned_unit_is_reported_and_killed,
    a_withdrawn_wait_is_never_answered,
    two_hundred_quick_cycles_leave_nobody,
    numbers_are_refused,
}

pub const KILLED: ExitStatus = ExitStatus::Signalled { signal: Signal::KILL, core: false };
pub const TERMED: ExitStatus = ExitStatus::Signalled { signal: Signal::TERM, core: false };

async fn a_leaked_process_is_found() {
    let mut rig = Rig::new();
    let run = rig.world.run_name().to_owned();
    let Started { unit, pid } = rig.puppet(Scope::Tree, "spawn lost { setsid; print ready; hang }; exit 0").await;
    rig.exit(unit).await;
    let lost = rig.saw("p/lost", ProcessWhat::Started).await;
    let found = leftovers(&run).unwrap();
    assert_eq!(found.iter().map(|(pid, _)| pid.as_raw()).collect::<Vec<_>>(), [lost.pid], "leader {pid}: {found:?}");
    assert!(found[0].1.contains("shakedown-puppet"), "{found:?}");
    rig.finish(unit).await;
    assert_eq!(leftovers(&run), Ok(Vec::new()));
    rig.saw("p/lost", ProcessWhat::Exited(KILLED)).await;
}

async fn a_failed_exec_leaves_nobody() {
    let mut rig = Rig::new();
    let script = std::env::temp_dir().join(format!("shakedown-no-shebang-{}", std::process::id()));
    std::fs::write(&script, "no program\n").unwrap();
    let name = script.to_str().unwrap();
    let mut permissions = std::fs::metadata(&script).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    std::fs::set_permissions(&script, permissions).unwrap();
    for (argv, dir, errno) in [
        ("/no/such/program", None, Errno::ENOENT),
        ("shakedown-no-such-program", None, Errno::ENOENT),
        ("/tmp", None, Errno::EACCES),
        (name, None, Errno::ENOEXEC),
        ("true", Some("/no/such/dir"), Errno::ENOENT),
    ] {
        let mut spec = ProcessSpec::command("c", &[argv], None).env("PATH", "/usr/bin:/bin");
        spec.dir = dir.map(Into::into);
        let (_, result) = rig.try_start(spec).await;
        assert_eq!(result, Err(SpawnFailure { errno, at_exec: true }), "{argv}");
    }
    let held = std::fs::OpenOptions::new().append(true).open(&script).unwrap();
    let (_, result) = rig.try_start(ProcessSpec::command("c", &[name], None)).await;
    assert_eq!(result, Err(SpawnFailure { errno: Errno::ETXTBSY, at_exec: true }), "retried, then told");
    drop(held);
    std::fs::remove_file(&script).unwrap();
    let (_, result) = rig.try_start(ProcessSpec::command("c", &["true"], None).scope(Scope::Cgroup)).await;
    assert_eq!(result, Err(SpawnFailure { errno: Errno::ENOSYS, at_exec: false }));
    assert_eq!(shakedown_real::procfs::own_children(), Ok(Vec::new()), "no child, not even a zombie");
    assert!(rig.seen.is_empty());
}

async fn input_arrives_and_ends() {
    let mut rig = Rig::new();
    let Started { unit, .. } = rig.puppet(Scope::Group, "print ready; read line; print got; read eof; exit 4").await;
    let op = rig.submit(unit, Request::Write(b"hello\n".as_slice().into()));
    assert_eq!(rig.answer(op).await, Completion::Written(6));
    assert_eq!(rig.read_until(unit, b"got\n").await, b"got\n");
    let big = rig.submit(unit, Request::Write(vec![b'x'; 1_000_000].into()));
    assert_eq!(rig.answer(big).await, Completion::Written(1_000_000));
    rig.submit(unit, Request::CloseInput);
    assert_eq!(rig.exit(unit).await.status, ExitStatus::Exited(4));
    let late = rig.submit(unit, Request::Write(b"late".as_slice().into()));
    assert_eq!(rig.answer(late).await, Completion::Written(0));
    rig.finish(unit).await;
}

async fn a_writer_that_is_blocked_hears_signals() {
    let mut rig = Rig::new();
    let script = "on USR1 { eprint heard }; on TERM exit 5; print ready; write 1000000; exit 9";
    let Started { unit, .. } = rig.puppet(Scope::Group, script).await;
    // Once there is anything to read, the first write has filled the pipe: it is one call.
    let full = rig.submit(unit, Request::Readable(Stream::Stdout.into()));
    assert_eq!(rig.answer(full).await, Completion::Readable(Stream::Stdout.into()));
    rig.signal(unit, Target::Leader, Signal::USR1);
    rig.saw("p/main", ProcessWhat::Signalled(Signal::USR1)).await;
    rig.signal(unit, Target::Leader, Signal::TERM);
    assert_eq!(rig.exit(unit).await.status, ExitStatus::Exited(5));
    let written = rig.read_until(unit, b"").await;
    assert!((60_000..=65_536).contains(&written.len()), "a full pipe: {}", written.len());
    rig.finish(unit).await;
}

/// sigreturn(2): before anything that the handler has interrupted goes on.
async fn a_signal_that_comes_within_a_handler_acts_when_that_returns() {
    let mut rig = Rig::new();
    let script = "on USR1 { print told }; on TERM exit 5; write 70000; exit 9";
    let Started { unit, .. } = rig.script(script).await;
    let full = rig.submit(unit, Request::Readable(Stream::Stdout.into()));
    assert_eq!(rig.answer(full).await, Completion::Readable(Stream::Stdout.into()));
    rig.signal(unit, Target::Leader, Signal::USR1);
    rig.saw("p/main", ProcessWhat::Signalled(Signal::USR1)).await;
    // Its handler waits for room.
    rig.signal(unit, Target::Leader, Signal::TERM);
    let written = rig.rest(unit).await;
    assert!(written.ends_with("told\n"), "{} bytes, and then the handler's: …{}", written.len(), &written[65_530..]);
    assert_eq!(rig.exit(unit).await.status, ExitStatus::Exited(5));
    rig.finish(unit).await;
}

async fn ends_are_the_kernels_word() {
    let mut rig = Rig::new();
    let script =
        "spawn a { die SEGV }; spawn b { exit 255 }; spawn c { exit 1 }; wait a; wait all; print ready; die ABRT";
    let Started { unit, .. } = rig.puppet(Scope::Group, script).await;
    let aborted = ExitStatus::Signalled { signal: Signal::ABRT, core: false };
    let faulted = ExitStatus::Signalled { signal: Signal::SEGV, core: false };
    assert_eq!(rig.exit(unit).await.status, aborted);
    rig.saw("p/a", ProcessWhat::Exited(faulted)).await;
    rig.saw("p/b", ProcessWhat::Exited(ExitStatus::Exited(255))).await;
    rig.saw("p/c", ProcessWhat::Exited(ExitStatus::Exited(1))).await;
    rig.finish(unit).await;
    for name in ["p/main", "p/a", "p/b", "p/c"] {
        assert_eq!(rig.ends(name).len(), 1, "{name}");
        assert_eq!(rig.seen.iter().filter(|e| &*e.name == name && e.what == ProcessWhat::Started).count(), 1, "{name}");
    }
}

async fn children_start_clean() {
    use nix::sys::signal::{SigHandler, SigSet, Signal as NixSignal, signal};
    SigSet::from_iter([NixSignal::SIGTERM, NixSignal::SIGUSR2]).thread_block().unwrap();
    // SAFETY: no handler is installed, only SIG_IGN.
    unsafe { signal(NixSignal::SIGINT, SigHandler::SigIgn) }.unwrap();
    // A descriptor that somebody forgot to close on exec.
    let leaky = nix::unistd::dup(std::io::stdin()).unwrap();
    let mut rig = Rig::new();
    let spec = ProcessSpec::command(
        "c",
        &["sh", "-c", "cat /proc/self/status; ls -l /proc/self/fd; cut -d' ' -f4-6 /proc/self/stat; env"],
        None,
    );
    let Started { unit, pid } = rig.start(spec.env("COLOUR", "blue").scope(Scope::PosixSession)).await;
    let text = String::from_utf8(rig.read_until(unit, b"").await).unwrap();
    let line = |key: &str| text.lines().find_map(|l| l.strip_prefix(key)).map(str::trim);
    assert_eq!((line("SigBlk:"), line("SigIgn:")), (Some("0000000000000000"), Some("0000000000000000")), "{text}");
    let pipes = text.lines().filter(|l| l.contains("-> pipe:")).count();
    assert_eq!(pipes, 3, "{text}");
    assert!(!text.contains(&format!(" {} ->", std::os::fd::AsRawFd::as_raw_fd(&leaky))), "{text}");
    assert!(text.contains(&format!("\n{pid} {pid} {pid}\n")) || text.contains(&format!(" {pid} {pid}\n")), "{text}");
    assert!(
        text.contains("COLOUR=blue") && text.contains("SHAKEDOWN_RUN=") && text.contains("SHAKEDOWN_UNIT="),
        "{text}"
    );
    rig.finish(unit).await;
    drop(leaky);
}

async fn a_leaked_process_is_found_though_its_first_thread_has_ended() {
    let mut rig = Rig::new();
    let run = rig.world.run_name().to_owned();
    let Started { unit, pid } = rig.puppet(Scope::Group, "thread { print ready; hang }; leader-exit").await;
    rig.in_state(pid, b"Z").await;
    let found = leftovers(&run).unwrap();
    assert_eq!(found.iter().map(|(pid, _)| *pid).collect::<Vec<_>>(), [pid], "{found:?}");
    rig.finish(unit).await;
}

async fn an_attached_child_dies_with_its_parent() {
    let mut rig = Rig::new();
    let own = std::env::current_exe().unwrap();
    let spec = ProcessSpec::command("parent", &[own.to_str().unwrap()], None).env(DOOMED, "1").scope(Scope::Process);
    let Started { unit, .. } = rig.start(spec).await;
    let said = String::from_utf8(rig.read_until(unit, b"\n").await).unwrap();
    let child = said.trim().strip_prefix("child ").and_then(|n| n.parse().ok()).and_then(Pid::new).unwrap();
    assert!(shakedown_real::procfs::stat(child).is_some_and(|s| s.is_alive()));
    rig.signal(unit, Target::Leader, Signal::KILL);
    assert_eq!(rig.exit(unit).await.status, KILLED);
    rig.vanished(child, true).await;
    rig.finish(unit).await;
}

async fn the_end_of_a_namespace_tells_who_was_left_behind() {
    let mut rig = Rig::new();
    let own = std::env::current_exe().unwrap();
    let spec = ProcessSpec::command("leaver", &[own.to_str().unwrap()], None).env(LEAVER, "1").env(INSIDE_VARIABLE, "");
    let Started { unit, .. } = rig.start(spec).await;
    let notice = rig.exit(unit).await;
    assert_eq!((notice.status, notice.others), (ExitStatus::Exited(LEFT_BEHIND as u8), Some(false)));
    let mut said = Vec::new();
    rig.world.try_read(unit, Stream::Stderr, &mut said, 65_536);
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("left behind in run") && said.contains("shakedown-puppet p"), "{said}");
    rig.finish(unit).await;
}

async fn an_abandoned_unit_is_reported_and_killed() {
    let mut rig = Rig::new();
    let Started { unit, .. } = rig.puppet(Scope::Tree, "spawn helper { setsid; print ready; hang }; hang").await;
    rig.world.abandoned(unit, Some("careless"));
    rig.saw("p/main", ProcessWhat::Exited(KILLED)).await;
    rig.saw("p/helper", ProcessWhat::Exited(KILLED)).await;
    let findings = rig.world.take_findings();
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert!(findings.iter().all(|f| f.contains("no-orphan") && f.contains("careless")), "{findings:?}");
}

async fn a_withdrawn_wait_is_never_answered() {
    let mut rig = Rig::new();
    let Started { unit, .. } = rig.puppet(Scope::Group, "print ready; hang").await;
    let withdrawn = rig.submit(unit, Request::Exit);
    let readable = rig.submit(unit, Request::Readable(Stream::Stdout.into()));
    tokio::task::yield_now().await;
    rig.world.withdraw(withdrawn, unit);
    rig.world.withdraw(readable, unit);
    rig.signal(unit, Target::Scope, Signal::KILL);
    assert_eq!(rig.exit(unit).await.status, KILLED);
    rig.finish(unit).await;
    rig.take();
    assert!(!rig.is_answered(withdrawn) && !rig.is_answered(readable));
}

async fn two_hundred_quick_cycles_leave_nobody() {
    let mut rig = Rig::new();
    let script = parse("spawn helper { setsid; hang }; hang").unwrap();
    for _ in 0..200 {
        let Started { unit, .. } = rig.start(ProcessSpec::puppet("p", script.clone()).scope(Scope::Tree)).await;
        rig.finish(unit).await;
    }
    let run = rig.world.run_name().to_owned();
    assert_eq!(leftovers(&run), Ok(Vec::new()));
    let findings = rig.world.take_findings();
    assert!(findings.is_empty(), "{findings:?}");
}

async fn numbers_are_refused() {
    let mut rig = Rig::new();
    for number in [-1, 0, 1, std::process::id() as i32] {
        assert_eq!(rig.world.kill(number, Signal::CONT), Err(Errno::ENOSYS));
    }
}
