//! The shipped proxy on turmoil's network: clients that are slow, silent, cut off or crash, an upstream that does too, and a stop at any
//! moment. Whatever happens on the links, the proxy is over when its drain is, and has told of each request how it ended.

use super::play::{Dice, network, step_through};
use shakedown_core::ids::OpId;
use shakedown_core::proxy::{Listen, ProxySpec, Role, Stage, Upstream};
use shakedown_core::signal::Signal;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{Completion, Request, Target};
use shakedown_real::proxy::net::{Accept, Net};
use shakedown_real::proxy::{Office, serve};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::sleep;
use turmoil::net::{TcpListener, TcpStream};

/// turmoil as a proxy's network.
struct Turmoil(tokio::time::Instant);

impl Net for Turmoil {
    type Io = TcpStream;

    async fn dial(&self, to: &str) -> io::Result<TcpStream> {
        let to: SocketAddr = to.parse().map_err(io::Error::other)?;
        TcpStream::connect(to).await
    }

    fn pause(&self, length: Duration) -> impl Future<Output = ()> + 'static {
        sleep(length)
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        drop(tokio::task::spawn_local(task));
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(self.0.elapsed().as_nanos() as u64)
    }
}

struct Door(TcpListener);

impl Accept for Door {
    type Io = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        self.0.accept().await.map(|(io, _)| io)
    }
}

/// What a run has come to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Run {
    pub findings: Vec<String>,
    /// Requests that were begun, answered, refused and cut.
    pub requests: [u32; 4],
    pub took_ms: u128,
}

/// Plays a seed.
pub fn play(seed: u64) -> Run {
    let dice = Dice::new(seed);
    let run: Rc<RefCell<Run>> = Rc::default();
    let mut sim = network(seed, &dice);
    let for_server = dice.clone();
    sim.host("server", move || answer_all(for_server.clone()));
    sim.client("edge", edge(dice.clone(), run.clone()));
    for client in CLIENTS {
        let dice = dice.clone();
        sim.host(client, move || visit(dice.clone()));
    }
    let ended = step_through(&mut sim, &dice, 600, 6, |sim, what| {
        let other = ["server", CLIENTS[0], CLIENTS[1], CLIENTS[2]][dice.below(4) as usize];
        match what {
            0 => sim.partition("edge", other),
            1 => sim.hold("edge", other),
            2 => sim.release("edge", other),
            3 => sim.repair("edge", other),
            4 => sim.crash(other),
            _ => sim.bounce(other),
        }
    });
    drop(sim);
    run.borrow_mut().findings.extend(ended.err().map(|error| format!("the proxy does not end: {error}")));
    run.take()
}

type Ended = Result<(), Box<dyn std::error::Error>>;

async fn edge(dice: Dice, run: Rc<RefCell<Run>>) -> Ended {
    let upstream = SocketAddr::new(turmoil::lookup("server"), PORT);
    let role = Role::Reverse(Upstream { worker: "server".into(), address: Some(upstream) });
    let listen = Listen::At(SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT)));
    let spec = ProxySpec { role, listen, drain: DRAIN, ..ProxySpec::forward("edge") };
    let answers = Rc::new(RefCell::new(VecDeque::new()));
    let bell = Rc::new(Notify::new());
    let (into, rings) = (answers.clone(), bell.clone());
    let tell = Box::new(move |op, completion| {
        into.borrow_mut().push_back((op, completion));
        rings.notify_one();
    });
    let office = Office::new(Turmoil(tokio::time::Instant::now()), Arc::new(spec), tell);
    let door = Door(TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?);
    drop(tokio::task::spawn_local(serve(office.clone(), door)));
    office.ask(EXIT, &Request::Exit);
    office.ask(TRAFFIC, &Request::Traffic);
    let stop_at = Duration::from_millis(dice.below(600));
    let stopper = office.clone();
    drop(tokio::task::spawn_local(async move {
        sleep(stop_at).await;
        stopper.ask(OpId(3), &Request::Signal { to: Target::Scope, signal: Signal::TERM });
    }));
    let began = tokio::time::Instant::now();
    let (mut exited, mut told_all) = (false, false);
    while !(exited && told_all) {
        let Some((op, completion)) = answers.borrow_mut().pop_front() else {
            bell.notified().await;
            continue;
        };
        match completion {
            Completion::Exited(_) => exited = true,
            Completion::Traffic(traffic) => {
                let counts = &mut run.borrow_mut().requests;
                for told in &traffic.told {
                    match told.stage {
                        Stage::Started => counts[0] += 1,
                        Stage::Finished { .. } | Stage::Refused { accepted: true, .. } => counts[1] += 1,
                        Stage::Refused { accepted: false, .. } => counts[2] += 1,
                        Stage::Cut { .. } => counts[3] += 1,
                    }
                }
                told_all = traffic.over;
                if !told_all {
                    office.ask(op, &Request::Traffic);
                }
            }
            other => run.borrow_mut().findings.push(format!("{other:?} was not asked for")),
        }
    }
    let took = began.elapsed().saturating_sub(stop_at);
    let again = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await;
    let mut run = run.borrow_mut();
    run.took_ms = took.as_millis();
    if took > DRAIN + LAG_MAX {
        run.findings.push(format!("it was over {took:?} after it was asked, and its drain is {DRAIN:?}"));
    }
    let [begun, answered, _, cut] = run.requests;
    if begun != answered + cut {
        run.findings.push(format!("of {begun} requests {answered} were answered and {cut} cut"));
    }
    if let Err(error) = again {
        run.findings.push(format!("its port is not free: {error}"));
    }
    Ok(())
}

/// The upstream: an answer to each head after a while, in a few pieces; in a tunnel everything is said back.
async fn answer_all(dice: Dice) -> Ended {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
    loop {
        let (mut io, _) = listener.accept().await?;
        let dice = dice.clone();
        drop(tokio::task::spawn_local(async move {
            let mut bytes = [0; 1024];
            while let Ok(read @ 1..) = io.read(&mut bytes).await {
                sleep(dice.ms(300)).await;
                let said = if bytes[..read].starts_with(b"GET") {
                    &[&b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"[..], b"do", b"ne"][..]
                } else {
                    &[&b"echo"[..]][..]
                };
                for piece in said {
                    if io.write_all(piece).await.is_err() {
                        return;
                    }
                    sleep(dice.ms(20)).await;
                }
            }
        }));
    }
}

/// A client that comes again and again, and does something else each time.
async fn visit(dice: Dice) -> Ended {
    loop {
        sleep(dice.ms(100)).await;
        let Ok(mut io) = TcpStream::connect(("edge", PORT)).await else { continue };
        let said: &[u8] = match dice.below(4) {
            0 => b"",
            1 => b"GET / HT",
            2 => b"CONNECT server:80 HTTP/1.1\r\nhost: server\r\n\r\n",
            _ => b"GET / HTTP/1.1\r\nhost: edge\r\n\r\n",
        };
        let stays = dice.ms(500);
        let talk = async {
            let mut bytes = [0; 1024];
            for _ in 0..1 + dice.below(3) {
                io.write_all(said).await?;
                if io.read(&mut bytes).await? == 0 {
                    break;
                }
            }
            io::Result::Ok(())
        };
        let _ = tokio::time::timeout(stays, talk).await;
    }
}

const CLIENTS: [&str; 3] = ["ann", "bob", "cid"];
const PORT: u16 = 80;
const DRAIN: Duration = Duration::from_millis(400);
/// Two steps of turmoil's clock.
const LAG_MAX: Duration = Duration::from_millis(2);
const EXIT: OpId = OpId(1);
const TRAFFIC: OpId = OpId(2);
