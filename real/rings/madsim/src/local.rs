//! Who acts on a session in its own process: clients by its handle, who stops it, and a supervisor beside it.

use crate::chance::{below, micros, one_in, up_to};
use crate::plan::{any_script, puppet};
use madsim::time::{sleep, timeout};
use shakedown_core::ids::WorkerId;
use shakedown_core::runner::Which;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::Stream;
use shakedown_real::handle::Handle;
use std::cell::Cell;
use std::rc::Rc;

/// What asks, loses patience, and asks again.
pub async fn client(handle: Handle, workers: u32) {
    for _ in 0..1 + below(11) {
        sleep(micros(0..5000)).await;
        let asked = ask(&handle, WorkerId(below(workers)));
        match below(3) {
            // Dropped at whatever it waits for.
            0 => drop(timeout(micros(0..200), asked).await),
            1 => drop(up_to(1 + below(6), asked).await),
            _ => asked.await,
        }
    }
}

async fn ask(handle: &Handle, id: WorkerId) {
    // A verb may be refused: what it was for has ended meanwhile.
    match below(9) {
        0 => drop(handle.stop(id).await),
        1 => drop(handle.kill(id).await),
        2 => drop(handle.restart(id).await),
        3 => drop(handle.signal(id, 10).await),
        4 => drop(handle.with(move |runner| runner.start_again(id)).await),
        5 => drop(handle.list(Which::Retained).await),
        6 => drop(handle.with(move |runner| runner.close_input(id)).await),
        7 => {
            let size = if one_in(2) { 5 } else { 200_000 };
            let bytes = vec![b'\n'; size];
            let _ = handle.with(move |runner| runner.send_input(id, &bytes)).await;
        }
        _ => {
            if let Ok(mut follower) = handle.follow().await {
                for _ in 0..below(5) {
                    let _ = timeout(micros(0..3000), follower.next()).await;
                }
            }
        }
    }
}

/// Nothing may go on once the session has told its end, and so it is stopped after the supervisor beside it has ended.
pub async fn stopper(handle: Handle, is_supervised: Rc<Cell<bool>>) {
    sleep(micros(0..40_000)).await;
    while is_supervised.get() {
        sleep(micros(0..1000)).await;
    }
    let _ = handle.stop_session().await;
    if one_in(3) {
        sleep(micros(0..3000)).await;
        let _ = handle.stop_session().await;
    }
}

/// A supervisor as a user writes it: every wait of it may be withdrawn.
pub async fn supervise(cx: TaskCx) {
    for _ in 0..2 {
        let Ok(Ok(process)) = cx.timeout(micros(0..4000), cx.process().start(puppet("own", any_script()))).await else {
            continue;
        };
        let mut output = Vec::new();
        let _ = cx.timeout(micros(0..3000), process.read(Stream::Stdout, &mut output)).await;
        let _ = cx.timeout(micros(0..2000), process.write_all(&[b'\n'; 100_000])).await;
        let _ = cx.timeout(micros(0..2000), process.scope_empty()).await;
        process.signal_scope(Signal::TERM);
        if cx.timeout(micros(0..8000), process.exited()).await.is_err() {
            process.signal_scope(Signal::KILL);
        }
        process.signal_scope(Signal::KILL);
        process.scope_empty().await;
        process.wait().await;
        // What it wrote and nobody wants: the next one has pipes of its own.
        Stream::BOTH.into_iter().for_each(|stream| process.close_output(stream));
    }
}
