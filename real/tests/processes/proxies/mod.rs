//! Sessions with a real proxy, and clients that are in every state when it is to end: what core's machine decides reaches the sockets.

pub mod curl;
mod stage;

use crate::cases::cases;
use shakedown_core::ids::WorkerId;
use shakedown_core::machine::Command;
use shakedown_core::proxy::{Listen, Role};
use shakedown_core::time::Instant as Moment;
use shakedown_core::vocab::{
    Body, Condition, Dependency, Fact, FactRecord, ProcessSpec, Requester, Subject, WorkerSpec,
};
use stage::{AT_ONCE, Client, DRAIN, Stage, answer_on, any_port, assert_stopped, before, count, edge, upstream, words};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

cases! {
    a_stop_finds_clients_in_every_state_before_an_upstream,
    a_stop_finds_clients_in_every_state_on_the_way_out,
    a_normal_close_emits_no_failure_fact,
    a_kill_cuts_at_once,
    an_upstream_that_restarts_is_tried_again_and_one_that_is_gone_is_said_to_be,
    a_head_that_is_too_large_is_refused_and_said_to_be,
    a_listener_that_is_handed_over_serves_through_restarts,
    what_does_not_listen_is_not_taken_over,
    users_are_told_where_their_proxy_is,
}

/// Clients in every state, the stop, and what becomes of each.
async fn every_state(role: impl FnOnce(SocketAddr) -> Role, target: impl Fn(SocketAddr, &str) -> String) {
    let server = upstream().await;
    let mut stage = Stage::new(vec![edge(role(server), any_port())], None);
    let address = stage.address().await;
    let [mut idle, mut fresh, mut partial, mut active, mut upgraded, mut tunnel] = stage
        .during(async {
            let mut clients = Vec::new();
            for _ in 0..6 {
                clients.push(Client::connect(address).await);
            }
            let [mut idle, fresh, mut partial, mut active, mut upgraded, mut tunnel] =
                <[Client; 6]>::try_from(clients).ok().unwrap();
            for _ in 0..2 {
                idle.get(&target(server, "/")).await;
                idle.until("quick").await;
            }
            partial.say("GET / HTT").await;
            let ws = target(server, "/ws?token=secret");
            upgraded
                .say(&format!("GET {ws} HTTP/1.1\r\nhost: t\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n"))
                .await;
            assert!(upgraded.until("\r\n\r\n").await.starts_with("HTTP/1.1 101 "));
            tunnel.say(&format!("CONNECT {server} HTTP/1.1\r\nhost: {server}\r\n\r\n")).await;
            assert!(tunnel.until("\r\n\r\n").await.starts_with("HTTP/1.1 200 "));
            for client in [&mut upgraded, &mut tunnel] {
                client.say("hello").await;
                assert_eq!(client.until("hello").await, "hello");
            }
            active.get(&target(server, "/slow")).await;
            // Its head has come when the next answer has.
            idle.get(&target(server, "/")).await;
            idle.until("quick").await;
            [idle, fresh, partial, active, upgraded, tunnel]
        })
        .await;
    stage.stop();
    let began = Instant::now();
    let beside = async {
        for at_rest in [&mut idle, &mut fresh, &mut partial] {
            at_rest.closed().await;
        }
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
        let late = TcpStream::connect(address).await;
        assert_eq!(late.err().map(|e| e.kind()), Some(std::io::ErrorKind::ConnectionRefused));
        upgraded.say("still").await;
        assert_eq!(upgraded.until("still").await, "still");
        let answer = active.until("slow").await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("connection: close"), "{answer}");
        active.closed().await;
        assert!(began.elapsed() < DRAIN, "the answer is not cut");
        upgraded.closed().await;
        tunnel.closed().await;
        began.elapsed()
    };
    let (cut_after, facts) = stage.end(beside).await;
    assert!(cut_after >= DRAIN && cut_after < DRAIN + AT_ONCE, "{cut_after:?}");
    assert_stopped(&facts);
    let counts = ["request-started", "request-finished", "request-cut", "request-refused"].map(|w| count(&facts, w));
    assert_eq!(counts, [6, 4, 2, 0], "{:?}", words(&facts));
    assert!(!format!("{facts:?}").contains("secret"), "no header and no query is told");
    TcpListener::bind(address).await.expect("its port is free");
}

async fn a_stop_finds_clients_in_every_state_before_an_upstream() {
    every_state(before, |_, path| path.to_string()).await;
}

async fn a_stop_finds_clients_in_every_state_on_the_way_out() {
    every_state(|_| Role::Forward, |server, path| format!("http://{server}{path}")).await;
}

async fn a_normal_close_emits_no_failure_fact() {
    let server = upstream().await;
    let mut stage = Stage::new(vec![edge(before(server), any_port())], None);
    let address = stage.address().await;
    // One leaves before the stop, one is closed by it, and the listener too.
    let mut stays = stage
        .during(async {
            let (mut leaves, mut stays) = (Client::connect(address).await, Client::connect(address).await);
            for client in [&mut leaves, &mut stays] {
                client.get("/").await;
                client.until("quick").await;
            }
            drop(leaves);
            tokio::time::sleep(Duration::from_millis(20)).await;
            stays
        })
        .await;
    stage.stop();
    let (_, facts) = stage.end(stays.closed()).await;
    assert_stopped(&facts);
    let normal = ["spawn", "started", "ready", "request-started", "request-finished", "stop-requested"];
    let normal = [&normal[..], &["signalled", "exited", "output-closed", "stopped"]].concat();
    assert!(words(&facts).iter().all(|word| normal.contains(word)), "{:?}", words(&facts));
}

