//! Sessions in the background, and what is asked of them from other terminals.

use crate::stage::{Stage, exists, pid_in, signal_to};
use crate::tests;
use shakedown::core::ids::Pid;
use shakedown::core::signal::Signal;
use shakedown::core::vocab::Launch;
use shakedown::real::procfs;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

tests! {
    a_session_is_started_listed_followed_restarted_and_stopped,
    a_second_start_of_a_name_is_refused_and_the_first_goes_on,
    a_session_that_was_killed_is_dead_and_its_name_is_free,
    a_session_that_was_killed_is_started_again_over_what_it_has_left,
    files_that_are_there_prove_nothing,
    a_client_that_sends_garbage_harms_nobody,
    a_follower_that_does_not_read_delays_no_stop_and_another_hears_every_event,
    one_more_worker_joins_with_its_environment_and_hears_what_is_sent,
    what_is_asked_wrongly_is_answered_with_a_hint,
    a_session_whose_worker_fails_is_said_to_have_failed,
}

const SHOP: &str = r#"schema = 1
name = "shop"
[workers.db]
puppet = "print accepting; on TERM exit 0; hang"
ready = { log = "accepting" }
[workers.api]
puppet = "on TERM exit 0 after 5ms; on USR1 print usr1; print up; repeat 9 { read line; print got }; hang"
after = { db = "ready" }
ready = { log = "up" }
tags = { project = "demo" }
"#;

fn shop(name: &str) -> (Stage, String) {
    let stage = Stage::new(name);
    let file = stage.file("shop.toml", SHOP);
    (stage, file)
}

fn a_session_is_started_listed_followed_restarted_and_stopped() {
    let (stage, file) = shop("life");
    let started = stage.runs(&["start", &file], 0);
    assert!(
        started.out.starts_with("shop is started (pid ") && started.out.contains("api ready, db ready"),
        "{started:?}"
    );
    let pid = pid_in(&started.out);
    let listed = stage.runs(&["list", "--format", "json"], 0).out;
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("one object");
    assert_eq!((&listed["name"], &listed["state"], &listed["pid"]), (&"shop".into(), &"live".into(), &pid.into()));
    let mut all = stage.begin(&["follow", "shop", "--from", "0", "--format", "json"]);
    all.hears("\"cursor\":0");
    let mut live = stage.follow(&["shop", "--filter", "worker=api"]);
    stage.runs(&["send", "shop", "api", "--signal", "SIGUSR1"], 0);
    live.hears("│ usr1");
    let restarted = stage.runs(&["restart", "shop", "api"], 0).out;
    assert!(restarted.starts_with("api is ready (incarnation 2, pid "), "{restarted}");
    let stopped = stage.runs(&["stop", "shop"], 0).out;
    assert_eq!(stopped, "api is stopped (exited(0))\ndb is stopped (exited(0))\nshop is over\n");
    let live = live.ends();
    assert_eq!((live.code, live.out.contains(" db ")), (Some(0), false), "{live:?}");
    assert!(live.out.contains("api · stopped"), "{live:?}");
    let all = all.ends();
    assert_eq!(all.code, Some(0), "{all:?}");
    for told in ["\"event\":\"restarted\"", "\"text\":\"usr1\"", "\"tags\":{\"project\":\"demo\"}"] {
        assert!(all.out.contains(told), "{told}: {}", all.out);
    }
    assert!(
        all.out.trim_end().ends_with("\"worker\":null,\"incarnation\":0,\"event\":\"stopped\",\"details\":{}}"),
        "{}",
        all.out
    );
    let history =
        stage.runs(&["history", "shop", "--filter", "worker=db", "--filter", "event=stopped,event=ready"], 0).out;
    let words: Vec<&str> =
        history.lines().skip(1).filter_map(|line| line.split("· ").nth(1)?.split(' ').next()).collect();
    assert_eq!(words, ["ready", "stopped"], "{history}");
    assert_eq!(stage.runs(&["list"], 0).out, "");
    assert_eq!(fs::read_dir(stage.path("run")).expect("it is there").count(), 0, "a session clears away");
}

fn a_second_start_of_a_name_is_refused_and_the_first_goes_on() {
    let (stage, file) = shop("twice");
    let pid = pid_in(&stage.runs(&["start", &file], 0).out);
    for second in [&["start", &file][..], &["run", &file]] {
        let said = stage.runs(second, 4);
        assert!(said.err.contains(&format!("a session `shop` lives already (pid {pid})")), "{said:?}");
        assert!(said.err.contains("`shakedown stop shop` ends it"), "{said:?}");
    }
    stage.runs(&["run", "--name", "shop", "--", "true"], 125);
    stage.runs(&["start", &file, "--name", "other"], 0);
    let listed = stage.runs(&["list"], 0).out;
    assert_eq!(listed.matches("db ready, api ready").count(), 2, "{listed}");
    stage.runs(&["stop", "other"], 0);
    stage.runs(&["stop", "shop"], 0);
}

