//! A stop comes while the server waits to be started again; the wait goes on, and ends with a server that nobody wants any more.
//! OpenRC#375 (L72): a stop during the respawn delay, and the daemon is started while everything exits.

use crate::life::{Life, tell_session_stop};
use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::Fact;
use std::cell::Cell;
use std::rc::Rc;

pub(super) fn case() -> Case {
    Case::new("restart_timer_outlives_the_stop", "L72", OracleName::NoSpawnAfterStop)
        .broken(|host| drop(host.spawn("session", |cx| session(cx, false))))
        .twin(|host| drop(host.spawn("session", |cx| session(cx, true))))
}

async fn session(cx: TaskCx, looks_again: bool) {
    tell_session(&cx, Fact::Started { pid: None });
    let is_wanted = Rc::new(Cell::new(true));
    let wanted = is_wanted.clone();
    let keeper = cx.spawn("keeper", move |cx| keep(cx, wanted, looks_again));
    cx.sleep(ms(200)).await;
    is_wanted.set(false);
    tell_session_stop(&cx, cx.now().after(ms(1_000)));
    keeper.await.expect("nobody aborts the keeper");
    tell_session(&cx, Fact::SessionStopped);
}

/// Keeps a server running that ends again and again. Broken where it does not ask, after its wait, whether that is still wanted.
async fn keep(cx: TaskCx, is_wanted: Rc<Cell<bool>>, looks_again: bool) {
    for incarnation in 1.. {
        let server = Life::begin(&cx, 0, incarnation, "server", "sleep 100ms..190ms; exit 1").await;
        server.over(None).await;
        if !is_wanted.get() {
            return;
        }
        server.rest(cx.now().after(ms(10))).await;
        if looks_again && !is_wanted.get() {
            return;
        }
        server.tell(Fact::Restarted);
    }
}
