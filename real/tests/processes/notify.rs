//! Readiness that a unit tells itself: who is heard on which channel, who is not, and that nothing of it is left.

use crate::cases::cases;
use crate::rig::{Rig, Started};
use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};
use shakedown_core::ids::{OpId, UnitId};
use shakedown_core::puppet::parse;
use shakedown_core::vocab::{Channel, Completion, Launch, ProcessSpec, Request, Scope};
use shakedown_real::{procfs, puppet};
use std::io::IoSlice;
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

cases! {
    a_units_own_word_is_heard_on_its_channel,
    a_strangers_word_does_not_count,
    a_word_is_heard_of_whoever_is_known_though_it_is_gone,
    a_barrier_lets_its_sender_go_on,
    a_unit_that_talks_without_end_is_not_held_up,
    bytes_without_a_newline_are_no_word,
    nothing_is_left_of_a_channel,
    an_outer_notify_socket_is_not_for_our_workers,
}

/// What a worker's incarnation is told.
fn told(notify: Option<Channel>) -> Launch {
    Launch { resume: 7, notify, ..Launch::default() }
}

fn spec(script: &str) -> ProcessSpec {
    ProcessSpec::puppet("p", parse(script).unwrap_or_else(|errors| panic!("{errors:?}")))
}

async fn start(rig: &mut Rig, spec: ProcessSpec, channel: Channel) -> (Started, OpId) {
    let started = rig.start_told(spec, told(Some(channel))).await;
    let word = rig.submit(started.unit, Request::Notified(channel));
    (started, word)
}

/// The address in the environment of a unit's leader, without its `@`. A spawn is answered a moment before exec has laid that out.
async fn address(started: &Started) -> String {
    let laid_out = async {
        loop {
            match procfs::environment(started.pid, "NOTIFY_SOCKET").unwrap() {
                Some(address) => break address,
                None => tokio::task::yield_now().await,
            }
        }
    };
    let address = tokio::time::timeout(Duration::from_secs(10), laid_out).await.unwrap();
    address.strip_prefix('@').unwrap_or_else(|| panic!("{address} is abstract")).to_owned()
}

fn say(address: &str, text: &str) {
    let address = SocketAddr::from_abstract_name(address).unwrap();
    UnixDatagram::unbound().unwrap().send_to_addr(text.as_bytes(), &address).unwrap();
}

async fn a_units_own_word_is_heard_on_its_channel() {
    for (channel, scope, script) in [
        (Channel::Socket, Scope::Group, "notify ready; hang"),
        (Channel::Socket, Scope::Process, "spawn a { notify ready; exit 0 }; wait a; hang"),
        (Channel::Socket, Scope::Tree, "spawn a { spawn b { notify ready; hang }; hang }; hang"),
        (Channel::Socket, Scope::Tree, "spawn a { setsid; spawn b { notify ready; hang }; exit 0 }; hang"),
        (Channel::Socket, Scope::Group, "exec { notify ready; hang }"),
        (Channel::Socket, Scope::Group, "notify ready; exit 0"),
        (Channel::Newline(3), Scope::Group, "notify ready; hang"),
        (Channel::Newline(9), Scope::Group, "spawn a { exec { notify ready; hang } }; hang"),
        (Channel::Newline(255), Scope::Group, "notify ready; exit 0"),
    ] {
        let mut rig = Rig::new();
        let (Started { unit, .. }, word) = start(&mut rig, spec(script).scope(scope), channel).await;
        assert_eq!(rig.answer(word).await, Completion::Notified, "{channel:?} {script}");
        let again = rig.submit(unit, Request::Notified(channel));
        assert_eq!(rig.answer(again).await, Completion::Notified, "what was said is said");
        rig.finish(unit).await;
    }
}

async fn a_strangers_word_does_not_count() {
    let mut rig = Rig::new();
    let (started, word) = start(&mut rig, spec("read line; notify ready; hang"), Channel::Socket).await;
    let name = address(&started).await;
    // We ourselves, a unit beside it, and one that is gone and reaped before anybody has looked.
    say(&name, "READY=1");
    let beside = spec("notify ready; print said; hang").env("NOTIFY_SOCKET", &format!("@{name}"));
    let Started { unit: beside, .. } = rig.start(beside).await;
    rig.hear(beside, "said").await;
    let gone = std::process::Command::new(std::env::current_exe().unwrap())
        .env(puppet::SCRIPT_VARIABLE, "notify ready; exit 0")
        .env_remove(puppet::REPORT_VARIABLE)
        .env("NOTIFY_SOCKET", format!("@{name}"))
        .status();
    assert!(gone.unwrap().success());
    heard(&mut rig, started.unit).await;
    assert!(!rig.is_answered(word), "a stranger has spoken for the unit");
    rig.line(started.unit);
    assert_eq!(rig.answer(word).await, Completion::Notified);
    rig.finish(beside).await;
    rig.finish(started.unit).await;
}

/// Until what was said before has been heard: the runtime has gone round, and all that was readable is read.
async fn heard(rig: &mut Rig, unit: UnitId) {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    rig.survey(unit).await;
}

