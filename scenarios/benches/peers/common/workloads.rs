//! W0 to W5 as async code, the same text for every peer that has an executor.
//! A peer offers `crate::rt`: `Cx`, `now_ms`, `sleep_ms`, `spawn`, `run_seeds`, `sync::{mpsc, oneshot, watch}`, `BREATHER`.
use crate::common::cli::{Job, SEED};
use crate::common::heap;
use crate::common::rng::Rng;
use crate::common::stats::{self, Note};
use crate::rt::{self, Cx};
use rt::sync::{mpsc, oneshot, watch};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Does one job; answers the bytes on the heap while W5's tasks were parked, else zero.
pub fn run(job: Job) -> i64 {
    match job {
        Job::Empty { first, count } => rt::run_seeds(first, count, |_, _| async {}),
        Job::ShutdownRace { first, count } => rt::run_seeds(first, count, shutdown_race),
        Job::Sleepers { tasks, sleeps } => rt::run_seeds(SEED, 1, move |seed, cx| sleepers(seed, cx, tasks, sleeps)),
        Job::PingPong { messages } => rt::run_seeds(SEED, 1, move |_, cx| ping_pong(cx, messages)),
        Job::Heartbeat { beats } => rt::run_seeds(SEED, 1, move |_, cx| heartbeat(cx, beats)),
        Job::Parked { tasks } => rt::run_seeds(SEED, 1, move |_, cx| parked(cx, tasks)),
    }
    PARKED_BYTES.get()
}

/// W1, the root: three workers, a proxy, a supervisor that stops them.
async fn shutdown_race(seed: u64, cx: Cx) {
    let (stop, stop_seen) = watch::channel(false);
    let (events, mut events_seen) = mpsc::unbounded_channel();
    let (drains, drains_seen) = mpsc::unbounded_channel();
    let mut workers = Vec::with_capacity(WORKERS as usize);
    for id in 0..WORKERS {
        let stop = stop_seen.clone();
        workers.push(rt::spawn(&cx, "worker", move |cx| worker(cx, seed, id, stop)));
    }
    drop(stop_seen);
    let proxy = rt::spawn(&cx, "proxy", move |cx| proxy(cx, seed, drains_seen));
    let supervisor = rt::spawn(&cx, "supervisor", move |cx| supervisor(cx, seed, workers, stop, drains, events));
    if let Some(Stopped) = events_seen.recv().await {
        stats::with(|s| s.stopped += 1);
        note(&cx, ROOT, Note::StoppedSeen);
    }
    let _ = supervisor.await;
    let _ = proxy.await;
    end(&cx);
}

async fn worker(cx: Cx, seed: u64, id: u64, mut stop: watch::Receiver<bool>) {
    let mut rng = Rng::new(seed, id);
    let life_ms = rng.range(1, 500);
    loop {
        let pause_ms = rng.range(1, 20);
        match either(stop.changed(), rt::sleep_ms(&cx, pause_ms)).await {
            Either::Left(_) => {
                note(&cx, id, Note::StopSeen);
                rt::sleep_ms(&cx, rng.range(1, 150)).await;
                return note(&cx, id, Note::Finished);
            }
            Either::Right(()) => {
                stats::with(|s| s.ticks += 1);
                note(&cx, id, Note::Tick);
                if rt::now_ms(&cx) >= life_ms {
                    return note(&cx, id, Note::LifeOver);
                }
            }
        }
    }
}

async fn proxy(cx: Cx, seed: u64, mut drains: mpsc::UnboundedReceiver<oneshot::Sender<()>>) {
    let mut rng = Rng::new(seed, PROXY);
    while let Some(drained) = drains.recv().await {
        note(&cx, PROXY, Note::DrainSeen);
        rt::sleep_ms(&cx, rng.range(1, 100)).await;
        let _ = drained.send(());
    }
}

async fn supervisor(
    cx: Cx,
    seed: u64,
    workers: Vec<rt::Join>,
    stop: watch::Sender<bool>,
    drains: mpsc::UnboundedSender<oneshot::Sender<()>>,
    events: mpsc::UnboundedSender<Stopped>,
) {
    let mut rng = Rng::new(seed, SUPERVISOR);
    rt::sleep_ms(&cx, rng.range(1, 400)).await;
    let _ = stop.send(true);
    note(&cx, SUPERVISOR, Note::StopSent);
    let deadline = rt::now_ms(&cx) + STOP_MS;
    for mut worker in workers {
        let left_ms = deadline.saturating_sub(rt::now_ms(&cx));
        if timeout(&cx, left_ms, &mut worker).await.is_none() {
            worker.abort();
            let _ = worker.await;
            stats::with(|s| s.kills += 1);
            note(&cx, SUPERVISOR, Note::Killed);
        }
    }
    let (drained, drained_seen) = oneshot::channel();
    let _ = drains.send(drained);
    if timeout(&cx, DRAIN_MS, drained_seen).await.is_none() {
        stats::with(|s| s.drain_timeouts += 1);
    }
    note(&cx, SUPERVISOR, Note::DrainOver);
    let _ = events.send(Stopped);
}

