//! The end of a job is announced to whoever waits at that moment; who begins to wait a little later waits for ever.
//! systemd#3984 (L85): the result of a unit is gone before its client comes to read it.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::sync::notify::Notify;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::ExitStatus;
use std::cell::Cell;
use std::rc::Rc;

pub(super) fn case() -> Case {
    Case::new("notice_comes_before_its_reader", "L85", OracleName::AllWaitsResolve)
        .broken(|host| drop(host.spawn("client", |cx| client(cx, false))))
        .twin(|host| drop(host.spawn("client", |cx| client(cx, true))))
}

/// Broken where it does not look whether the job is over already.
async fn client(cx: TaskCx, looks_first: bool) {
    let job = start(&cx, "job", "sleep 10ms..110ms; exit 0").await;
    let (over, result) = (Notify::new(), Rc::new(Cell::new(None::<ExitStatus>)));
    let (announce, keep) = (over.clone(), result.clone());
    drop(cx.spawn("watcher", |_| async move {
        keep.set(Some(job.wait().await));
        announce.notify_waiters();
    }));
    cx.sleep(ms(15)).await;
    if !looks_first || result.get().is_none() {
        over.notified().await;
    }
}
