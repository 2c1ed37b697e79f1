//! A reload starts the new server, gives it 60 ms to be ready, and ends the old one. The new one is seldom that slow.
//! pm2#3078, #1166 (L107): a reload without a moment in which nobody serves, as long as nobody is late.

use crate::stage::*;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::Stream;
use std::cell::Cell;
use std::rc::Rc;

pub(super) fn case() -> Case {
    Case::new("old_one_ends_before_the_new_one_is_ready", "L107", Caught::Panic)
        .broken(|host| drop(host.spawn("reload", |cx| reload(cx, false))))
        .twin(|host| drop(host.spawn("reload", |cx| reload(cx, true))))
}

const SERVER: &str = "on TERM exit 0; repeat 3 { sleep 1ms..21ms }; print ready; hang";

/// Right where the word of the new one is waited for, however long it takes.
async fn reload(cx: TaskCx, waits_for_its_word: bool) {
    let old = start(&cx, "old", "on TERM exit 0; hang").await;
    let new = start(&cx, "new", SERVER).await;
    let is_ready = Rc::new(Cell::new(false));
    let (read, ready) = (new.clone(), is_ready.clone());
    let listener = cx.spawn("listener", |_| async move {
        read.read(Stream::Stdout, &mut Vec::new()).await;
        ready.set(true);
    });
    if waits_for_its_word {
        listener.await.expect("nobody aborts the listener");
    } else {
        cx.sleep(ms(60)).await;
        listener.abort();
    }
    old.signal_scope(Signal::TERM);
    old.wait().await;
    new.kill();
    new.wait().await;
    assert!(is_ready.get(), "for a moment nobody served");
}