fn a_session_that_was_killed_is_dead_and_its_name_is_free() {
    let (stage, file) = shop("dead");
    let pid = pid_in(&stage.runs(&["start", &file], 0).out);
    let follower = stage.follow(&["shop"]);
    let mut journal = stage.begin(&["follow", "shop", "--from", "0"]);
    journal.hears("api  · ready");
    signal_to(pid, Signal::KILL);
    let follower = follower.ends();
    assert_eq!(follower.code, Some(1), "{follower:?}");
    // It has no last word; whoever reads the journal is not left waiting for it.
    assert_eq!(journal.ends().code, Some(0));
    assert!(exists(&stage.socket("shop")), "nobody could clear it away");
    let listed = stage.runs(&["list"], 0).out;
    assert!(listed.contains("shop  dead ") && listed.contains(&pid.to_string()), "{listed}");
    let said = stage.runs(&["stop", "shop"], 4);
    assert!(said.err.contains(&format!("session `shop` is dead: its process {pid} was killed")), "{said:?}");
    stage.runs(&["start", &file], 0);
    stage.runs(&["stop", "shop"], 0);
    let history = stage.runs(&["history", "shop", "--filter", "worker=api,worker=db", "--format", "json"], 0).out;
    assert_eq!(
        history.matches("\"status\":\"unknown\",\"unobserved\"").count(),
        2,
        "nobody has seen their ends: {history}"
    );
}

/// Its helper does not die with the supervisor, hears no TERM, and has left its group and its session.
const LEAVES: &str = r#"schema = 1
name = "shop"
[workers.api]
puppet = "spawn helper { on TERM ignore; setsid; print deaf; hang }; on TERM exit 0; hang"
ready = { log = "deaf" }
stop = { grace = "50ms", scope = "tree" }
"#;

/// Who lives of the worker, whoever has started it.
fn living() -> Vec<Pid> {
    let every = procfs::every_that(|stat| Ok(stat.is_alive())).expect("/proc is there").into_iter();
    every
        .map(|stat| stat.pid)
        .filter(|pid| procfs::environment(*pid, Launch::WORKER) == Ok(Some("api".into())))
        .collect()
}

fn a_session_that_was_killed_is_started_again_over_what_it_has_left() {
    let stage = Stage::new("again");
    let file = stage.file("shop.toml", LEAVES);
    let is_new = |before: &[Pid]| {
        let now = living();
        assert_eq!(now.len(), 2, "main and its helper, and nobody beside them: {now:?}");
        assert!(now.iter().all(|pid| !before.contains(pid)), "{now:?} after {before:?}");
        now
    };
    let pid = pid_in(&stage.runs(&["start", &file], 0).out);
    let first = is_new(&[]);
    signal_to(pid, Signal::KILL);
    let pid = Pid::new(pid as i32).expect("a pid");
    // Its files are closed when it is dead, and so is its claim.
    while procfs::stat(pid).is_some_and(|stat| stat.is_alive()) {
        std::thread::yield_now();
    }
    // In the foreground, and from another folder.
    let mut run = stage.begin_command({
        let mut run = stage.command(&["run", stage.path("shop.toml").to_str().expect("it is UTF-8")]);
        run.current_dir("/");
        run
    });
    run.hears("api  · ready");
    let second = is_new(&first);
    run.signal(Signal::KILL);
    assert_eq!(run.ends().code, None, "killed");
    stage.runs(&["start", &file], 0);
    is_new(&second);
    // Its helper has to be killed.
    stage.runs(&["stop", "shop"], 1);
    assert_eq!(living(), []);
}

fn files_that_are_there_prove_nothing() {
    let (stage, file) = shop("stale");
    stage.runs(&["start", &file], 0);
    stage.runs(&["stop", "shop"], 0);
    // A socket whose listener is gone, the card of a process that lives, and a claim that nobody holds.
    drop(UnixListener::bind(stage.socket("shop")).expect("a socket"));
    let card = format!("{{\"nonce\":\"00\",\"pid\":{}}}", std::process::id());
    fs::write(stage.path("run/shop.card"), card).expect("written");
    fs::write(stage.path("run/shop.claim"), "").expect("written");
    assert!(stage.runs(&["list"], 0).out.contains("shop  dead "));
    stage.runs(&["follow", "shop"], 4);
    stage.runs(&["start", &file], 0);
    // Another session's card: who answers is not who is meant.
    let card = fs::read_to_string(stage.path("run/shop.card")).expect("it is there");
    fs::write(stage.path("run/shop.card"), "{\"nonce\":\"17\",\"pid\":1}").expect("written");
    assert!(stage.runs(&["stop", "shop"], 1).err.contains("does not answer"));
    fs::write(stage.path("run/shop.card"), card).expect("written");
    stage.runs(&["stop", "shop"], 0);
    // A folder that others could write into is no place for sockets.
    fs::set_permissions(stage.path("run"), fs::Permissions::from_mode(0o777)).expect("it is ours");
    assert!(stage.runs(&["start", &file], 7).err.contains("closed to others"));
}

