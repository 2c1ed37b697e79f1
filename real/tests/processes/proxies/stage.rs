//! The stage of the proxy's tests: a session that is driven bit by bit, an upstream that answers, and clients that speak for themselves.

use shakedown_core::actor::Actor;
use shakedown_core::host::Host;
use shakedown_core::ids::{ActorId, WorkerId};
use shakedown_core::machine::{Command, Event};
use shakedown_core::proxy::{Limits, Listen, ProxySpec, Role, Upstream};
use shakedown_core::time::Instant as Moment;
use shakedown_core::vocab::{
    Body, ExitStatus, Fact, FactRecord, Requester, SessionSpec, Subject, WorkerSpec, WorkerState,
};
use shakedown_real::host::{Driven, drive, drive_within};
use shakedown_real::{Config, RealWorld};
use std::cell::RefCell;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub const DRAIN: Duration = Duration::from_millis(600);
/// How long `/slow` takes.
pub const SLOW: Duration = Duration::from_millis(300);
/// What is done at once is done by then, on a machine that is busy with other things.
pub const AT_ONCE: Duration = Duration::from_millis(200);

/// A session that is driven bit by bit, and all that it has told.
pub struct Stage {
    pub host: Host<RealWorld, Actor>,
    pub session: ActorId,
    pub facts: Rc<RefCell<Vec<FactRecord>>>,
}

impl Stage {
    pub fn new(workers: Vec<WorkerSpec>, listener: Option<std::net::TcpListener>) -> Stage {
        // Clients that are processes are started beside it.
        let config = Config { seed: 1, owns_all_children: false, ..Config::default() };
        let mut host = Host::new(RealWorld::new(config).expect("a world"));
        let facts = Rc::new(RefCell::new(Vec::new()));
        let told = facts.clone();
        host.world().borrow_mut().on_fact(Box::new(move |fact| told.borrow_mut().push(fact)));
        if let Some(listener) = listener {
            host.world().borrow_mut().hand_over("edge", listener);
        }
        let spec = SessionSpec { workers, ..SessionSpec::new("s") };
        let session = host.start_session(&Arc::new(spec), &[].into());
        Stage { host, session, facts }
    }

    /// Drives the session while this goes on.
    pub async fn during<T>(&mut self, act: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            done = act => done,
            how = drive(&mut self.host) => panic!("the session was over before: {how:?}"),
        }
    }

    /// Drives it until its proxy listens, and then a little.
    pub async fn address(&mut self) -> SocketAddr {
        let world = self.host.world().clone();
        self.during(async move {
            loop {
                if let Some(address) = world.borrow().proxy_address("edge") {
                    break address;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }

    pub fn command(&mut self, command: Command) {
        self.host.send(self.session, Event::Command(command));
    }

    pub fn stop(&mut self) {
        self.command(Command::Stop { by: Requester::User, deadline: Moment::NEVER });
    }

    /// Drives it to its end, with what is done beside it.
    pub async fn end<T>(mut self, beside: impl Future<Output = T>) -> (T, Vec<FactRecord>) {
        let (driven, beside) = tokio::join!(drive_within(&mut self.host, Duration::from_secs(20)), beside);
        assert_eq!(driven, Some(Driven::Done), "{:?}", self.host.waiters());
        assert_eq!(self.host.world().borrow_mut().take_findings(), Vec::<String>::new());
        (beside, self.facts.take())
    }
}

/// The proxy `edge`.
pub fn edge(role: Role, listen: Listen) -> WorkerSpec {
    let limits = Limits { header_bytes_max: 16_384, ..Limits::DEFAULT };
    let spec = ProxySpec { role, listen, drain: DRAIN, limits, ..ProxySpec::forward("edge") };
    WorkerSpec::new("edge", Body::Proxy(spec.into()))
}

pub fn any_port() -> Listen {
    Listen::At(SocketAddr::from(([127, 0, 0, 1], 0)))
}

pub fn before(address: SocketAddr) -> Role {
    Role::Reverse(Upstream { worker: "server".into(), address: Some(address) })
}

pub fn words(facts: &[FactRecord]) -> Vec<&'static str> {
    let of_edge = facts.iter().filter(|fact| fact.subject == Subject::Worker(WorkerId(0)));
    of_edge.map(|fact| fact.fact.word()).collect()
}

pub fn count(facts: &[FactRecord], word: &str) -> usize {
    words(facts).iter().filter(|w| **w == word).count()
}

/// It has stopped as it should, with an exit of 0.
pub fn assert_stopped(facts: &[FactRecord]) {
    let ended = facts.iter().rev().find_map(|fact| match &fact.fact {
        Fact::Ended(outcome) if fact.subject == Subject::Worker(WorkerId(0)) => Some(outcome.clone()),
        _ => None,
    });
    let ended = ended.expect("it has ended");
    assert_eq!((ended.state, ended.status), (WorkerState::Stopped, ExitStatus::Exited(0)), "{:?}", words(facts));
}

/// Answers: `/slow` after a while, `/never` never, `/ws` by switching to another protocol in which everything is said back, whatever else at once. What
/// does not begin as a request is said back as well.
pub async fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    answer_on(listener);
    address
}

pub fn answer_on(listener: TcpListener) {
    drop(tokio::task::spawn_local(async move {
        while let Ok((io, _)) = listener.accept().await {
            drop(tokio::task::spawn_local(answer(io)));
        }
    }));
}

pub async fn answer(mut io: TcpStream) {
    let mut bytes = vec![0; 65_536];
    loop {
        let Ok(read @ 1..) = io.read(&mut bytes).await else { return };
        let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
        let said = if text.starts_with("GET /slow") {
            tokio::time::sleep(SLOW).await;
            "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nslow".to_string()
        } else if text.starts_with("GET /never") {
            std::future::pending().await
        } else if text.starts_with("GET /ws") {
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n".to_string()
        } else if text.starts_with("GET ") {
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nquick".to_string()
        } else {
            text
        };
        if io.write_all(said.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// One client.
pub struct Client(pub TcpStream);

impl Client {
    pub async fn connect(to: SocketAddr) -> Client {
        Client(TcpStream::connect(to).await.expect("it listens"))
    }

    pub async fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    pub async fn get(&mut self, target: &str) {
        self.say(&format!("GET {target} HTTP/1.1\r\nhost: test\r\nauthorization: secret\r\n\r\n")).await;
    }

    /// Reads until what was read ends so.
    pub async fn until(&mut self, end: &str) -> String {
        let mut read = Vec::new();
        while !String::from_utf8_lossy(&read).ends_with(end) {
            let n = tokio::time::timeout(Duration::from_secs(5), self.0.read_buf(&mut read)).await.expect("it comes");
            assert!(n.is_ok_and(|n| n > 0), "closed after {:?}", String::from_utf8_lossy(&read));
        }
        String::from_utf8(read).unwrap()
    }

    /// Waits for the end of the connection; how long that took.
    pub async fn closed(&mut self) -> Duration {
        let (began, mut rest) = (Instant::now(), Vec::new());
        let read = tokio::time::timeout(Duration::from_secs(5), self.0.read_to_end(&mut rest)).await;
        assert!(read.is_ok(), "it was never closed");
        assert_eq!(String::from_utf8_lossy(&rest), "", "nothing more is said");
        began.elapsed()
    }
}