/// W2.
async fn sleepers(seed: u64, cx: Cx, tasks: u64, sleeps: u64) {
    let mut joins = Vec::with_capacity(tasks as usize);
    for id in 0..tasks {
        joins.push(rt::spawn(&cx, "sleeper", move |cx| async move {
            let mut rng = Rng::new(seed, id);
            for _ in 0..sleeps {
                rt::sleep_ms(&cx, rng.range(1, 100)).await;
                stats::with(|s| s.ticks += 1);
            }
        }));
    }
    for join in joins {
        let _ = join.await;
    }
    end(&cx);
}

/// W3.
async fn ping_pong(cx: Cx, messages: u64) {
    let (to_pong, mut at_pong) = mpsc::unbounded_channel::<u64>();
    let (to_ping, mut at_ping) = mpsc::unbounded_channel::<u64>();
    let pong = rt::spawn(&cx, "pong", move |_| async move {
        while let Some(ball) = at_pong.recv().await {
            if to_ping.send(ball + 1).is_err() {
                break;
            }
        }
    });
    let ping = rt::spawn(&cx, "ping", move |cx| async move {
        for ball in 0..messages / 2 {
            let _ = to_pong.send(ball);
            let back = at_ping.recv().await;
            stats::with(|s| s.ticks += u64::from(back == Some(ball + 1)));
            if rt::BREATHER.is_some_and(|every| ball % every == 0) {
                rt::sleep_ms(&cx, 1).await;
            }
        }
    });
    let _ = ping.await;
    let _ = pong.await;
}

/// W4.
async fn heartbeat(cx: Cx, beats: u64) {
    let heart = rt::spawn(&cx, "heart", move |cx| async move {
        for _ in 0..beats {
            rt::sleep_ms(&cx, 1000).await;
            stats::with(|s| s.ticks += 1);
        }
    });
    let _ = heart.await;
    end(&cx);
}

/// W5. The vector of handles is made before the first reading: it is the test's, not the peer's.
async fn parked(cx: Cx, tasks: u64) {
    let mut joins = Vec::with_capacity(tasks as usize);
    let before = heap::bytes();
    for _ in 0..tasks {
        joins.push(rt::spawn(&cx, "parked", |cx| async move {
            rt::sleep_ms(&cx, HOUR_MS).await;
            stats::with(|s| s.ticks += 1);
        }));
    }
    rt::sleep_ms(&cx, 1).await; // now all of them sit on their timers
    PARKED_BYTES.set(heap::bytes() - before);
    for join in joins {
        let _ = join.await;
    }
}

/// What the supervisor tells the root.
struct Stopped;

enum Either<A, B> {
    Left(A),
    Right(B),
}

/// The first of two to finish; the left one where both have. No peer's own `select!`: some draw from a hidden generator.
async fn either<A: Future, B: Future>(left: A, right: B) -> Either<A::Output, B::Output> {
    let (mut left, mut right) = (pin!(left), pin!(right));
    poll_fn(move |task| {
        if let Poll::Ready(value) = left.as_mut().poll(task) {
            return Poll::Ready(Either::Left(value));
        }
        right.as_mut().poll(task).map(Either::Right)
    })
    .await
}

/// A finished result is preferred to its timer; zero milliseconds look once and do not wait.
async fn timeout<F: Future>(cx: &Cx, limit_ms: u64, future: F) -> Option<F::Output> {
    if limit_ms == 0 {
        let mut future = pin!(future);
        return poll_fn(move |task| match future.as_mut().poll(task) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => Poll::Ready(None),
        })
        .await;
    }
    match either(future, rt::sleep_ms(cx, limit_ms)).await {
        Either::Left(value) => Some(value),
        Either::Right(()) => None,
    }
}

fn note(cx: &Cx, task: u64, what: Note) {
    let now_ms = rt::now_ms(cx);
    stats::with(|s| s.note(task, what, now_ms));
}

fn end(cx: &Cx) {
    let now_ms = rt::now_ms(cx);
    stats::with(|s| s.end_ms += now_ms);
}

thread_local! {
    static PARKED_BYTES: Cell<i64> = const { Cell::new(0) };
}

const WORKERS: u64 = 3;
const PROXY: u64 = 50;
const SUPERVISOR: u64 = 100;
const ROOT: u64 = 200;
const STOP_MS: u64 = 100;
const DRAIN_MS: u64 = 50;
const HOUR_MS: u64 = 3_600_000;
