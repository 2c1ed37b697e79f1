//! Two watchers write into one status file who has ended: each reads it, changes its line, and writes it back, which takes a turn of the disk.
//! toolhive#3590 (L113): a status that is read, changed and written without a lock loses what another has written meanwhile.

use crate::stage::*;
use shakedown_core::task::TaskCx;
use std::cell::Cell;
use std::rc::Rc;

pub(super) fn case() -> Case {
    Case::new("update_is_lost_between_read_and_write", "L113", Caught::Panic)
        .broken(|host| drop(host.spawn("session", |cx| session(cx, Update::FromWhatWasRead))))
        .twin(|host| drop(host.spawn("session", |cx| session(cx, Update::InPlace))))
}

#[derive(Clone, Copy, PartialEq)]
enum Update {
    FromWhatWasRead,
    InPlace,
}

/// Who has ended: a bit a job.
type Status = Rc<Cell<u32>>;

async fn session(cx: TaskCx, update: Update) {
    let status = Status::default();
    let jobs = [("a", 1, "sleep 5ms..160ms; exit 0"), ("b", 2, "sleep 20ms..190ms; exit 0")];
    let watchers = jobs.map(|(name, bit, script)| {
        let status = status.clone();
        cx.spawn(name, move |cx| async move {
            start(&cx, name, script).await.wait().await;
            let was = status.get();
            disk(&cx).await;
            let base = if update == Update::InPlace { status.get() } else { was };
            status.set(base | bit);
        })
    });
    for watcher in watchers {
        watcher.await.expect("nobody aborts a watcher");
    }
    assert_eq!(status.get(), 3, "the status knows of both ends");
}

/// What is read or written passes through another task.
async fn disk(cx: &TaskCx) {
    cx.spawn("disk", |_| async {}).await.expect("nobody aborts the disk");
}
