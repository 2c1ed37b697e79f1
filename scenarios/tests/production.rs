//! One supervisor, twice: played in the simulator under many seeds, and run on Linux with real processes. Without a harness of libtest's,
//! because a private pid namespace has to be entered before any thread exists (house rule 11).

use shakedown::prelude::*;
use shakedown::process::{Command, Stdio};
use shakedown::real::namespace::{enter_private_pid_namespace, leftovers};
use shakedown::real::pidfd::Pidfd;
use shakedown::{core::ids::Pid, run};
use std::io;
use std::panic::catch_unwind;
use std::process::ExitCode;

/// What the server of all tests is, in the simulator and for real: it says that it is there, and takes its time to go.
const SCRIPT: &str = "on TERM exit 3 after 1ms..30ms; print ready; hang";
const SHELL: &str = "trap 'sleep 0.02; exit 3' TERM; echo ready; while :; do sleep 0.01; done";

/// Starts the server, waits for its word, stops it with its whole group, and tells its code.
async fn serve(cx: TaskCx) -> io::Result<Option<i32>> {
    let mut server = Command::new(&cx, "sh")
        .args(["-c", SHELL])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .await?;
    let mut lines = server.stdout.take().expect("it is piped").lines();
    assert_eq!(lines.next_line().await?.as_deref(), Some("ready"));
    server.signal_group(Signal::TERM)?;
    if cx.timeout(Duration::from_secs(5), server.group_empty()).await.is_err() {
        server.signal_group(Signal::KILL)?;
        server.group_empty().await;
    }
    Ok(server.wait().await?.code())
}

fn it_holds_in_the_simulator() {
    check(Config::new("production").seeds(500).program("sh", SCRIPT), |cx| async move {
        assert_eq!(serve(cx).await?, Some(3));
        Ok::<(), io::Error>(())
    });
}

fn it_runs_on_linux_unchanged() {
    let ran = run(serve).expect("a runtime");
    assert_eq!((ran.output.expect("it returned").unwrap(), ran.asked), (Some(3), None));
    assert_eq!(ran.findings, [""; 0]);
}

fn what_it_leaves_behind_is_killed_and_told() {
    let ran = run(|cx| async move {
        drop(Command::new(&cx, "sleep").arg("1000").spawn().await.unwrap());
    });
    let ran = ran.expect("a runtime");
    assert!(ran.output.is_some() && ran.findings.len() == 1 && ran.findings[0].contains("sleep"), "{:?}", ran.findings);
}

