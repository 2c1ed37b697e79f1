//! The workloads without any async: state machines, a queue, a heap. No design that runs futures can be faster.
//! Messages wait in a vector from which the generator picks, so the freedom to schedule is that of the executors.
#[path = "../../common/mod.rs"]
mod common;
mod shutdown;

use common::cli::{Job, SEED};
use common::rng::Rng;
use common::{heap, stats};
use shutdown::Simulation;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::hint::black_box;

fn main() {
    common::cli::main(|job| match job {
        Job::Empty { first, count } => {
            let mut simulation = Simulation::new();
            for seed in first..first + count {
                simulation.reset(seed);
                black_box(&mut simulation);
            }
            0
        }
        Job::ShutdownRace { first, count } => {
            let mut simulation = Simulation::new();
            for seed in first..first + count {
                stats::with(|sums| simulation.run(seed, sums));
            }
            0
        }
        Job::Sleepers { tasks, sleeps } => sleepers(tasks, sleeps),
        Job::PingPong { messages } => ping_pong(messages),
        Job::Heartbeat { beats } => heartbeat(beats),
        Job::Parked { tasks } => parked(tasks),
    });
}

/// A timer: (when, arrival, whose).
type Timers = BinaryHeap<Reverse<(u64, u64, u32)>>;

fn sleepers(tasks: u64, sleeps: u64) -> i64 {
    let mut timers = Timers::new();
    let mut arrivals = 0;
    let mut states: Vec<(Rng, u64)> = (0..tasks).map(|id| (Rng::new(SEED, id), sleeps)).collect();
    for (id, (rng, _)) in states.iter_mut().enumerate() {
        arrivals += 1;
        timers.push(Reverse((rng.range(1, 100), arrivals, id as u32)));
    }
    let (mut now_ms, mut ticks) = (0, 0);
    while let Some(Reverse((at_ms, _, id))) = timers.pop() {
        now_ms = at_ms;
        ticks += 1;
        let (rng, left) = &mut states[id as usize];
        *left -= 1;
        if *left > 0 {
            arrivals += 1;
            timers.push(Reverse((now_ms + rng.range(1, 100), arrivals, id)));
        }
    }
    stats::with(|sums| {
        sums.ticks += ticks;
        sums.end_ms += now_ms;
    });
    0
}

enum Player {
    Ping,
    Pong,
}

fn ping_pong(messages: u64) -> i64 {
    let (mut at_pong, mut at_ping) = (VecDeque::new(), VecDeque::new());
    let mut ready = Vec::new();
    let mut rng = Rng::new(SEED, 0xE);
    let (mut ball, mut ticks) = (0_u64, 0);
    at_pong.push_back(ball);
    ready.push(Player::Pong);
    while !ready.is_empty() {
        let at = if ready.len() == 1 { 0 } else { rng.below(ready.len() as u64) as usize };
        match ready.swap_remove(at) {
            Player::Pong => {
                let ball: u64 = at_pong.pop_front().expect("it was woken");
                at_ping.push_back(black_box(ball + 1));
                ready.push(Player::Ping);
            }
            Player::Ping => {
                let back = at_ping.pop_front().expect("it was woken");
                ticks += u64::from(back == ball + 1);
                ball += 1;
                if ball < messages / 2 {
                    at_pong.push_back(black_box(ball));
                    ready.push(Player::Pong);
                }
            }
        }
    }
    stats::with(|sums| sums.ticks += ticks);
    0
}

fn heartbeat(beats: u64) -> i64 {
    let mut timers = Timers::from([Reverse((1000, 0, 0))]);
    let (mut now_ms, mut ticks) = (0, 0);
    while let Some(Reverse((at_ms, arrival, id))) = timers.pop() {
        now_ms = at_ms;
        ticks += 1;
        if ticks < beats {
            timers.push(Reverse((black_box(now_ms + 1000), arrival + 1, id)));
        }
    }
    stats::with(|sums| {
        sums.ticks += ticks;
        sums.end_ms += now_ms;
    });
    0
}

fn parked(tasks: u64) -> i64 {
    let before = heap::bytes();
    let mut timers = Timers::new();
    let mut woken: Vec<bool> = Vec::new();
    for id in 0..tasks {
        woken.push(false);
        timers.push(Reverse((HOUR_MS, id, id as u32)));
    }
    let bytes = heap::bytes() - before;
    while let Some(Reverse((_, _, id))) = timers.pop() {
        woken[id as usize] = true;
    }
    stats::with(|sums| sums.ticks += woken.iter().filter(|woken| **woken).count() as u64);
    bytes
}

const HOUR_MS: u64 = 3_600_000;
