//! A live session in the hands of other threads, on real processes.

use crate::cases::cases;
use shakedown_core::actor::Actor;
use shakedown_core::host::Host;
use shakedown_core::puppet::parse;
use shakedown_core::runner::{Refused, TaskSpec, Which};
use shakedown_core::vocab::{ExitStatus, Fact, FactRecord, ProcessSpec, SessionSpec, WorkerState};
use shakedown_real::control::{Client, Command, Reply, serve};
use shakedown_real::handle::{Handle, News, Undone, open};
use shakedown_real::host::{Driven, block_on, drive};
use shakedown_real::{Config, ControlSocket, RealWorld, Tokio};
use std::thread::JoinHandle;

cases! {
    another_thread_starts_restarts_and_stops_workers,
    a_handle_outlives_its_session_and_says_so,
    every_order_of_many_threads_is_carried_out_once,
    a_client_on_a_unix_socket_starts_lists_and_stops,
}

fn puppet(name: &str, script: &str) -> TaskSpec {
    TaskSpec::process(ProcessSpec::puppet(name, parse(script).expect("a script")))
}

/// A session that stays until it is stopped, and what another thread makes of it.
async fn session<T: Send + 'static>(act: impl AsyncFnOnce(Handle) -> T + Send + 'static) -> T {
    let mut spec = SessionSpec::new("s");
    spec.stays = true;
    let mut host: Host<RealWorld, Actor> = Host::new(RealWorld::new(Config::default()).expect("a world"));
    let session = host.start_session(&spec.into(), &[].into());
    let handle = open(&mut host, session);
    let other: JoinHandle<T> = std::thread::spawn(move || block_on(act(handle)).expect("a runtime"));
    assert_eq!(drive(&mut host).await, Driven::Done);
    assert_eq!(host.world().borrow_mut().take_findings(), Vec::<String>::new());
    other.join().expect("the other thread")
}

async fn another_thread_starts_restarts_and_stops_workers() {
    let facts = session(async |handle| {
        let mut follower = handle.follow().await.expect("it lives");
        let id = handle.start(|| puppet("server", "on TERM exit 0; print up; hang")).await.expect("a start");
        let mut facts: Vec<FactRecord> = Vec::new();
        let mut next = async || match follower.next().await {
            Some(News::Fact(fact)) => Some(fact),
            Some(News::Missed(missed)) => panic!("{missed} facts were missed"),
            None => None,
        };
        let is_up = |fact: &FactRecord| matches!(&fact.fact, Fact::Output { line, .. } if &**line == b"up");
        while let Some(fact) = next().await {
            facts.push(fact);
            match facts.iter().filter(|fact| is_up(fact)).count() {
                1 if facts.last().is_some_and(is_up) => handle.restart(id).await.expect("it runs"),
                2 if facts.last().is_some_and(is_up) => {
                    let listed = handle.list(Which::Running).await.expect("it lives");
                    assert_eq!((listed.len(), listed[0].incarnation), (1, 2));
                    handle.signal(id, 0).await.expect("it runs");
                    let unknown = shakedown_core::ids::WorkerId(9);
                    assert_eq!(handle.stop(unknown).await, Err(Undone::Refused(Refused::Unknown(unknown))));
                    handle.stop(id).await.expect("it runs");
                }
                2 if matches!(fact_of(&facts), Fact::Ended(outcome) if outcome.state == WorkerState::Stopped) => {
                    handle.stop_session().await.expect("it lives");
                }
                _ => {}
            }
        }
        facts
    })
    .await;
    assert_eq!(facts.last().map(|fact| &fact.fact), Some(&Fact::SessionStopped), "{facts:#?}");
}

fn fact_of(facts: &[FactRecord]) -> &Fact {
    &facts.last().expect("one was just told").fact
}

async fn a_handle_outlives_its_session_and_says_so() {
    let kept = session(async |handle| {
        handle.stop_session().await.expect("it lives");
        handle
    })
    .await;
    assert_eq!(kept.stop_session().await, Err(Undone::Over));
    assert_eq!(kept.list(Which::Retained).await, Err(Undone::Over));
}

async fn every_order_of_many_threads_is_carried_out_once() {
    let counts = session(async |handle| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let handle = handle.clone();
                std::thread::spawn(move || {
                    let started = async {
                        for _ in 0..25 {
                            let id = handle.start(|| puppet("brief", "exit 0")).await.expect("a start");
                            let wait = handle.with(move |runner| runner.get(id).is_some()).await;
                            assert_eq!(wait, Ok(true));
                        }
                    };
                    block_on(started).expect("a runtime");
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        loop {
            let all = handle.list(Which::Retained).await.expect("it lives");
            if all.iter().all(|worker| worker.exit == Some(ExitStatus::Exited(0)) && worker.is_over) {
                handle.stop_session().await.expect("it lives");
                return all.len();
            }
        }
    })
    .await;
    assert_eq!(counts, 100);
}

async fn a_client_on_a_unix_socket_starts_lists_and_stops() {
    session(async |handle| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock");
        let path = std::env::temp_dir().join(format!("shakedown-control-{}", since.as_nanos()));
        let socket = ControlSocket::bind(&path).expect("a socket");
        let client = async {
            let stream = tokio::net::UnixStream::connect(&path).await.expect("somebody listens");
            let mut client = Client::greet(stream).await.expect("a session");
            assert_eq!(client.ask(Command::Follow).await.expect("an answer"), Reply::Done);
            let start = Command::Start { name: "nap".into(), argv: vec!["sleep".into(), "60".into()] };
            let Reply::Started(id) = client.ask(start).await.expect("an answer") else { panic!("it was not started") };
            let Reply::Listed(listed) = client.ask(Command::List).await.expect("an answer") else { panic!("no list") };
            assert_eq!((listed.len(), listed[0].id, &*listed[0].name), (1, id, "nap"));
            let unknown = client.ask(Command::Kill(shakedown_core::ids::WorkerId(7))).await.expect("an answer");
            assert_eq!(unknown, Reply::Refused("there is no worker 7".into()));
            assert_eq!(client.ask(Command::StopSession).await.expect("an answer"), Reply::Done);
            let mut last = String::new();
            loop {
                match client.news().await.expect("news") {
                    Reply::Fact { fact, .. } => last = fact,
                    Reply::Over => break assert_eq!(last, "SessionStopped"),
                    other => panic!("a follower was told {other:?}"),
                }
            }
        };
        tokio::join!(serve::<Tokio>(socket, handle), client);
        assert!(!path.exists(), "the socket goes with its session");
    })
    .await;
}
