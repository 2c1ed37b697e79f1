//! A stop as curl meets it, in both roles: a client that others have written, in every state in which it can be met.

use super::stage::{AT_ONCE, DRAIN, SLOW, Stage, any_port, assert_stopped, before, count, edge, upstream, words};
use crate::cases::cases;
use shakedown_core::proxy::Role;
use std::net::SocketAddr;
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, spawn_blocking};

cases! {
    curl_is_answered_refused_or_cut_before_an_upstream,
    curl_is_answered_refused_or_cut_on_the_way_out,
    curl_that_keeps_its_connection_does_not_hold_the_stop,
}

/// A curl that has ended, and how long it took.
type Ended = JoinHandle<(Output, Duration)>;

fn curl(arguments: &[&str]) -> Ended {
    let mut curl = Command::new("curl");
    curl.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    curl.args(["-q", "-sSi", "--max-time", "10"]).args(arguments);
    spawn_blocking(move || {
        let began = Instant::now();
        (curl.output().expect("it was there before"), began.elapsed())
    })
}

/// Whether there is no curl, which is said.
fn is_missing() -> bool {
    let is_missing = Command::new("curl").arg("--version").output().is_err();
    if is_missing {
        println!("skipped: curl is not installed");
    }
    is_missing
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn until_told(stage: &mut Stage, word: &str, times: usize) {
    let facts = stage.facts.clone();
    let told = async {
        while count(&facts.borrow(), word) < times {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    stage.during(told).await;
}

/// One is answered in time, one has upgraded, one has a tunnel; the next is refused.
async fn every_curl(role: impl FnOnce(SocketAddr) -> Role, is_forward: bool) {
    if is_missing() {
        return;
    }
    let server = upstream().await;
    let mut stage = Stage::new(vec![edge(role(server), any_port())], None);
    let address = stage.address().await;
    let proxy = format!("http://{address}");
    let get = |path: &str, more: &[&str]| {
        let target = format!("http://{}{path}", if is_forward { server } else { address });
        let by: &[&str] = if is_forward { &["-x", &proxy] } else { &[] };
        curl(&[by, more, &[&target]].concat())
    };
    let in_flight = get("/slow", &[]);
    let upgraded = get("/ws", &["-H", "connection: upgrade", "-H", "upgrade: echo"]);
    let tunnel = curl(&["-p", "-x", &proxy, &format!("http://{server}/never")]);
    until_told(&mut stage, "request-started", 3).await;
    stage.stop();
    let began = Instant::now();
    // A stop is told before the listener is closed.
    until_told(&mut stage, "signalled", 1).await;
    let late = get("/", &[]);
    let beside = async {
        let mut ends = Vec::new();
        for curl in [late, in_flight, upgraded, tunnel] {
            let (output, _) = curl.await.expect("no panic");
            ends.push((output, began.elapsed()));
        }
        ends
    };
    let (ends, facts) = stage.end(beside).await;
    let [(late, refused), (in_flight, answered), (upgraded, cut), (tunnel, last)] =
        ends.try_into().expect("four of them");
    assert_eq!((late.status.code(), refused < AT_ONCE), (Some(REFUSED), true), "{refused:?} {late:?}");
    assert!(answered < SLOW + AT_ONCE, "{answered:?}");
    let whole = said(&in_flight).starts_with("HTTP/1.1 200 ") && said(&in_flight).ends_with("\r\n\r\nslow");
    assert_eq!((in_flight.status.code(), whole), (Some(0), true), "{in_flight:?}");
    assert!(said(&upgraded).starts_with("HTTP/1.1 101 "), "{upgraded:?}");
    assert!(said(&tunnel).starts_with("HTTP/1.1 200 "), "{tunnel:?}");
    for cut in [&upgraded, &tunnel] {
        assert!(cut.status.code().is_some_and(|code| CUT.contains(&code)), "{cut:?}");
    }
    assert!(cut >= DRAIN && last < DRAIN + AT_ONCE, "{cut:?} {last:?}");
    assert_stopped(&facts);
    let counts = ["request-started", "request-finished", "request-cut", "request-refused"].map(|w| count(&facts, w));
    assert_eq!(counts, [3, 1, 2, 0], "{:?}", words(&facts));
    TcpListener::bind(address).await.expect("its port is free");
}

async fn curl_is_answered_refused_or_cut_before_an_upstream() {
    every_curl(before, false).await;
}

async fn curl_is_answered_refused_or_cut_on_the_way_out() {
    every_curl(|_| Role::Forward, true).await;
}

async fn curl_that_keeps_its_connection_does_not_hold_the_stop() {
    if is_missing() {
        return;
    }
    for is_forward in [false, true] {
        let server = upstream().await;
        let role = if is_forward { Role::Forward } else { before(server) };
        let mut stage = Stage::new(vec![edge(role, any_port())], None);
        let address = stage.address().await;
        let proxy = format!("http://{address}");
        let target = format!("http://{}/", if is_forward { server } else { address });
        let by: &[&str] = if is_forward { &["-x", &proxy] } else { &[] };
        // One request a while: between the two it keeps its connection, and has nothing to ask.
        let keeps = curl(&[by, &["--rate", "2/s", &target, &target]].concat());
        until_told(&mut stage, "request-finished", 1).await;
        stage.stop();
        let began = Instant::now();
        let (_, facts) = stage.end(async {}).await;
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
        assert_stopped(&facts);
        let (output, _) = keeps.await.expect("no panic");
        assert_eq!((output.status.code(), said(&output).ends_with("quick")), (Some(REFUSED), true), "{output:?}");
        assert_eq!([count(&facts, "request-finished"), count(&facts, "request-cut")], [1, 0], "{:?}", words(&facts));
    }
}

/// Nobody accepts: exit code 7 of curl(1).
const REFUSED: i32 = 7;
/// The other end has closed the connection: exit codes 52 and 56 of curl(1), before the first byte of an answer and after.
const CUT: [i32; 2] = [52, 56];
