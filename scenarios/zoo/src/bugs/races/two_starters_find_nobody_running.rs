//! Who wants the server looks whether it runs, writes down that it will, and starts it; two who come in the same moment both start it.
//! systemd#40345 (L86): concurrent starts by name, each of which has looked before the other was done.

use crate::life::Life;
use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::TaskCx;
use shakedown_core::time::DurationRange;
use std::cell::Cell;
use std::rc::Rc;

pub(super) fn case() -> Case {
    Case::new("two_starters_find_nobody_running", "L86", OracleName::EventOrder)
        .broken(|host| drop(host.spawn("clients", |cx| clients(cx, false))))
        .twin(|host| drop(host.spawn("clients", |cx| clients(cx, true))))
}

/// How late each of them is.
const ARRIVAL: DurationRange = DurationRange { min: ms(0), max: ms(300), grid: ms(1) };

async fn clients(cx: TaskCx, reserves: bool) {
    let started = Rc::new(Cell::new(0));
    let both = [("a", ms(3)), ("b", ms(103))].map(|(name, begin)| {
        let started = started.clone();
        cx.spawn(name, move |cx| async move {
            cx.sleep(begin).await;
            client(cx, started, reserves).await;
        })
    });
    for client in both {
        client.await.expect("nobody aborts a client");
    }
}

/// Right where the place is taken before anything is waited for.
async fn client(cx: TaskCx, started: Rc<Cell<u32>>, reserves: bool) {
    cx.sleep(cx.draw(ARRIVAL)).await;
    if started.get() > 0 {
        return;
    }
    if reserves {
        started.set(1);
    }
    // It is written to a disk.
    cx.sleep(ms(2)).await;
    if !reserves {
        started.set(started.get() + 1);
    }
    Life::begin(&cx, 0, started.get(), "server", "sleep 20ms..40ms; exit 0").await.over(None).await;
}
