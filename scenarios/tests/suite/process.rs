//! `shakedown::process`: supervisors in tokio's words, as people write them, tried in the simulator.

use shakedown::prelude::*;
use shakedown::process::{Command, Stdio};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

fn message_of(test: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(test)).expect_err("the test was green");
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

fn config(name: &str) -> Config {
    Config::new(&format!("process::{name}")).seeds(300)
}

/// What people write with tokio: `kill` after a timeout, and only the child itself.
async fn run_server(cx: TaskCx) -> io::Result<()> {
    let mut server = Command::new(&cx, "/usr/bin/server").arg("--port=80").kill_on_drop(true).spawn().await?;
    cx.sleep(Duration::from_millis(50)).await;
    server.signal(Signal::TERM)?;
    match cx.timeout(Duration::from_secs(3), server.wait()).await {
        Ok(status) => drop(status?),
        Err(Elapsed) => server.kill().await?,
    }
    Ok(())
}

#[test]
fn a_stop_in_tokios_words_is_right_for_a_server_without_helpers_and_wrong_for_one_with_a_helper() {
    check(config("alone").program("server", "on TERM exit 0 after 1ms..9s; hang"), run_server);
    let helper = "spawn helper { hang }; on TERM exit 0; hang";
    let report = message_of(|| check(config("helper").program("server", helper), run_server));
    assert!(report.contains("no-orphan server/helper"), "{report}");
}

#[shakedown::test(seeds = 300, program("server", "on TERM exit 3; hang"))]
async fn the_macro_installs_programs_too(cx: TaskCx) -> io::Result<()> {
    let mut server = Command::new(&cx, "server").spawn().await?;
    cx.sleep(Duration::from_millis(50)).await;
    server.signal(Signal::TERM)?;
    assert_eq!(server.wait().await?.code(), Some(3));
    Ok(())
}

#[test]
fn what_is_not_installed_is_not_found() {
    check(config("missing"), |cx| async move {
        let error = Command::new(&cx, "postgres").spawn().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    });
}

#[test]
fn text_that_is_not_utf_8_is_refused_before_anything_starts() {
    use std::os::unix::ffi::OsStrExt;
    check(config("utf8").program("server", "exit 0"), |cx| async move {
        let error = Command::new(&cx, "server").arg(std::ffi::OsStr::from_bytes(b"\xff")).spawn().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    });
}

#[test]
fn a_child_has_an_id_until_it_was_waited_for_and_no_signal_afterwards() {
    check(config("id").program("server", "exit 7"), |cx| async move {
        let mut server = Command::new(&cx, "server").spawn().await.unwrap();
        assert!(server.id().is_some());
        assert_eq!(server.wait().await.unwrap().code(), Some(7));
        assert_eq!((server.id(), server.try_wait().unwrap().unwrap().code()), (None, Some(7)));
        for refused in [server.start_kill(), server.signal(Signal::TERM), server.signal_group(Signal::TERM)] {
            assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    });
}

#[test]
fn try_wait_learns_of_the_end_by_itself() {
    check(config("try_wait").program("server", "sleep 1ms..90ms; exit 7"), |cx| async move {
        let mut server = Command::new(&cx, "server").spawn().await.unwrap();
        let mut looks = 0;
        let status = loop {
            if let Some(status) = server.try_wait().unwrap() {
                break status;
            }
            looks += 1;
            cx.sleep(Duration::from_millis(10)).await;
        };
        assert!(status.code() == Some(7) && looks <= 12, "{looks}");
    });
}

#[test]
fn all_output_is_read_side_by_side() {
    let script = "write 100000 stderr; write 100000; print last; exit 0";
    check(config("output").program("loud", script), |cx| async move {
        let output = Command::new(&cx, "loud").output().await.unwrap();
        assert!(output.status.success());
        assert_eq!((output.stdout.len(), output.stderr.len()), (100_005, 100_000));
    });
}

#[test]
fn a_grandchild_that_holds_the_output_holds_up_wait_with_output() {
    let script = "spawn helper { sleep 5s; exit 0 }; exit 0";
    check(config("held").program("wrapper", script), |cx| async move {
        let child = Command::new(&cx, "wrapper").stdout(Stdio::piped()).spawn().await.unwrap();
        child.wait_with_output().await.unwrap();
        assert!(cx.now().since(Instant::ZERO) >= Duration::from_secs(5), "golang/go#23019");
    });
}

#[test]
fn what_goes_to_null_holds_nobody_up() {
    let script = "write 100000; spawn helper { sleep 5s; exit 0 }; exit 0";
    check(config("null").program("wrapper", script), |cx| async move {
        let status = Command::new(&cx, "wrapper").stdout(Stdio::null()).status().await.unwrap();
        assert!(status.success() && cx.now().since(Instant::ZERO) < Duration::from_secs(1));
        cx.sleep(Duration::from_secs(9)).await;
    });
}

#[test]
fn lines_come_as_they_are_written_and_the_last_one_without_newline_too() {
    let script = "print one; sleep 10ms; print \"\"; eprint no; write 3";
    check(config("lines").program("talker", script), |cx| async move {
        let mut child =
            Command::new(&cx, "talker").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().await.unwrap();
        let mut lines = child.stdout.take().unwrap().lines();
        let mut got = Vec::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            got.push(line);
        }
        assert_eq!((got.len(), &*got[0], &*got[1], got[2].len()), (3, "one", "", 3));
        child.wait().await.unwrap();
    });
}

