//! A client looks whether the job is over, writes a line to its log, and listens; an end that comes between the two is not heard.
//! tokio#6770 (L21): a child exits between its spawn and the registration of the listener, and the wait never resolves.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::sync::notify::Notify;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::ExitStatus;
use std::cell::Cell;
use std::rc::Rc;

pub(super) fn case() -> Case {
    Case::new("looks_before_it_listens", "L21", OracleName::AllWaitsResolve)
        .broken(|host| drop(host.spawn("client", |cx| client(cx, false))))
        .twin(|host| drop(host.spawn("client", |cx| client(cx, true))))
}

/// Right where it looks once more when it listens already.
async fn client(cx: TaskCx, listens_first: bool) {
    let job = start(&cx, "job", "sleep 1ms..100ms; exit 0").await;
    let (over, result) = (Notify::new(), Rc::new(Cell::new(None::<ExitStatus>)));
    let (announce, keep) = (over.clone(), result.clone());
    drop(cx.spawn("watcher", |_| async move {
        keep.set(Some(job.wait().await));
        announce.notify_waiters();
    }));
    cx.sleep(ms(50)).await;
    if result.get().is_some() {
        return;
    }
    // The log is written by another task.
    cx.spawn("log", |_| async {}).await.expect("nobody aborts the log");
    if !listens_first || result.get().is_none() {
        over.notified().await;
    }
}