fn a_program_that_is_not_there_is_not_found_in_both() {
    async fn missing(cx: TaskCx) {
        let error = Command::new(&cx, "shakedown-has-no-such-program").spawn().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
    check(Config::new("missing").seeds(20), missing);
    run(missing).expect("a runtime");
}

fn tell_ourselves(signal: Signal) {
    let own = Pid::new(std::process::id() as i32).expect("we have a number");
    Pidfd::open(own).and_then(|own| own.send(signal)).expect("we are there");
}

fn a_signal_asks_it_to_end_and_it_stops_its_children_first() {
    let ran = run(|cx| async move {
        let mut server = Command::new(&cx, "sleep").arg("1000").process_group(0).spawn().await.unwrap();
        tell_ourselves(Signal::INT);
        let cause = cx.cancelled().await;
        server.signal_group(Signal::TERM).unwrap();
        server.wait().await.unwrap();
        cause
    });
    let ran = ran.expect("a runtime");
    assert_eq!((ran.output, ran.asked), (Some(Cause::Signalled(Signal::INT)), Some(Signal::INT)));
    assert_eq!(ran.findings, [""; 0]);
}

fn a_second_signal_drops_it_and_nobody_is_left() {
    let ran = run(|cx| async move {
        let mut server = Command::new(&cx, "sleep").arg("1000").spawn().await.unwrap();
        tell_ourselves(Signal::TERM);
        cx.cancelled().await;
        tell_ourselves(Signal::HUP);
        server.wait().await
    });
    let ran = ran.expect("a runtime");
    assert!(ran.output.is_none() && ran.asked == Some(Signal::TERM), "{ran:?}");
    assert_eq!(ran.findings.len(), 1, "the child that lived is told: {:?}", ran.findings);
}

/// A repository is made, committed to and looked at, by nothing but commands.
fn git_is_driven_in_a_real_repository() {
    let folder = format!("{}/git-{}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let dir = folder.clone();
    let ran = run(|cx| async move {
        let git = async |args: &[&str]| {
            let who = ["-c", "user.name=me", "-c", "user.email=me@localhost", "-c", "init.defaultBranch=main"];
            cx.process().run_in(&dir, "git", &[&who, args].concat()).await
        };
        match git(&["init", "--quiet"]).await {
            Err(error) if error.to_string().contains("ENOENT") => {
                println!("skipped: git is not installed");
                return;
            }
            done => assert_eq!(done.unwrap().status, ExitStatus::Exited(0)),
        }
        git(&["commit", "--quiet", "--allow-empty", "-m", "first"]).await.unwrap();
        let log = git(&["log", "--format=%s by %an"]).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&log.stdout), "first by me\n");
        let wrong = git(&["checkout", "nowhere"]).await.unwrap();
        assert_eq!(wrong.status, ExitStatus::Exited(1));
        assert!(String::from_utf8_lossy(&wrong.stderr).contains("nowhere"), "what it says is there, though it fails");
        let set = cx.process().run_with_env(&[("GIT_DIR", "/nowhere")], "git", &["status"]).await.unwrap();
        assert_eq!(set.status, ExitStatus::Exited(128));
        cx.actions().disable("process.run").unwrap();
        assert!(git(&["status"]).await.is_err());
    });
    assert_eq!(ran.expect("a runtime").findings, [""; 0]);
    std::fs::remove_dir_all(&folder).expect("it is ours");
}

const ALL: &[(&str, fn())] = &[
    ("git_is_driven_in_a_real_repository", git_is_driven_in_a_real_repository),
    ("it_holds_in_the_simulator", it_holds_in_the_simulator),
    ("it_runs_on_linux_unchanged", it_runs_on_linux_unchanged),
    ("what_it_leaves_behind_is_killed_and_told", what_it_leaves_behind_is_killed_and_told),
    ("a_program_that_is_not_there_is_not_found_in_both", a_program_that_is_not_there_is_not_found_in_both),
    (
        "a_signal_asks_it_to_end_and_it_stops_its_children_first",
        a_signal_asks_it_to_end_and_it_stops_its_children_first,
    ),
    ("a_second_signal_drops_it_and_nobody_is_left", a_second_signal_drops_it_and_nobody_is_left),
];

fn main() -> ExitCode {
    let filter = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    let chosen = ALL.iter().filter(|(name, _)| filter.as_ref().is_none_or(|f| name.contains(f.as_str())));
    let chosen: Vec<_> = chosen.collect();
    let run = match enter_private_pid_namespace() {
        Ok(inside) => inside.run,
        Err(refused) => {
            println!(
                "\nskipped: {refused}\n\ntest result: ok. 0 passed; 0 failed; {} ignored; 0 measured",
                chosen.len()
            );
            return ExitCode::SUCCESS;
        }
    };
    println!("\nrunning {} tests", chosen.len());
    let mut failed = 0;
    for (name, test) in &chosen {
        let held = catch_unwind(test).is_ok();
        let left = leftovers(&run).expect("/proc can be read");
        failed += usize::from(!held || !left.is_empty());
        match (held, left.as_slice()) {
            (true, []) => println!("test {name} ... ok"),
            (_, left) => println!("test {name} ... FAILED (left behind: {left:?})"),
        }
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {verdict}. {} passed; {failed} failed; 0 ignored; 0 measured", chosen.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(101) }
}
