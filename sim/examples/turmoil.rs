//! A test that somebody who uses turmoil would write: a machine that runs jobs for users over the network, and a user who may vanish.
//! turmoil has the network; the processes come from Shakedown, and so do the oracles at the end, which no test has to write.
//!
//! The first runner forgets its job when the user hangs up. That is what nobody sees who tests with real children: they outlive the test.
//!
//! `just lent`

use shakedown_core::oracle::{OracleName, Violation};
use shakedown_core::puppet::parse;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{ExitStatus, ProcessSpec, Scope, Stream};
use shakedown_sim::lent::{Child, turmoil::boot};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};
use turmoil::net::{TcpListener, TcpStream};

/// How a runner treats a job whose user is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Runner {
    Forgetful,
    Careful,
}

fn main() {
    for runner in [Runner::Forgetful, Runner::Careful] {
        let found: Vec<(u64, Violation)> =
            (0..SEEDS).filter_map(|seed| play(runner, seed).into_iter().next().map(|first| (seed, first))).collect();
        println!("{runner:?}: {} of {SEEDS} seeds found something", found.len());
        if let Some((seed, Violation { oracle, message, .. })) = found.first() {
            println!("    seed {seed}: {oracle:?}: {message}");
        }
        let is_as_told = match runner {
            Runner::Forgetful => found.iter().any(|(_, violation)| violation.oracle == OracleName::NoOrphan),
            Runner::Careful => found.is_empty(),
        };
        assert!(is_as_told, "the forgetful runner leaves an orphan, and the careful one nobody");
    }
}

/// One run of one seed; what our oracles have found.
fn play(runner: Runner, seed: u64) -> Vec<Violation> {
    let found: Rc<RefCell<Vec<Violation>>> = Rc::default();
    let told = found.clone();
    let mut sim = turmoil::Builder::new().rng_seed(seed).max_message_latency(Duration::from_millis(5)).build();
    sim.client("runner", async move {
        let lent = boot(seed);
        let listener = TcpListener::bind(("0.0.0.0", 700)).await?;
        let (mut user, _) = listener.accept().await?;
        let script = parse("print working; spawn helper { hang }; sleep 20ms..60ms; exit 0").expect("a script");
        let job = lent.spawn(ProcessSpec::puppet("job", script).scope(Scope::Tree)).await?;
        let _ = serve(runner, &job, &mut user).await;
        sleep(Duration::from_millis(5)).await;
        told.borrow_mut().extend(lent.end());
        Ok(())
    });
    sim.client("user", async move {
        let mut runner = TcpStream::connect(("runner", 700)).await?;
        // Seen from afar, patience is as good as a draw.
        let _ = timeout(Duration::from_millis(20 + seed), async {
            let mut said = String::new();
            runner.read_to_string(&mut said).await.map(|_| said)
        })
        .await;
        Ok(())
    });
    if let Err(error) = sim.run() {
        panic!("seed {seed}: {error}");
    }
    drop(sim);
    found.take()
}

/// Hands the job's output on, and ends when the job does, or the user is gone.
async fn serve(runner: Runner, job: &Child, user: &mut TcpStream) -> std::io::Result<()> {
    let mut said = Vec::new();
    job.read(Stream::Stdout, &mut said).await;
    user.write_all(&said).await?;
    let mut nothing = [0];
    tokio::select! {
        biased;
        status = job.wait() => {
            end(job).await;
            if status == ExitStatus::Exited(0) { user.write_all(b"done").await } else { Ok(()) }
        }
        _ = user.read(&mut nothing) => match runner {
            // The user is gone, and so is the interest in the job.
            Runner::Forgetful => Ok(()),
            Runner::Careful => {
                end(job).await;
                Ok(())
            }
        },
    }
}

/// Nobody of the job is left, and it is reaped.
async fn end(job: &Child) {
    // Where nobody is left there is nobody to be killed.
    let _ = job.signal_scope(Signal::KILL);
    job.wait().await;
    job.wait_scope().await;
}

const SEEDS: u64 = 50;
