//! Our proxy against a plain one, in one run: the same upstream, the same load (wrk), one after the other and several times over.
//! Absolute figures are the machine's; the ratio is ours. `just bench-proxy` runs it; the goal is 0.8.
//!
//! The plain one is what hyper's users write: its server, and the pooling client of hyper-util. Ours is a whole session whose worker it
//! is, with the drain machine, request facts and all limits. Each has one thread.

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use shakedown_core::actor::Actor;
use shakedown_core::host::Host;
use shakedown_core::proxy::{ProxySpec, Upstream};
use shakedown_core::vocab::{Body, SessionSpec, WorkerSpec};
use shakedown_real::{Config, RealWorld, host};
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;
use tokio::net::TcpListener;

fn main() -> ExitCode {
    if Command::new("wrk").arg("--version").output().is_err() {
        println!("skipped: wrk is not installed (the Debian package wrk)");
        return ExitCode::SUCCESS;
    }
    let upstream = on_a_thread(|address| async move { serve_upstream(address).await });
    let plain = on_a_thread(move |address| async move { serve_plain(upstream, address).await });
    let ours = on_a_thread(move |address| async move { serve_ours(upstream, address).await });
    println!("{:>6}  {:>12} {:>10}  {:>12} {:>10}  ratio", "round", "plain req/s", "p99", "ours req/s", "p99");
    let mut ratios = Vec::new();
    for round in 0..=ROUNDS {
        // Whoever comes first in a round has a cooler machine.
        let (first, second) = if round % 2 == 0 { (plain, ours) } else { (ours, plain) };
        let (first, second) = (load(first), load(second));
        let (plain, ours) = if round % 2 == 0 { (first, second) } else { (second, first) };
        let ratio = ours.per_second / plain.per_second;
        println!(
            "{:>6}  {:>12.0} {:>10}  {:>12.0} {:>10}  {ratio:.2}",
            if round == 0 { "warm".to_string() } else { round.to_string() },
            plain.per_second,
            plain.p99,
            ours.per_second,
            ours.p99
        );
        if round > 0 {
            ratios.push(ratio);
        }
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    println!("ours against plain: {median:.2} (median of {ROUNDS}), goal {GOAL}");
    if median >= GOAL { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Load {
    per_second: f64,
    p99: String,
}

/// What wrk makes of whoever listens there.
fn load(at: SocketAddr) -> Load {
    let out = Command::new("wrk")
        .args(["--threads", "1", "--connections", "32", "--latency", "--duration", SECONDS])
        .arg(format!("http://{at}/"))
        .output()
        .expect("wrk was there before");
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(!text.contains("Non-2xx") && !text.contains("Socket errors"), "{text}");
    let word = |after: &str| text.lines().find_map(|line| line.trim().strip_prefix(after)).map(str::trim);
    let per_second = word("Requests/sec:").and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{text}"));
    Load { per_second, p99: word("99%").unwrap_or("?").to_string() }
}

/// Runs a server on a thread and a runtime of its own, and waits until it listens.
fn on_a_thread<F: Future<Output = ()>>(serve: impl FnOnce(Sender<SocketAddr>) -> F + Send + 'static) -> SocketAddr {
    let (tell, told) = channel();
    std::thread::spawn(move || host::block_on(serve(tell)));
    told.recv().expect("it listens")
}

async fn listen(tell: Sender<SocketAddr>) -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    tell.send(listener.local_addr().expect("it is bound")).expect("somebody waits");
    listener
}

async fn serve_upstream(tell: Sender<SocketAddr>) {
    let listener = listen(tell).await;
    while let Ok((io, _)) = listener.accept().await {
        let _ = io.set_nodelay(true);
        let answer = |_: Request<Incoming>| async {
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(&[b'x'; 1024]))))
        };
        tokio::task::spawn_local(http1::Builder::new().serve_connection(TokioIo::new(io), service_fn(answer)));
    }
}

async fn serve_plain(upstream: SocketAddr, tell: Sender<SocketAddr>) {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Incoming> = Client::builder(TokioExecutor::new()).build(connector);
    let listener = listen(tell).await;
    while let Ok((io, _)) = listener.accept().await {
        let _ = io.set_nodelay(true);
        let client = client.clone();
        let pass_on = move |mut request: Request<Incoming>| {
            let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
            *request.uri_mut() = format!("http://{upstream}{path}").parse::<Uri>().expect("a path follows");
            client.request(request)
        };
        tokio::task::spawn_local(http1::Builder::new().serve_connection(TokioIo::new(io), service_fn(pass_on)));
    }
}

async fn serve_ours(upstream: SocketAddr, tell: Sender<SocketAddr>) {
    let mut host: Host<RealWorld, Actor> = Host::new(RealWorld::new(Config::default()).expect("a world"));
    let spec = ProxySpec::reverse("edge", Upstream { worker: "server".into(), address: Some(upstream) });
    let mut session = SessionSpec::new("bench");
    session.workers = vec![WorkerSpec::new("edge", Body::Proxy(spec.into()))];
    host.start_session(&Arc::new(session), &[].into());
    let _ = host::drive_within(&mut host, Duration::from_millis(100)).await;
    let address = host.world().borrow().proxy_address("edge").expect("it listens");
    tell.send(address).expect("somebody waits");
    host::drive(&mut host).await;
}

/// Counted rounds, after one that warms everybody up.
const ROUNDS: usize = 5;
const SECONDS: &str = "2s";
const GOAL: f64 = 0.8;