#[test]
fn tokios_readers_and_writers_work_on_the_pipes() {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    check(config("tokio").program("echo", "read line; print got; read eof; print end"), |cx| async move {
        let mut child = Command::new(&cx, "echo").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().await.unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        stdin.write_all(b"hello\n").await.unwrap();
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("got"));
        stdin.shutdown().await.unwrap();
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("end"));
        assert!(child.wait().await.unwrap().success());
    });
}

#[test]
fn a_dropped_stdin_is_the_end_of_input() {
    check(config("stdin").program("cat", "read eof; exit 5"), |cx| async move {
        let mut child = Command::new(&cx, "cat").stdin(Stdio::piped()).spawn().await.unwrap();
        drop(child.stdin.take());
        assert_eq!(child.wait().await.unwrap().code(), Some(5));
    });
    // And wait closes it, as tokio's does.
    check(config("wait").program("cat", "read eof; exit 5"), |cx| async move {
        let mut child = Command::new(&cx, "cat").stdin(Stdio::piped()).spawn().await.unwrap();
        assert_eq!(child.wait().await.unwrap().code(), Some(5));
    });
}

#[test]
fn a_full_pipe_makes_a_writer_wait_and_a_reader_that_went_away_breaks_it() {
    check(config("full").program("slow", "sleep 1s; read eof; exit 0"), |cx| async move {
        let mut child = Command::new(&cx, "slow").stdin(Stdio::piped()).spawn().await.unwrap();
        child.stdin.as_mut().unwrap().write_all(&[b'x'; 100_000]).await.unwrap();
        assert!(cx.now().since(Instant::ZERO) >= Duration::from_secs(1));
        child.wait().await.unwrap();
    });
    check(config("broken").program("gone", "exit 0"), |cx| async move {
        let mut child = Command::new(&cx, "gone").stdin(Stdio::piped()).spawn().await.unwrap();
        let error = child.stdin.as_mut().unwrap().write_all(&[b'x'; 100_000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        child.wait().await.unwrap();
    });
}

#[test]
fn dropped_children_are_reaped_and_killed_where_that_was_asked_for() {
    check(config("drop").program("server", "hang").program("job", "sleep 20ms; exit 0"), |cx| async move {
        drop(Command::new(&cx, "server").kill_on_drop(true).spawn().await.unwrap());
        drop(Command::new(&cx, "job").spawn().await.unwrap());
        cx.sleep(Duration::from_secs(1)).await;
    });
}

#[test]
fn a_child_that_is_dropped_and_lives_on_is_an_orphan() {
    let report = message_of(|| {
        check(config("leak").program("server", "hang"), |cx| async move {
            drop(Command::new(&cx, "server").spawn().await);
        })
    });
    assert!(report.contains("no-orphan server/main"), "{report}");
}

#[test]
fn what_is_cut_short_while_it_starts_leaves_nothing_behind() {
    check(config("cut").program("server", "hang"), |cx| async move {
        for us in 0..20 {
            let late = async {
                let server = Command::new(&cx, "server").kill_on_drop(true).spawn().await;
                cx.sleep(Duration::from_micros(10)).await;
                drop(server);
            };
            let _ = cx.timeout(Duration::from_micros(us), late).await;
        }
        cx.sleep(Duration::from_secs(1)).await;
    });
}

#[test]
fn a_signal_is_told_by_its_number() {
    check(config("signal").program("server", "hang"), |cx| async move {
        let mut server = Command::new(&cx, "server").process_group(0).spawn().await.unwrap();
        server.kill().await.unwrap();
        let status = server.wait().await.unwrap();
        assert_eq!((status.signal(), status.code(), status.core_dumped()), (Some(9), None, false));
    });
}
