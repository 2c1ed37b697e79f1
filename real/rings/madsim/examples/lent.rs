//! A test that somebody who uses madsim would write: a node that runs a job for a user on another node, and is told over the network to
//! stop it. madsim has nodes, network and schedules; the processes come from Shakedown (its feature `madsim`), and so do the oracles.
//!
//! The first supervisor signals the process that it has started, and not those that this one has started in turn.
//!
//! `just lent`

use madsim::net::{TcpListener, TcpStream};
use madsim::runtime::{Handle, Runtime};
use madsim::task::spawn_local;
use madsim::time::{sleep, timeout};
use shakedown_core::oracle::{OracleName, Violation};
use shakedown_core::puppet::parse;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{ProcessSpec, Scope};
use shakedown_sim::lent::{Child, madsim::boot};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Whom a supervisor signals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Supervisor {
    OfOne,
    OfAll,
}

fn main() {
    for supervisor in [Supervisor::OfOne, Supervisor::OfAll] {
        // A thread a seed: madsim is not reproducible once another seed was played in the same thread.
        let play = |seed| std::thread::spawn(move || play(supervisor, seed)).join().expect("no panic");
        let found: Vec<(u64, Violation)> =
            (0..SEEDS).filter_map(|seed| play(seed).into_iter().next().map(|first| (seed, first))).collect();
        println!("{supervisor:?}: {} of {SEEDS} seeds found something", found.len());
        if let Some((seed, Violation { oracle, message, .. })) = found.first() {
            println!("    seed {seed}: {oracle:?}: {message}");
        }
        let is_as_told = match supervisor {
            Supervisor::OfOne => found.iter().any(|(_, violation)| violation.oracle == OracleName::NoOrphan),
            Supervisor::OfAll => found.is_empty(),
        };
        assert!(is_as_told, "who signals one leaves an orphan, and who signals all leaves nobody");
    }
}

/// One run of one seed; what our oracles have found.
fn play(supervisor: Supervisor, seed: u64) -> Vec<Violation> {
    let runtime = Runtime::with_seed_and_config(seed, madsim::Config::default());
    runtime.block_on(async move {
        let world = Handle::current();
        let runner = world.create_node().name("runner").ip([10, 0, 0, 1].into()).build();
        let user = world.create_node().name("user").ip([10, 0, 0, 2].into()).build();
        let served = runner.spawn(async move { spawn_local(serve(supervisor)).await.expect("it ends") });
        drop(user.spawn(async {
            sleep(Duration::from_millis(1)).await;
            let mut runner = TcpStream::connect("10.0.0.1:700").await.expect("it listens");
            sleep(Duration::from_millis(20)).await;
            runner.write_all(b"stop").await.expect("it reads");
            runner.flush().await.expect("it reads");
            sleep(Duration::from_secs(1)).await;
        }));
        served.await.expect("it ends")
    })
}

/// Runs the job until it is told to stop it.
async fn serve(supervisor: Supervisor) -> Vec<Violation> {
    let lent = boot();
    let listener = TcpListener::bind("10.0.0.1:700").await.expect("a free port");
    let script =
        parse("on TERM exit 0 after 1ms..20ms; spawn helper { sleep 5ms..60ms; exit 0 }; hang").expect("a script");
    let job = lent.spawn(ProcessSpec::puppet("job", script).scope(Scope::Group)).await.expect("it starts");
    let (mut user, _) = listener.accept().await.expect("a user");
    let mut order = [0; 4];
    user.read_exact(&mut order).await.expect("an order");
    stop(supervisor, &job).await;
    sleep(Duration::from_millis(1)).await;
    lent.end()
}

/// TERM, time, KILL, and the end.
async fn stop(supervisor: Supervisor, job: &Child) {
    let signal = |signal| match supervisor {
        Supervisor::OfOne => job.signal(signal),
        Supervisor::OfAll => job.signal_scope(signal),
    };
    // Where nobody is left there is nobody to be signalled.
    let _ = signal(Signal::TERM);
    if timeout(Duration::from_millis(10), job.wait()).await.is_err() {
        let _ = signal(Signal::KILL);
        job.wait().await;
    }
    if supervisor == Supervisor::OfAll {
        let _ = signal(Signal::KILL);
        job.wait_scope().await;
    }
}

const SEEDS: u64 = 200;
