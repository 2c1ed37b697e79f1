//! Timers that begin anew, outlive their purpose, or are two where one is wanted.
use super::Scene;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// The stop promises two seconds, and each time it asks again the whole grace begins from the start.
pub(super) async fn each_retry_starts_the_grace_anew(scene: Scene) -> bool {
    let (ends_ms, kill_ms) = (scene.rng(1).range(100, 2_100), 1_900);
    for _ in 0..3 {
        let left_ms = if scene.is_right { kill_ms - scene.now_ms().min(kill_ms) } else { 1_000 };
        scene.sleep_ms(left_ms.min(1_000).min(ends_ms.saturating_sub(scene.now_ms()))).await;
        if scene.now_ms() >= ends_ms {
            break;
        }
    }
    scene.now_ms() > 2_000
}

/// A server that ends because it was asked to is started again, as one that failed.
pub(super) async fn exit_after_a_stop_is_mended(scene: Scene) -> bool {
    let is_asked = Arc::new(AtomicBool::new(false));
    let asked = is_asked.clone();
    let user = scene.spawn("user", |scene| async move {
        scene.sleep_ms(50).await;
        asked.store(true, Relaxed);
    });
    let mut rng = scene.rng(1);
    let handler_ms = rng.range(1, 26) + rng.range(1, 26);
    let _ = user.await;
    // Without its handler it dies of the signal, which looks like a failure.
    let looks_failed = handler_ms > 50;
    scene.sleep_ms(rng.range(1, 5)).await;
    looks_failed && !(scene.is_right && is_asked.load(Relaxed))
}

/// The wait before the next start goes on when everything is being stopped.
pub(super) async fn restart_timer_outlives_the_stop(scene: Scene) -> bool {
    let (is_wanted, is_late) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
    let (wanted, late) = (is_wanted.clone(), is_late.clone());
    let keeper = scene.spawn("keeper", |scene| async move {
        let mut rng = scene.rng(1);
        loop {
            scene.sleep_ms(rng.range(100, 190)).await;
            if !wanted.load(Relaxed) {
                return;
            }
            scene.sleep_ms(10).await;
            if !wanted.load(Relaxed) {
                return late.store(!scene.is_right, Relaxed);
            }
        }
    });
    scene.sleep_ms(200).await;
    is_wanted.store(false, Relaxed);
    let _ = keeper.await;
    is_late.load(Relaxed)
}

/// The waiter tells the end, and so does the timer of the stop where its time was up before.
pub(super) async fn two_timers_own_the_stop(scene: Scene) -> bool {
    let told = Arc::new(AtomicU32::new(0));
    let tell = told.clone();
    let waiter = scene.spawn("waiter", |scene| async move {
        scene.sleep_ms(scene.rng(1).range(10, 110)).await;
        tell.fetch_add(1, Relaxed);
    });
    scene.sleep_ms(100).await;
    let is_over = told.load(Relaxed) > 0;
    let _ = waiter.await;
    if !is_over && !scene.is_right {
        told.fetch_add(1, Relaxed);
    }
    told.load(Relaxed) > 1
}