/// Its parent has reaped it before the word is heard; it has told of its birth before it spoke.
async fn a_word_is_heard_of_whoever_is_known_though_it_is_gone() {
    for script in [
        "spawn a { notify ready; exit 0 }; wait a; hang",
        "repeat 20 { spawn a { exit 0 }; wait a }; spawn b { notify ready; exit 0 }; wait b; hang",
    ] {
        let mut rig = Rig::new();
        let (Started { unit, .. }, word) = start(&mut rig, spec(script), Channel::Socket).await;
        assert_eq!(rig.answer(word).await, Completion::Notified, "{script}");
        rig.finish(unit).await;
    }
}

/// sd_notify_barrier(3): whoever closes the descriptor has heard all that came before. With it goes no readiness.
async fn a_barrier_lets_its_sender_go_on() {
    let mut rig = Rig::new();
    let (started, word) = start(&mut rig, spec("hang"), Channel::Socket).await;
    let (held, sent) = nix::unistd::pipe2(nix::fcntl::OFlag::O_NONBLOCK | nix::fcntl::OFlag::O_CLOEXEC).unwrap();
    let to = UnixAddr::new_abstract(address(&started).await.as_bytes()).unwrap();
    let from = UnixDatagram::unbound().unwrap();
    let (text, fds) = ([IoSlice::new(b"BARRIER=1")], [sent.as_raw_fd()]);
    sendmsg(from.as_raw_fd(), &text, &[ControlMessage::ScmRights(&fds)], MsgFlags::empty(), Some(&to)).unwrap();
    drop(sent);
    heard(&mut rig, started.unit).await;
    // Were a copy still open, this would be EAGAIN.
    assert_eq!(nix::unistd::read(&held, &mut [0; 8]), Ok(0));
    assert!(!rig.is_answered(word));
    rig.finish(started.unit).await;
}

async fn a_unit_that_talks_without_end_is_not_held_up() {
    // Nobody asks, and more is said than the queue (net.unix.max_dgram_qlen) or the pipe holds.
    for (channel, times) in [(Channel::Socket, 5000), (Channel::Newline(3), 70_000)] {
        let mut rig = Rig::new();
        let script = format!("repeat {times} {{ notify ready }}; print done; hang");
        let started = rig.start_told(spec(&script), told(Some(channel))).await;
        rig.hear(started.unit, "done").await;
        rig.finish(started.unit).await;
    }
}

async fn bytes_without_a_newline_are_no_word() {
    let mut rig = Rig::new();
    for (command, is_word) in
        [("printf up >&4; exec 4>&-; read line", false), ("printf up >&4; printf 'and\\nready' >&4; read line", true)]
    {
        let spec = ProcessSpec::command("p", &["sh", "-c", command], None);
        let (Started { unit, .. }, word) = start(&mut rig, spec, Channel::Newline(4)).await;
        if is_word {
            assert_eq!(rig.answer(word).await, Completion::Notified);
        } else {
            rig.line(unit);
            rig.exit(unit).await;
            heard(&mut rig, unit).await;
            assert!(!rig.is_answered(word));
        }
        rig.finish(unit).await;
    }
}

async fn nothing_is_left_of_a_channel() {
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let mut rig = Rig::new();
    let round = async |rig: &mut Rig| {
        for channel in [Some(Channel::Socket), Some(Channel::Newline(3)), None] {
            let started = rig.start_told(spec("notify ready; print said; hang"), told(channel)).await;
            rig.hear(started.unit, "said").await;
            rig.finish(started.unit).await;
        }
        // It cannot be executed: all or nothing.
        let nobody = ProcessSpec::command("p", &["/nonexistent"], None);
        for channel in [Channel::Socket, Channel::Newline(3)] {
            assert!(rig.try_start_told(nobody.clone(), told(Some(channel))).await.1.is_err());
        }
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    };
    round(&mut rig).await;
    let before = open();
    round(&mut rig).await;
    assert_eq!(open(), before);
    // Without a probe there is no channel, and no descriptor of ours is in the child.
    let show = ProcessSpec::command("p", &["sh", "-c", "ls -l /proc/self/fd; echo =$NOTIFY_SOCKET="], None);
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    for (channel, pipes) in [(None, 3), (Some(Channel::Newline(3)), 4), (Some(Channel::Socket), 3)] {
        let Started { unit, .. } = rig.start_told(show.clone(), told(channel)).await;
        let text = rig.rest(unit).await;
        let count = |what: &str| text.matches(what).count();
        assert_eq!((count("-> pipe:"), count("-> socket:")), (pipes, 0), "{channel:?} {text}");
        assert_eq!(text.contains("==\n"), channel != Some(Channel::Socket), "{text}");
        rig.finish(unit).await;
    }
    drop(listener);
}

/// A child that took our own supervisor's socket for its own would tell that *we* are ready.
async fn an_outer_notify_socket_is_not_for_our_workers() {
    // SAFETY: of the threads of this program only the spawner lives, and it does not touch the environment.
    unsafe { std::env::set_var("NOTIFY_SOCKET", "@outer") };
    let mut rig = Rig::new();
    let show = ProcessSpec::command("p", &["sh", "-c", "echo =$NOTIFY_SOCKET="], None);
    for (spec, said) in [(show.clone(), "==\n"), (show.env("NOTIFY_SOCKET", "@meant"), "=@meant=\n")] {
        let Started { unit, .. } = rig.start_told(spec, told(None)).await;
        assert_eq!(rig.rest(unit).await, said);
        rig.finish(unit).await;
    }
    // SAFETY: as above.
    unsafe { std::env::remove_var("NOTIFY_SOCKET") };
}
