//! A live session in the hands of other threads, on real processes.

use crate::cases::cases;
use shakedown_core::actor::Actor;
use shakedown_core::host::Host;
use shakedown_core::ids::WorkerId;
use shakedown_core::journal::{SinkSpec, What};
use shakedown_core::puppet::parse;
use shakedown_core::runner::{Refused, TaskSpec, Which};
use shakedown_core::vocab::{Body, ExitStatus, Fact, FactRecord, ProcessSpec, SessionSpec, WorkerSpec, WorkerState};
use shakedown_real::control::{Client, Command, Past, Reply, Start, serve};
use shakedown_real::handle::{Handle, News, Undone, open};
use shakedown_real::host::{Driven, block_on, drive};
use shakedown_real::{Config, ControlSocket, RealWorld, Tokio, dial};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

cases! {
    another_thread_starts_restarts_and_stops_workers,
    a_handle_outlives_its_session_and_says_so,
    every_order_of_many_threads_is_carried_out_once,
    a_client_on_a_unix_socket_starts_lists_and_stops,
    what_a_client_starts_has_its_environment_and_directory,
    a_client_reads_the_past_in_pages_and_learns_who_answers,
    a_client_that_says_nonsense_is_told_and_left_and_nobody_else,
    a_slow_follower_loses_lines_and_no_event,
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
            let argv = vec!["sleep".into(), "60".into()];
            let start = Command::Start(Start { name: "nap".into(), argv, ..Start::default() });
            let Reply::Started(id) = client.ask(start).await.expect("an answer") else { panic!("it was not started") };
            let Reply::Listed(listed) = client.ask(Command::List).await.expect("an answer") else { panic!("no list") };
            assert_eq!((listed.len(), listed[0].id, &*listed[0].name), (1, id, "nap"));
            let unknown = client.ask(Command::Kill(shakedown_core::ids::WorkerId(7))).await.expect("an answer");
            assert_eq!(unknown, Reply::Refused("there is no worker 7".into()));
            assert_eq!(client.ask(Command::StopSession).await.expect("an answer"), Reply::Done);
            let mut last = String::new();
            loop {
                match client.news().await.expect("news") {
                    Reply::Fact(entry) => last = format!("{:?} {}", entry.worker, entry.word()),
                    Reply::Over => break assert_eq!(last, "None stopped"),
                    other => panic!("a follower was told {other:?}"),
                }
            }
        };
        tokio::join!(serve::<Tokio>(socket, handle), client);
        assert!(!path.exists(), "the socket goes with its session");
    })
    .await;
}

