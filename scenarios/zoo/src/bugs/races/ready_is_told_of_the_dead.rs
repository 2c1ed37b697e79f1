//! A probe is asked whether the server is ready, and its answer is told when it comes; the server may have ended meanwhile.
//! containerd#7111 (L81), with a probe in the place of the start: who reads the last word finds a dead server ready.

use crate::life::Life;
use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::Fact;
use std::cell::Cell;
use std::rc::Rc;

pub(super) fn case() -> Case {
    Case::new("ready_is_told_of_the_dead", "L81", OracleName::EventOrder)
        .broken(|host| drop(host.spawn("run", |cx| run(cx, false))))
        .twin(|host| drop(host.spawn("run", |cx| run(cx, true))))
}

/// Right where it looks again, when the answer has come, whom it is about.
async fn run(cx: TaskCx, looks_again: bool) {
    let server = Rc::new(Life::begin(&cx, 0, 1, "server", "repeat 2 { sleep 20ms..90ms }; exit 0").await);
    let is_up = Rc::new(Cell::new(true));
    let (probed, up) = (server.clone(), is_up.clone());
    let prober = cx.spawn("prober", move |cx| async move {
        let check = start(&cx, "check", "sleep 5ms..45ms; exit 0").await;
        check.wait().await;
        if up.get() || !looks_again {
            probed.tell(Fact::Ready);
        }
    });
    server.exits().await;
    is_up.set(false);
    prober.await.expect("nobody aborts the prober");
    server.tell_end(None);
}
