//! Two who do not know of each other.
use super::{Either, Notify, Scene, either, yield_now};
use crate::rt::sync::mpsc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// Each of two clients takes the next answer on a shared channel for its own.
pub(super) async fn answers_are_swapped(scene: Scene) -> bool {
    let (answers, mut answered) = mpsc::unbounded_channel();
    let jobs = [0, 1].map(|job| {
        let answers = answers.clone();
        scene.spawn("job", move |scene| async move {
            let mut rng = scene.rng(job);
            match job {
                0 => scene.sleep_ms(rng.range(1, 20)).await,
                _ => {
                    scene.sleep_ms(rng.range(8, 30)).await;
                    scene.sleep_ms(rng.range(8, 30)).await;
                }
            }
            let _ = answers.send(job);
        })
    });
    let mut is_swapped = false;
    for next in 0..2 {
        let number = answered.recv().await.expect("two answers are owed");
        let client = if scene.is_right { number } else { next };
        is_swapped |= client != number;
    }
    for job in jobs {
        let _ = job.await;
    }
    is_swapped
}

/// The branch that loses has read something already.
pub(super) async fn chunk_is_lost_with_the_losing_branch(scene: Scene) -> bool {
    let (chunks, mut read) = mpsc::unbounded_channel();
    let job = scene.spawn("job", |scene| async move {
        let mut rng = scene.rng(1);
        for _ in 0..CHUNKS {
            scene.sleep_ms(rng.range(1, 60)).await;
            let _ = chunks.send(());
        }
    });
    let mut delivered = 0;
    let mut beat_ms = 50;
    loop {
        let forward = async {
            let chunk = read.recv().await;
            scene.sleep_ms(1).await; // it is handed on
            chunk
        };
        let chunk = if scene.is_right {
            forward.await
        } else {
            match either(forward, scene.sleep_until(beat_ms)).await {
                Either::Left(chunk) => chunk,
                Either::Right(()) => {
                    beat_ms += 50;
                    continue;
                }
            }
        };
        match chunk {
            Some(()) => delivered += 1,
            None => break,
        }
    }
    let _ = job.await;
    delivered < CHUNKS
}

const CHUNKS: u32 = 2;

/// A user starts by hand what a timer is about to start.
pub(super) async fn hand_and_timer_both_start_it(scene: Scene) -> bool {
    let started = Arc::new(AtomicU32::new(1));
    let (by_timer_ms, by_hand_ms) = (100, scene.rng(0).range(10, 400));
    if scene.is_right {
        scene.sleep_ms(by_hand_ms.min(by_timer_ms)).await;
        start(&scene, &started).await;
        return started.load(Relaxed) > 2;
    }
    let both = [by_timer_ms, by_hand_ms].map(|at_ms| {
        let started = started.clone();
        scene.spawn("starter", move |scene| async move {
            scene.sleep_ms(at_ms).await;
            if started.load(Relaxed) == 1 {
                start(&scene, &started).await;
            }
        })
    });
    for starter in both {
        let _ = starter.await;
    }
    started.load(Relaxed) > 2
}

/// It is started once its folder is there.
async fn start(scene: &Scene, started: &AtomicU32) {
    scene.sleep_ms(2).await;
    started.fetch_add(1, Relaxed);
}

/// An end comes between the look and the listening.
pub(super) async fn looks_before_it_listens(scene: Scene) -> bool {
    let (over, is_over) = (Notify::default(), Arc::new(AtomicBool::new(false)));
    let (announce, keep) = (over.clone(), is_over.clone());
    let job = scene.spawn("job", |scene| async move {
        scene.sleep_ms(scene.rng(1).range(1, 100)).await;
        keep.store(true, Relaxed);
        announce.notify_waiters();
    });
    scene.sleep_ms(50).await;
    let mut is_heard = is_over.load(Relaxed);
    if !is_heard {
        scene.elsewhere().await; // the log
        let notice = over.notified();
        is_heard = scene.is_right && is_over.load(Relaxed) || scene.in_time(notice).await.is_some();
    }
    let _ = job.await;
    !is_heard
}