async fn a_kill_cuts_at_once() {
    let server = upstream().await;
    let mut stage = Stage::new(vec![edge(before(server), any_port())], None);
    let address = stage.address().await;
    let mut active = stage
        .during(async {
            let mut active = Client::connect(address).await;
            active.get("/slow").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            active
        })
        .await;
    stage.command(Command::Kill { by: Requester::User, deadline: Moment::NEVER });
    let (took, facts) = stage.end(active.closed()).await;
    assert!(took < AT_ONCE, "{took:?}");
    assert_eq!((count(&facts, "killed"), count(&facts, "request-cut")), (1, 1), "{:?}", words(&facts));
}

async fn an_upstream_that_restarts_is_tried_again_and_one_that_is_gone_is_said_to_be() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    drop(listener);
    let mut stage = Stage::new(vec![edge(before(server), any_port())], None);
    let address = stage.address().await;
    let said = stage
        .during(async {
            let mut client = Client::connect(address).await;
            client.get("/").await;
            let gone = client.until("there\n").await;
            client.get("/").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            answer_on(TcpListener::bind(server).await.expect("nobody has taken it"));
            [gone, client.until("quick").await]
        })
        .await;
    assert!(said[0].starts_with("HTTP/1.1 502 ") && said[1].starts_with("HTTP/1.1 200 "), "{said:?}");
    stage.stop();
    let ((), facts) = stage.end(async {}).await;
    assert_stopped(&facts);
    let told = ["request-started", "request-refused", "request-started", "request-finished"];
    let requests: Vec<_> = words(&facts).into_iter().filter(|word| word.starts_with("request-")).collect();
    assert_eq!(requests, told);
}

async fn a_head_that_is_too_large_is_refused_and_said_to_be() {
    let server = upstream().await;
    let mut stage = Stage::new(vec![edge(before(server), any_port())], None);
    let address = stage.address().await;
    let said = stage
        .during(async {
            let mut client = Client::connect(address).await;
            let head = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(40_000));
            // It may be cut off while it is still speaking.
            let _ = client.0.write_all(head.as_bytes()).await;
            let mut said = vec![0; 12];
            client.0.read_exact(&mut said).await.map(|_| String::from_utf8(said).unwrap())
        })
        .await;
    assert_eq!(said.ok().as_deref(), Some("HTTP/1.1 431"));
    stage.stop();
    let ((), facts) = stage.end(async {}).await;
    assert_eq!((count(&facts, "request-started"), count(&facts, "request-refused")), (0, 1), "{:?}", words(&facts));
}

async fn a_listener_that_is_handed_over_serves_through_restarts() {
    let server = upstream().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut stage = Stage::new(vec![edge(before(server), Listen::Handed)], Some(listener));
    assert_eq!(stage.address().await, address);
    for round in 0..3 {
        if round > 0 {
            let restart = Command::Worker(WorkerId(0), Box::new(Command::Restart(Requester::User)));
            stage.command(restart);
        }
        // Whoever comes between two incarnations waits in the queue of the listener, and is not refused.
        stage
            .during(async {
                let mut client = Client::connect(address).await;
                client.get("/").await;
                client.until("quick").await;
            })
            .await;
    }
    stage.stop();
    let ((), facts) = stage.end(async {}).await;
    assert_eq!((count(&facts, "started"), count(&facts, "request-finished")), (3, 3), "{:?}", words(&facts));
}

async fn what_does_not_listen_is_not_taken_over() {
    use std::os::fd::OwnedFd;
    // A socket that is bound, as one that was meant to be a listener and was inherited too early.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let bound: OwnedFd = std::os::fd::AsFd::as_fd(&socket).try_clone_to_owned().unwrap();
    let server = upstream().await;
    let stage = Stage::new(vec![edge(before(server), Listen::Handed)], Some(bound.into()));
    let ((), facts) = stage.end(async {}).await;
    assert_eq!(words(&facts), ["spawn", "failed"]);
}

async fn users_are_told_where_their_proxy_is() {
    let server = upstream().await;
    let tell = format!("echo \"[$NO_PROXY]$HTTPS_PROXY $http_proxy $https_proxy\"; curl -sS http://{server}/slow");
    let user = ProcessSpec { proxy: Some("edge".into()), ..ProcessSpec::command("user", &["sh", "-c", &tell], None) };
    // What a spec says itself counts.
    let user = user.env("https_proxy", "mine");
    let after = vec![Dependency { on: WorkerId(0), until: Condition::Ready }];
    let user = WorkerSpec { after, ..WorkerSpec::new("user", Body::Process(user.into())) };
    let mut stage = Stage::new(vec![edge(Role::Forward, any_port()), user], None);
    let address = stage.address().await;
    let facts = stage.facts.clone();
    let over = |facts: &[FactRecord]| {
        facts.iter().any(|fact| fact.subject == Subject::Worker(WorkerId(1)) && fact.fact.terminal().is_some())
    };
    stage
        .during(async {
            while !over(&facts.borrow()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    stage.stop();
    let ((), facts) = stage.end(async {}).await;
    let lines: Vec<String> = facts
        .iter()
        .filter_map(|fact| match &fact.fact {
            Fact::Output { line, .. } => Some(String::from_utf8_lossy(line).into_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(lines[0], format!("[]http://{address} http://{address} mine"));
    if lines[1].contains("not found") {
        println!("skipped: curl is not installed");
        return;
    }
    assert_eq!(lines[1], "slow");
    assert_eq!(count(&facts, "request-finished"), 1, "{:?}", words(&facts));
}
