//! The command line of a peer: one workload a process, one line of `key=value` as the answer.
//! `bench` reads that line; a person can run a peer by hand: `peer-tokio w1 1000`, `peer-tokio traces 101 20 reversed`.
use super::{heap, stats};
use std::time::Instant;

/// One piece of work, as BENCH's W0 to W5 define it.
#[derive(Clone, Copy)]
pub enum Job {
    /// W0: simulations in which nothing happens, for the seeds `first..first + count`.
    Empty { first: u64, count: u64 },
    /// W1: shutdown races, for the seeds `first..first + count`.
    ShutdownRace { first: u64, count: u64 },
    /// W2: this many tasks, each with so many sleeps of 1 to 100 ms.
    Sleepers { tasks: u64, sleeps: u64 },
    /// W3: ping-pong over unbounded channels.
    PingPong { messages: u64 },
    /// W4: one heartbeat a virtual second.
    Heartbeat { beats: u64 },
    /// W5: tasks parked on a timer of an hour.
    Parked { tasks: u64 },
}

/// The seed of the workloads that are one simulation.
pub const SEED: u64 = 7;
/// Tasks of W2.
const SLEEPERS: u64 = 1000;

/// Runs what the arguments ask for. `run` does one job and answers the heap bytes held while W5's tasks were parked.
pub fn main(run: impl Fn(Job) -> i64) {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| args.get(at).and_then(|arg: &String| arg.parse::<u64>().ok());
    let (Some(what), Some(n)) = (args.first(), number(1)) else { usage() };
    let (job, units) = match what.as_str() {
        "w0" => (Job::Empty { first: 1, count: n }, n),
        "w1" => (Job::ShutdownRace { first: 1, count: n }, n),
        "w2" => (Job::Sleepers { tasks: SLEEPERS, sleeps: n }, SLEEPERS * n),
        "w3" => (Job::PingPong { messages: n }, n),
        "w4" => (Job::Heartbeat { beats: n }, n),
        "w5" => (Job::Parked { tasks: n }, n),
        "traces" => return traces(run, n, number(2).unwrap_or(1), args.get(3).is_some_and(|arg| arg == "reversed")),
        _ => usage(),
    };
    if what == "w5" {
        heap::count();
    }
    let start = Instant::now();
    let parked_bytes = run(job);
    let wall_ns = start.elapsed().as_nanos();
    let sums = stats::take();
    println!(
        "workload={what} n={n} units={units} wall_ns={wall_ns} parked_bytes={parked_bytes} ticks={} kills={} \
         drain_timeouts={} stopped={} end_ms={}",
        sums.ticks, sums.kills, sums.drain_timeouts, sums.stopped, sums.end_ms
    );
}

/// Prints the digest of each seed's W1, run one after the other in this process, forwards or backwards.
fn traces(run: impl Fn(Job) -> i64, first: u64, count: u64, reversed: bool) {
    for at in 0..count {
        let seed = first + if reversed { count - 1 - at } else { at };
        run(Job::ShutdownRace { first: seed, count: 1 });
        println!("seed={seed} digest={:016x}", stats::take().digest);
    }
}

fn usage() -> ! {
    eprintln!("usage: w0|w1|w2|w3|w4|w5 N   or   traces FIRST_SEED COUNT [reversed]");
    std::process::exit(2)
}
