//! A stop that is asked for twice is done twice: the second begins with TERM, where the first has sent KILL already.
//! jenkins durable-task#545, actions/runner#1309 (L119): each request runs through all steps, and none knows of the other.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::{Process, TaskCx};
use shakedown_core::time::DurationRange;
use shakedown_core::vocab::{Fact, Fault, FaultKind, Requester, Target, WorkerState};
use std::cell::Cell;
use std::rc::Rc;

pub(super) fn case() -> Case {
    Case::new("second_stop_begins_with_term", "L119", OracleName::MonotoneStop)
        .faults(|| vec![Fault::new(FaultKind::SlowExit { by: EXIT }, 0.2)])
        .broken(|host| drop(host.spawn("stops", |cx| stops(cx, false))))
        .twin(|host| drop(host.spawn("stops", |cx| stops(cx, true))))
}

/// How long it may take to die.
const EXIT: DurationRange = DurationRange { min: ms(1), max: ms(60), grid: ms(1) };

/// When the second request comes, counted from the first; it has a hundred milliseconds until KILL.
const SECOND: DurationRange = DurationRange { min: ms(0), max: ms(400), grid: ms(1) };

async fn stops(cx: TaskCx, is_single: bool) {
    let server = start(&cx, "server", "on TERM ignore; hang").await;
    tell_spawn(&cx, &server);
    tell_started(&cx, &server);
    cx.sleep(ms(20)).await;
    tell_stop(&cx, &server, cx.now().after(ms(1_000)));
    let is_asked = Rc::new(Cell::new(false));
    let (asked, stopped) = (is_asked.clone(), server.clone());
    let again = cx.spawn("second", move |cx| async move {
        cx.sleep(cx.draw(SECOND)).await;
        if !is_single || !asked.get() {
            stop(&cx, &stopped, &asked).await;
        }
    });
    stop(&cx, &server, &is_asked).await;
    let status = server.wait().await;
    again.abort();
    tell_exited(&cx, &server, status);
    tell_end(&cx, &server, WorkerState::Killed, status, 0);
}

/// All steps from the first.
async fn stop(cx: &TaskCx, server: &Process, is_asked: &Cell<bool>) {
    is_asked.set(true);
    let by = Requester::Parent;
    tell(cx, server, Fact::Signalled { signal: Signal::TERM, target: Target::Scope, by });
    server.signal_scope(Signal::TERM);
    if cx.timeout(ms(100), server.exited()).await.is_err() {
        signal(cx, server, Signal::KILL);
        server.exited().await;
    }
}