/// A session with a socket, and what a client makes of it; the client's end is the session's.
async fn spoken<T: Send + 'static>(
    spec: SessionSpec,
    act: impl AsyncFnOnce(&std::path::Path) -> T + Send + 'static,
) -> T {
    let name = format!("shakedown-spoken-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    let mut host: Host<RealWorld, Actor> = Host::new(RealWorld::new(Config::default()).expect("a world"));
    let session = host.start_session(&spec.into(), &[].into());
    let handle = open(&mut host, session);
    let socket = ControlSocket::bind(&path).expect("a socket");
    let (there, stops) = (path.clone(), handle.clone());
    let other: JoinHandle<T> = std::thread::spawn(move || {
        block_on(async {
            let acted = act(&there).await;
            stops.stop_session().await.expect("it lives");
            acted
        })
        .expect("a runtime")
    });
    let (driven, ()) = tokio::join!(drive(&mut host), serve::<Tokio>(socket, handle));
    assert_eq!((driven, host.world().borrow_mut().take_findings()), (Driven::Done, Vec::new()));
    other.join().expect("the other thread")
}

static NEXT: AtomicU32 = AtomicU32::new(0);

fn staying() -> SessionSpec {
    SessionSpec { stays: true, ..SessionSpec::new("s") }
}

async fn ask(client: &mut Client<tokio::net::UnixStream>, command: Command) -> Reply {
    client.ask(command).await.expect("an answer")
}

async fn what_a_client_starts_has_its_environment_and_directory() {
    let lines = spoken(staying(), async |path| {
        let (mut client, _) = dial(path, PATIENCE).await.expect("a session");
        assert_eq!(ask(&mut client, Command::Follow).await, Reply::Done);
        let start = Start {
            name: "where".into(),
            argv: ["sh", "-c", "echo $WHO $PWD"].map(String::from).into(),
            env: vec![("WHO".into(), "me".into())],
            dir: Some("/".into()),
        };
        let nameless = Command::Start(Start { name: String::new(), ..start.clone() });
        assert!(matches!(ask(&mut client, nameless).await, Reply::Refused(why) if why.contains("name")));
        assert_eq!(ask(&mut client, Command::Start(start)).await, Reply::Started(WorkerId(0)));
        let mut lines = Vec::new();
        loop {
            let Reply::Fact(entry) = client.news().await.expect("news") else { panic!("no fact") };
            assert_eq!(entry.worker.is_some(), entry.incarnation > 0, "{entry:?}");
            match (&entry.what, entry.word()) {
                (What::Line { bytes, .. }, _) => lines.push(String::from_utf8_lossy(bytes).into_owned()),
                (_, "finished") => return lines,
                (_, _) => {}
            }
        }
    })
    .await;
    assert_eq!(lines, ["me /"]);
}

async fn a_client_reads_the_past_in_pages_and_learns_who_answers() {
    let folder = std::env::temp_dir().join(format!("shakedown-past-{}", std::process::id()));
    let sink = SinkSpec::new(folder.to_str().expect("text"));
    let say = "i=0; while [ $i -lt 40 ]; do echo line $i; i=$((i+1)); done; head -c 200000 /dev/zero | tr '\\0' x";
    let say = ProcessSpec::command("say", &["sh", "-c", say], None);
    let workers = vec![WorkerSpec::new("say", Body::Process(say.into()))];
    let kept = folder.to_string_lossy().into_owned();
    spoken(SessionSpec { journal: Some(sink.into()), workers, ..staying() }, async move |path| {
        let (mut client, _) = dial(path, PATIENCE).await.expect("a session");
        let Reply::Is(is) = ask(&mut client, Command::Who).await else { panic!("no identity") };
        assert_eq!((&*is.session, is.pid, is.journal), ("s", std::process::id(), Some(kept)));
        let past = |from, max, term: &str| Command::History(Past { from, max, filter: vec![term.into()] });
        let unknown = ask(&mut client, past(0, 9, "wroker=say")).await;
        assert!(matches!(unknown, Reply::Refused(why) if why.contains("`wroker=say` is no filter")));
        // Until all is written.
        let (mut lines, mut bytes, mut from) = (Vec::new(), 0, 0);
        while bytes < 200_000 {
            let Reply::Page(page) = ask(&mut client, past(from, 7, "event=output")).await else { panic!("no page") };
            from = page.next;
            for entry in page.entries {
                let What::Line { bytes: line, .. } = &entry.what else { panic!("{entry:?}") };
                match line.starts_with(b"line") {
                    true => lines.push(String::from_utf8_lossy(line).into_owned()),
                    false => bytes += line.len(),
                }
            }
        }
        assert_eq!(lines, (0..40).map(|n| format!("line {n}")).collect::<Vec<_>>());
        assert_eq!(bytes, 200_000);
    })
    .await;
    std::fs::remove_dir_all(&folder).expect("it is ours");
}

async fn a_client_that_says_nonsense_is_told_and_left_and_nobody_else() {
    spoken(staying(), async |path| {
        let (mut good, _) = dial(path, PATIENCE).await.expect("a session");
        for nonsense in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 64], &[0, 0, 0, 3, 1, 2, 3], &[0, 0]] {
            let mut stream = tokio::net::UnixStream::connect(path).await.expect("somebody listens");
            stream.write_all(nonsense).await.expect("it is taken");
            stream.shutdown().await.expect("our end");
            // Its own greeting comes first, and then the end.
            let mut said = Vec::new();
            let _reset = stream.read_to_end(&mut said).await;
            assert!(said.len() <= 64, "{said:?}");
            assert!(matches!(ask(&mut good, Command::List).await, Reply::Listed(none) if none.is_empty()));
        }
    })
    .await;
}

/// It reads nothing while two workers live, one of which floods.
async fn a_slow_follower_loses_lines_and_no_event() {
    let news = session(async |handle| {
        let mut follower = handle.follow().await.expect("it lives");
        let flood = || puppet("loud", "on TERM exit 0; repeat 9000 { print x }; exit 0");
        let loud = handle.start(flood).await.expect("a start");
        let mut ends = handle.follow().await.expect("it lives");
        loop {
            match ends.next().await {
                Some(News::Fact(fact)) if fact.fact.terminal().is_some() => break,
                Some(News::Fact(_) | News::Missed(_)) => {}
                None => panic!("the session goes on after {loud:?}"),
            }
        }
        handle.stop_session().await.expect("it lives");
        let mut news = Vec::new();
        while let Some(one) = follower.next().await {
            news.push(one);
        }
        news
    })
    .await;
    let mut missed = 0;
    let mut words = Vec::new();
    for one in &news {
        match one {
            News::Missed(count) => missed += count,
            News::Fact(fact) if fact.fact.word() == "output" => {}
            News::Fact(fact) => words.push(fact.fact.word()),
        }
    }
    assert!(missed > 1000, "{missed} missed of 9000 lines");
    // Which of exit and end of output is seen first is the machine's business.
    words.sort_unstable();
    let told = ["exited", "finished", "output-closed", "ready", "spawn", "started", "stop-requested", "stopped"];
    assert_eq!(words, told);
}

const PATIENCE: Duration = Duration::from_secs(10);
