//! The end of a job is put into a table for its client, and the janitor who tidies the table wakes up with the client. He is slow, mostly.
//! systemd#3984, #7314 (L85): a transient unit is collected before its client has read how it ended.

use crate::stage::*;
use shakedown_core::sync::notify::Notify;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::ExitStatus;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub(super) fn case() -> Case {
    Case::new("result_is_dropped_before_it_is_read", "L85", Caught::Panic)
        .broken(|host| drop(host.spawn("client", |cx| client(cx, false))))
        .twin(|host| drop(host.spawn("client", |cx| client(cx, true))))
}

/// The table, whether the client has read it, and what wakes whoever looks at it.
#[derive(Default)]
struct Table {
    result: RefCell<Option<ExitStatus>>,
    is_read: Cell<bool>,
    news: Notify,
}

/// Right where nothing is thrown away that was not read.
async fn client(cx: TaskCx, is_pinned: bool) {
    let job = start(&cx, "job", "sleep 1ms..20ms; exit 0").await;
    let table = Rc::new(Table::default());
    let (kept, tidied) = (table.clone(), table.clone());
    let watcher = cx.spawn("watcher", |_| async move {
        *kept.result.borrow_mut() = Some(job.wait().await);
        kept.news.notify_waiters();
    });
    let janitor = cx.spawn("janitor", move |cx| async move {
        tidied.news.notified().await;
        for _other in 0..PLACES {
            cx.yield_now().await;
        }
        if !is_pinned || tidied.is_read.get() {
            *tidied.result.borrow_mut() = None;
        }
    });
    cx.yield_now().await;
    table.news.notified().await;
    table.result.borrow().expect("a job that has ended has a result");
    table.is_read.set(true);
    watcher.await.expect("nobody aborts the watcher");
    janitor.await.expect("nobody aborts the janitor");
}

/// The janitor looks at so many other places of the table first.
const PLACES: usize = 8;
