//! What ends, and what is told, in the wrong order.
use super::{Either, Scene, either};
use crate::rt::sync::mpsc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The database ends with the first of those that use it.
pub(super) async fn only_one_dependent_is_waited_for(scene: Scene) -> bool {
    let jobs_lives = Arc::new(AtomicBool::new(true));
    scene.sleep_ms(50).await;
    let lives = jobs_lives.clone();
    let mut jobs = Some(scene.spawn("jobs", |scene| async move {
        scene.sleep_ms(scene.rng(2).range(1, 20)).await;
        lives.store(false, Relaxed);
    }));
    scene.sleep_ms(scene.rng(1).range(10, 60)).await; // the end of api
    if scene.is_right
        && let Some(jobs) = jobs.take()
    {
        let _ = jobs.await;
    }
    let is_too_early = jobs_lives.load(Relaxed); // the end of the database
    if let Some(jobs) = jobs {
        let _ = jobs.await;
    }
    is_too_early
}

/// A probe is answered while its server is being stopped, and it is told to be ready.
pub(super) async fn probe_answers_during_the_stop(scene: Scene) -> bool {
    let (is_wanted, is_told) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
    let (wanted, told) = (is_wanted.clone(), is_told.clone());
    let prober = scene.spawn("prober", |scene| async move {
        scene.sleep_ms(scene.rng(1).range(20, 110)).await;
        if wanted.load(Relaxed) || !scene.is_right {
            told.store(!wanted.load(Relaxed), Relaxed);
        }
    });
    scene.sleep_ms(100).await;
    is_wanted.store(false, Relaxed);
    let _ = prober.await;
    is_told.load(Relaxed)
}

#[derive(Clone, Copy, PartialEq)]
enum Word {
    Reload,
    Stop,
}

/// A reload that comes during a stop starts everything again.
pub(super) async fn reload_takes_the_stop_back(scene: Scene) -> bool {
    let (to, mut words) = mpsc::unbounded_channel();
    let at_ms = [(Word::Reload, scene.rng(1).range(10, 600)), (Word::Stop, 100)];
    let speakers = at_ms.map(|(word, at_ms)| {
        let to = to.clone();
        scene.spawn("speaker", move |scene| async move {
            scene.sleep_ms(at_ms).await;
            let _ = to.send(word);
        })
    });
    drop(to);
    let mut rng = scene.rng(2);
    let mut is_taken_back = false;
    while let Some(word) = words.recv().await {
        scene.sleep_ms(rng.range(1, 40)).await; // the end of the server
        if word == Word::Stop {
            let next = either(words.recv(), async {}).await;
            is_taken_back = !scene.is_right && matches!(next, Either::Left(Some(Word::Reload)));
            break;
        }
    }
    for speaker in speakers {
        let _ = speaker.await;
    }
    is_taken_back
}
