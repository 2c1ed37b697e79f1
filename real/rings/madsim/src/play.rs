//! One seed. Mostly everything at once: a session with random workers, clients by handle and by the control protocol that start, stop,
//! restart, kill, write, list and follow, lose patience or vanish, a supervisor of the host's own that withdraws its waits, and a drive that
//! is dropped at random awaits and taken up again. And a few things that want to be looked at alone.

use crate::chance::{below, micros};
use crate::stage::Stage;
use crate::{gone, local, net, plan, remote};
use madsim::rand::{Rng, thread_rng};
use madsim::runtime::Handle;
use madsim::task::spawn_local;
use shakedown_core::ids::WorkerId;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// What a seed has come to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Run {
    /// What is wrong, in the order in which it was found.
    pub findings: Vec<String>,
    /// Requests of clients of the control protocol that were carried out, and refused.
    pub done: u32,
    pub refused: u32,
    /// Conversations that failed, and that were dropped at an await.
    pub lost: u32,
    pub dropped: u32,
    /// Clients that have followed to the end.
    pub followed: u32,
    /// Orders that were obeyed although whoever gave them had gone.
    pub obeyed: u32,
}

impl Run {
    pub fn add(&mut self, other: Run) {
        self.findings.extend(other.findings);
        self.done += other.done;
        self.refused += other.refused;
        self.lost += other.lost;
        self.dropped += other.dropped;
        self.followed += other.followed;
        self.obeyed += other.obeyed;
    }
}

/// Plays the seed of the current runtime.
pub async fn play() -> Run {
    net::draw_latency();
    let session = Handle::current().create_node().name("session").ip(net::SESSION).build();
    let played = session.spawn(async {
        let played = match below(8) {
            0 | 1 => spawn_local(input()),
            2 => spawn_local(gone::by_handle()),
            3 => spawn_local(gone::by_wire()),
            _ => spawn_local(chaos()),
        };
        played.await.expect("nobody ends it")
    });
    played.await.expect("nobody ends it")
}

/// Everything at once.
async fn chaos() -> Run {
    let spec = Arc::new(plan::some());
    let mut stage = Stage::begin(&spec).await;
    let workers = spec.workers.len() as u32;
    let is_supervised = Rc::new(Cell::new(below(2) == 0));
    let ears = remote::bring(workers, !is_supervised.get());
    if is_supervised.get() {
        let is_supervised = is_supervised.clone();
        stage.host.spawn("supervisor", |cx| async move {
            local::supervise(cx).await;
            is_supervised.set(false);
        });
    }
    for _ in 0..1 + below(3) {
        drop(spawn_local(local::client(stage.handle.clone(), workers)));
    }
    drop(spawn_local(local::stopper(stage.handle.clone(), is_supervised)));
    let mut run = Run { findings: stage.finish().await, ..Run::default() };
    run.add(ears.take());
    run
}

/// A worker that reads its input to the end, at its own pace; the pump still writes when the input is closed.
async fn input() -> Run {
    let script = "sleep 0ms..4ms; read eof; print done; exit 0";
    let mut stage = Stage::begin(&Arc::new(plan::one("eater", script))).await;
    let told = Rc::new(RefCell::new(None));
    let heard = told.clone();
    stage.host.spawn("owner", |cx| async move {
        let eater = cx.runner().and_then(|runner| runner.handle(WorkerId(0)).ok()).expect("it is planned");
        while !eater.is_running() {
            cx.sleep(micros(50..500)).await;
        }
        for _ in 0..below(4) {
            let _ = eater.send_input(&vec![b'x'; thread_rng().gen_range(1..150_000)]);
            if below(2) == 0 {
                cx.sleep(micros(0..2000)).await;
            }
        }
        let closed = eater.close_input();
        let ended = cx.timeout(Duration::from_millis(100), eater.wait()).await;
        *heard.borrow_mut() = Some(format!("{closed:?} {:?}", ended.map(|ended| ended.map(|outcome| outcome.state))));
        cx.runner().expect("as before").stop_session();
    });
    let mut findings = stage.finish().await;
    let told = told.take().unwrap_or_else(|| "nothing".to_owned());
    if told != "Ok(()) Ok(Ok(Finished))" {
        findings.push(format!("a worker whose input was closed has to come to its end: {told}"));
    }
    Run { findings, ..Run::default() }
}
