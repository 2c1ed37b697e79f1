//! The answer to a probe comes while the server is being stopped, and it is told to be ready: whoever routes by that sends it requests.
//! kubernetes#67592, cilium#45593 (L110): an end and an announcement at the same time, and connections that are refused.

use crate::life::Life;
use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::{Fact, Requester};
use std::cell::Cell;
use std::rc::Rc;

pub(super) fn case() -> Case {
    Case::new("probe_answers_during_the_stop", "L110", OracleName::MonotoneStop)
        .broken(|host| drop(host.spawn("session", |cx| session(cx, false))))
        .twin(|host| drop(host.spawn("session", |cx| session(cx, true))))
}

async fn session(cx: TaskCx, looks_again: bool) {
    tell_session(&cx, Fact::Started { pid: None });
    let server = Rc::new(Life::begin(&cx, 0, 1, "server", "on TERM exit 0 after 100ms..200ms; hang").await);
    let is_wanted = Rc::new(Cell::new(true));
    let (probed, wanted) = (server.clone(), is_wanted.clone());
    let prober = cx.spawn("prober", move |cx| probe(cx, probed, wanted, looks_again));
    cx.sleep(ms(100)).await;
    is_wanted.set(false);
    server.stop(Requester::User, cx.now().after(ms(1_000)));
    prober.await.expect("nobody aborts the prober");
    server.over(Some(Requester::User)).await;
    tell_session(&cx, Fact::SessionStopped);
}

/// Asks once whether the server is ready. Broken where it does not look, when the answer has come, whether anybody wants it still.
async fn probe(cx: TaskCx, server: Rc<Life>, is_wanted: Rc<Cell<bool>>, looks_again: bool) {
    let check = start(&cx, "check", "sleep 20ms..110ms; exit 0").await;
    check.wait().await;
    if is_wanted.get() || !looks_again {
        server.tell(Fact::Ready);
    }
}
