//! A change of a file ends the server and notes that it is to be started again; a second change meanwhile turns the note over.
//! watchexec#544, #426 (L77): a restart of two steps, and the start is lost where the next change comes between them.

use crate::stage::*;
use shakedown_core::signal::Signal;
use shakedown_core::sync::mpsc;
use shakedown_core::task::{Either2, TaskCx, select2};
use shakedown_core::time::DurationRange;

pub(super) fn case() -> Case {
    Case::new("restart_is_toggled", "L77", Caught::Panic)
        .broken(|host| drop(host.spawn("watch", |cx| watch(cx, |starts_again| !starts_again))))
        .twin(|host| drop(host.spawn("watch", |cx| watch(cx, |_| true))))
}

/// Between two changes.
const CHANGE: DurationRange = DurationRange { min: ms(20), max: ms(120), grid: ms(1) };

const SERVER: &str = "on TERM exit 0 after 1ms..25ms; hang";

/// What a change makes of the note is right where many changes are one.
async fn watch(cx: TaskCx, on_change: fn(bool) -> bool) {
    let (changed, mut changes) = mpsc::unbounded();
    drop(cx.spawn("user", |cx| async move {
        for _ in 0..4 {
            cx.sleep(cx.draw(CHANGE)).await;
            changed.send(()).await.expect("the watch goes on as long as there are changes");
        }
    }));
    let (mut server, mut starts_again) = (start(&cx, "server", SERVER).await, false);
    loop {
        match select2(&cx, changes.recv(), server.wait()).await {
            Either2::A(Some(())) => {
                server.signal_scope(Signal::TERM);
                starts_again = on_change(starts_again);
            }
            Either2::A(None) => break,
            Either2::B(status) => {
                assert!(starts_again, "the server has ended with {status} for a change, and is not started again");
                (server, starts_again) = (start(&cx, "server", SERVER).await, false);
            }
        }
    }
    server.kill();
    server.wait().await;
}
