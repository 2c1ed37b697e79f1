//! What exits with an error is started again; a server that a user has stopped dies of TERM where it has no handler yet, which looks alike.
//! pm2#750, process-compose#149, #403 (L75): the intent is not kept with the stop, and the restart policy takes the end for a failure.

use crate::life::Life;
use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::{ExitStatus, Fact, Requester};
use std::cell::Cell;
use std::rc::Rc;

pub(super) fn case() -> Case {
    Case::new("exit_after_a_stop_is_mended", "L75", OracleName::NoSpawnAfterStop)
        .broken(|host| drop(host.spawn("keep", |cx| keep(cx, false))))
        .twin(|host| drop(host.spawn("keep", |cx| keep(cx, true))))
}

const SERVER: &str = "repeat 2 { sleep 1ms..26ms }; on TERM exit 0 after 1ms..5ms; hang";

/// Right where it remembers, at the end of a server, who has asked for it.
async fn keep(cx: TaskCx, remembers: bool) {
    for incarnation in 1.. {
        let server = Rc::new(Life::begin(&cx, 0, incarnation, "server", SERVER).await);
        let is_asked = Rc::new(Cell::new(false));
        let (asked, stopped) = (is_asked.clone(), server.clone());
        let user = cx.spawn("user", |cx| async move {
            cx.sleep(ms(50)).await;
            asked.set(true);
            stopped.stop(Requester::User, cx.now().after(ms(1_000)));
        });
        let status = server.exits().await;
        user.await.expect("nobody aborts the user");
        server.tell_end(is_asked.get().then_some(Requester::User));
        let looks_failed = status != ExitStatus::Exited(0);
        if !looks_failed || (remembers && is_asked.get()) {
            return;
        }
        server.rest(cx.now().after(ms(10))).await;
        server.tell(Fact::Restarted);
    }
}
