//! Who asks and is gone before the answer comes is obeyed none the less: what was posted is carried out, and so is what was handed to the
//! network whole.

use crate::chance::{below, micros, one_in, up_to};
use crate::net::{dial, machine};
use crate::plan;
use crate::play::Run;
use crate::stage::Stage;
use madsim::runtime::Handle as Machines;
use madsim::task::spawn_local;
use madsim::time::sleep;
use shakedown_core::ids::WorkerId;
use shakedown_core::runner::{TaskSpec, Which};
use shakedown_real::control::{Command, Start};
use shakedown_real::handle::{Handle, Undone};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// What is asked.
#[derive(Clone, Copy, Debug)]
enum Order {
    StopSession,
    Kill,
    Start,
}

/// By a handle: it is posted with the first poll.
pub async fn by_handle() -> Run {
    play(|order, handle| async move {
        let awaits = 1 + below(4);
        match order {
            Order::StopSession => drop(up_to(awaits, handle.stop_session()).await),
            Order::Kill => drop(up_to(awaits, handle.kill(PLANNED)).await),
            Order::Start => {
                let spec = || TaskSpec::process(plan::puppet("more", "hang"));
                let _ = up_to(awaits, handle.start(spec)).await;
            }
        }
        true
    })
    .await
}

/// By the control protocol: the client drops its connection at any await, or its machine vanishes.
pub async fn by_wire() -> Run {
    play(|order, _| async move {
        let command = match order {
            Order::StopSession => Command::StopSession,
            Order::Kill => Command::Kill(PLANNED),
            Order::Start => Command::Start(Start { name: "more".into(), argv: vec!["job".into()], ..Start::default() }),
        };
        let flushed = Arc::new(AtomicU32::new(0));
        let count = flushed.clone();
        let client = Machines::current().create_node().ip(machine(0)).build();
        let conversation = async move {
            let mut client = dial(count).await?;
            client.ask(command).await
        };
        if one_in(2) {
            drop(client.spawn(async move { drop(up_to(1 + below(12), conversation).await) }));
        } else {
            drop(client.spawn(conversation));
            sleep(micros(0..20_000)).await;
            Machines::current().kill(client.id());
        }
        sleep(ARRIVED).await;
        flushed.load(Ordering::Relaxed) >= GREETED_AND_ASKED
    })
    .await
}

/// A session that somebody gives an order to, who may be gone then; `ask` tells whether it was given.
async fn play<F: Future<Output = bool>>(ask: impl FnOnce(Order, Handle) -> F + 'static) -> Run {
    let stage = Stage::begin(&Arc::new(plan::one("planned", "on TERM ignore; hang"))).await;
    let (order, handle) = ([Order::StopSession, Order::Kill, Order::Start][below(3) as usize], stage.handle.clone());
    let judged = spawn_local(async move {
        sleep(micros(0..20_000)).await;
        let is_given = ask(order, handle.clone()).await;
        sleep(OBEYED).await;
        let listed = handle.list(Which::Retained).await;
        let is_obeyed = match (order, &listed) {
            (Order::StopSession, listed) => *listed == Err(Undone::Over),
            (Order::Kill, Ok(workers)) => workers.iter().any(|worker| worker.id == PLANNED && worker.is_over),
            (Order::Start, Ok(workers)) => workers.len() == 2,
            (Order::Kill | Order::Start, Err(_)) => false,
        };
        let _ = handle.stop_session().await;
        let found = format!("{order:?} was given, and who gave it has gone; it is not obeyed: {listed:?}");
        Run {
            findings: if is_given && !is_obeyed { vec![found] } else { Vec::new() },
            obeyed: u32::from(is_given && is_obeyed),
            ..Run::default()
        }
    });
    let mut run = Run { findings: stage.finish().await, ..Run::default() };
    run.add(judged.await.expect("nobody ends it"));
    run
}

const PLANNED: WorkerId = WorkerId(0);
const GREETED_AND_ASKED: u32 = 2;
/// Whatever was handed to the network is there by then.
const ARRIVED: Duration = Duration::from_millis(60);
/// And done.
const OBEYED: Duration = Duration::from_millis(400);
