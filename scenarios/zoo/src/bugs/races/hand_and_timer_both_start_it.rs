//! A server waits to be started again when a user starts it by hand; the timer looks whether it is up, and a start takes a moment.
//! systemd (L78), as in robot_comic#274: a manual restart collides with the automatic one that is queued already.

use crate::life::Life;
use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::{TaskCx, select2};
use shakedown_core::time::{DurationRange, Instant};
use std::cell::Cell;
use std::rc::Rc;

pub(super) fn case() -> Case {
    Case::new("hand_and_timer_both_start_it", "L78", OracleName::EventOrder)
        .broken(|host| drop(host.spawn("keep", |cx| keep(cx, false))))
        .twin(|host| drop(host.spawn("keep", |cx| keep(cx, true))))
}

/// When the user comes, counted from the first end.
const BY_HAND: DurationRange = DurationRange { min: ms(10), max: ms(400), grid: ms(1) };

/// Right where whoever comes first is the only one who starts it.
async fn keep(cx: TaskCx, is_single: bool) {
    let started = Rc::new(Cell::new(0));
    run(cx.clone(), started.clone()).await;
    let (by_timer, by_hand) = (cx.now().after(ms(100)), cx.now().after(cx.draw(BY_HAND)));
    if is_single {
        select2(&cx, cx.sleep_until(by_timer), cx.sleep_until(by_hand)).await;
        return run(cx, started).await;
    }
    let shared = started.clone();
    let user = cx.spawn("user", move |cx| again_at(cx, by_hand, shared));
    again_at(cx, by_timer, started).await;
    user.await.expect("nobody aborts the user");
}

/// Starts it a second time, unless somebody has done so.
async fn again_at(cx: TaskCx, at: Instant, started: Rc<Cell<u32>>) {
    cx.sleep_until(at).await;
    if started.get() == 1 {
        run(cx, started).await;
    }
}

/// It is started once its folder is there, and is over after a while.
async fn run(cx: TaskCx, started: Rc<Cell<u32>>) {
    cx.sleep(ms(2)).await;
    started.set(started.get() + 1);
    let server = Life::begin(&cx, 0, started.get(), "server", "sleep 30ms..50ms; exit 1").await;
    server.over(None).await;
}