fn a_client_that_sends_garbage_harms_nobody() {
    let (stage, file) = shop("garbage");
    stage.runs(&["start", &file], 0);
    for garbage in [
        &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        &[0xff; 4096],
        &[0; 4096],
        b"\0\0\0\x12shakedown-control\x02\0\0\0\x01x",
    ] {
        let mut stream = UnixStream::connect(stage.socket("shop")).expect("it listens");
        // It may have hung up before it has heard all of it.
        let _ = stream.write_all(garbage);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    let silent: Vec<UnixStream> =
        (0..8).map(|_| UnixStream::connect(stage.socket("shop")).expect("it listens")).collect();
    assert!(stage.runs(&["list", "shop"], 0).out.contains("api"));
    stage.runs(&["stop", "shop"], 0);
    drop(silent);
}

fn a_follower_that_does_not_read_delays_no_stop_and_another_hears_every_event() {
    let stage = Stage::new("slow");
    let text = "schema = 1\n[workers.loud]\npuppet = \"on TERM exit 0; print up; read line; flood\"\nready = { log = \"up\" }\n";
    let file = stage.file("loud.toml", text);
    stage.runs(&["start", &file], 0);
    let mut slow = stage.follow(&["loud"]);
    let quick = stage.follow(&["loud", "--filter", "event=stopped"]);
    stage.runs(&["send", "loud", "loud", "go"], 0);
    slow.hears("│ ");
    // From here on it does not read, and its pipe is full at once.
    let stopped = stage.runs(&["stop", "loud", "--timeout", "20s"], 0);
    assert!(stopped.out.contains("loud is over"), "{stopped:?}");
    let quick = quick.ends().out;
    // A flood that the filter leaves out is no flood of news of what was missed.
    assert!(quick.lines().count() < 10, "{quick}");
    assert!(quick.lines().last().is_some_and(|line| line.contains("loud · stopped")), "{quick}");
    drop(slow.ends());
}

fn one_more_worker_joins_with_its_environment_and_hears_what_is_sent() {
    let (stage, file) = shop("join");
    stage.runs(&["start", &file, "--stay"], 0);
    let job = "echo $N at $PWD; read line; echo heard $line; cat; exit 3";
    let start = ["start", "--into", "shop", "--name", "job", "--env", "N=3", "--dir", "/", "--", "sh", "-c", job];
    assert_eq!(stage.runs(&start, 0).out, "started job as worker #2 of shop\n");
    assert_eq!(stage.runs(&start, 0).out, "started job as worker #3 of shop\n");
    let both = stage.runs(&["stop", "shop", "job"], 2).err;
    assert!(both.contains("several workers are called `job`: say #2 or #3"), "{both}");
    stage.runs(&["kill", "shop", "#3"], 0);
    stage.runs(&["send", "shop", "#2", "me"], 0);
    stage.runs(&["send", "shop", "#2", "more", "--close"], 0);
    let mut told = stage.begin(&["follow", "shop", "--from", "0", "--filter", "worker=job"]);
    told.hears("failed");
    let told = told.heard_so_far();
    for line in ["job │ 3 at /", "job │ heard me", "job │ more", "status=exited(3)"] {
        assert!(told.contains(line), "{line}: {told}");
    }
    stage.runs(&["stop", "shop", "api"], 0);
    stage.runs(&["stop", "shop", "db"], 0);
    assert!(stage.runs(&["list"], 0).out.contains("live"), "it stays");
    stage.runs(&["kill", "shop"], 0);
}

fn what_is_asked_wrongly_is_answered_with_a_hint() {
    let (stage, file) = shop("wrong");
    stage.runs(&["start", &file], 0);
    for (args, code, says) in [
        (&["stop", "shpo"][..], 4, "did you mean `shop`?"),
        (&["stop", "shop", "aip"], 2, "did you mean `api`?"),
        (&["send", "shop", "api", "--signal", "USR"], 2, "did you mean USR1?"),
        (&["send", "shop", "api", "--signal", "KILL"], 1, "KILL is not sent as a signal: use `kill`"),
        (&["send", "shop", "api", "--signal", "99"], 1, "99 is no signal"),
        (&["follow", "shop", "--filter", "wroker=api"], 2, "`wroker=api` is no filter"),
        (&["history", "nobody"], 4, "nothing is known of a session `nobody`"),
        (&["start", "--into", "shop", "--", ""], 1, "no program to start"),
        (&["start", &file, "--name", "../x"], 2, "no name of a session"),
        (&["run", "none.toml"], 3, "none.toml cannot be read"),
        (&["run"], 2, "required"),
        (&["run", &file, "--case", "7"], 2, "there is no case 7"),
    ] {
        let said = stage.runs(args, code);
        assert!(said.err.contains(says), "{args:?}: {said:?}");
    }
    stage.runs(&["stop", "shop"], 0);
}

fn a_session_whose_worker_fails_is_said_to_have_failed() {
    let stage = Stage::new("fails");
    let text =
        "schema = 1\n[workers.a]\ncommand = [\"/no/such/program\"]\n[workers.b]\npuppet = \"on TERM exit 0; hang\"\n";
    let file = stage.file("half.toml", text);
    let said = stage.runs(&["start", &file], 1);
    assert!(said.out.contains("a failed, b ready"), "{said:?}");
    // What lives goes on, and the stop is as good as what it ends.
    stage.runs(&["stop", "half"], 0);
}