/// The end is announced to whoever waits at that moment, and the client waits a little later.
pub(super) async fn notice_comes_before_its_reader(scene: Scene) -> bool {
    let (over, is_over) = (Notify::default(), Arc::new(AtomicBool::new(false)));
    let (announce, keep) = (over.clone(), is_over.clone());
    let job = scene.spawn("job", |scene| async move {
        scene.sleep_ms(scene.rng(1).range(10, 110)).await;
        keep.store(true, Relaxed);
        announce.notify_waiters();
    });
    scene.sleep_ms(15).await;
    let notice = over.notified();
    let is_heard = scene.is_right && is_over.load(Relaxed) || scene.in_time(notice).await.is_some();
    let _ = job.await;
    !is_heard
}

/// A change ends the server and notes that it is to be started again; a second change turns the note over.
pub(super) async fn restart_is_toggled(scene: Scene) -> bool {
    let (changed, mut changes) = mpsc::unbounded_channel();
    let user = scene.spawn("user", |scene| async move {
        let mut rng = scene.rng(1);
        for _ in 0..4 {
            scene.sleep_ms(rng.range(20, 120)).await;
            let _ = changed.send(());
        }
    });
    let mut rng = scene.rng(2);
    let (mut starts_again, mut ends_ms) = (false, None);
    let is_lost = loop {
        let server = async {
            match ends_ms {
                Some(at_ms) => scene.sleep_until(at_ms).await,
                None => std::future::pending().await,
            }
        };
        match either(changes.recv(), server).await {
            Either::Left(Some(())) => {
                starts_again = scene.is_right || !starts_again;
                let after_ms = rng.range(1, 25);
                ends_ms.get_or_insert(scene.now_ms() + after_ms);
            }
            Either::Left(None) => break false,
            Either::Right(()) if !starts_again => break true,
            Either::Right(()) => (starts_again, ends_ms) = (false, None),
        }
    };
    let _ = user.await;
    is_lost
}

/// The janitor and the client wake up together, and the janitor is slow, mostly.
pub(super) async fn result_is_dropped_before_it_is_read(scene: Scene) -> bool {
    let news = Notify::default();
    let result = Arc::new(Mutex::new(None));
    let is_read = Arc::new(AtomicBool::new(false));
    let (announce, keep) = (news.clone(), result.clone());
    let watcher = scene.spawn("watcher", |scene| async move {
        scene.sleep_ms(scene.rng(1).range(1, 20)).await;
        *keep.lock().expect("no panic holds it") = Some(0);
        announce.notify_waiters();
    });
    let (heard, tidied, seen) = (news.notified(), result.clone(), is_read.clone());
    let janitor = scene.spawn("janitor", |scene| async move {
        let _ = heard.await;
        for _other_place in 0..8 {
            yield_now().await;
        }
        if !scene.is_right || seen.load(Relaxed) {
            *tidied.lock().expect("no panic holds it") = None;
        }
    });
    let _ = news.notified().await;
    let is_lost = result.lock().expect("no panic holds it").is_none();
    is_read.store(true, Relaxed);
    let _ = watcher.await;
    let _ = janitor.await;
    is_lost
}

/// Both look before either has written down that it starts.
pub(super) async fn two_starters_find_nobody_running(scene: Scene) -> bool {
    let started = Arc::new(AtomicU32::new(0));
    let both = [(1, 3), (2, 103)].map(|(client, begin_ms)| {
        let started = started.clone();
        scene.spawn("client", move |scene| async move {
            scene.sleep_ms(begin_ms + scene.rng(client).range(0, 300)).await;
            if started.load(Relaxed) > 0 {
                return;
            }
            if scene.is_right {
                started.fetch_add(1, Relaxed);
            }
            scene.sleep_ms(2).await; // it is written to a disk
            if !scene.is_right {
                started.fetch_add(1, Relaxed);
            }
        })
    });
    for client in both {
        let _ = client.await;
    }
    started.load(Relaxed) > 1
}

/// A status that is read, changed and written without a lock.
pub(super) async fn update_is_lost_between_read_and_write(scene: Scene) -> bool {
    let status = Arc::new(AtomicU32::new(0));
    let watchers = [(1, 5, 160), (2, 20, 190)].map(|(bit, min_ms, max_ms)| {
        let status = status.clone();
        scene.spawn("watcher", move |scene| async move {
            scene.sleep_ms(scene.rng(u64::from(bit)).range(min_ms, max_ms)).await;
            let was = status.load(Relaxed);
            scene.elsewhere().await; // the disk
            let base = if scene.is_right { status.load(Relaxed) } else { was };
            status.store(base | bit, Relaxed);
        })
    });
    for watcher in watchers {
        let _ = watcher.await;
    }
    status.load(Relaxed) != 3
}
