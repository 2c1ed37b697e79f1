//! Bugs of the zoo that need no process, as async code, the same text for every peer: what is left where a runtime simulates time and
//! order alone. The exhibits bear the names of their models in `scenarios/zoo/src/bugs`.
//!
//! A peer is asked as `peer-tokio zoo NAME`; it answers with one line, which `bench zoo` makes a table of.
mod order;
mod races;
mod time;

use crate::common::rng::Rng;
use crate::rt::{self, Cx, sync::oneshot};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::Poll;

/// One bug and its correct twin: plays a seed and says whether it went wrong.
type Play = fn(Scene) -> Pin<Box<dyn Future<Output = bool>>>;

/// What an exhibit is played with.
#[derive(Clone)]
struct Scene {
    cx: Cx,
    seed: u64,
    /// The correct twin.
    is_right: bool,
}

/// Every exhibit, by the name of its model.
const EXHIBITS: &[(&str, Play)] = &[
    ("answers_are_swapped", |scene| Box::pin(races::answers_are_swapped(scene))),
    ("chunk_is_lost_with_the_losing_branch", |scene| Box::pin(races::chunk_is_lost_with_the_losing_branch(scene))),
    ("hand_and_timer_both_start_it", |scene| Box::pin(races::hand_and_timer_both_start_it(scene))),
    ("looks_before_it_listens", |scene| Box::pin(races::looks_before_it_listens(scene))),
    ("notice_comes_before_its_reader", |scene| Box::pin(races::notice_comes_before_its_reader(scene))),
    ("restart_is_toggled", |scene| Box::pin(races::restart_is_toggled(scene))),
    ("result_is_dropped_before_it_is_read", |scene| Box::pin(races::result_is_dropped_before_it_is_read(scene))),
    ("two_starters_find_nobody_running", |scene| Box::pin(races::two_starters_find_nobody_running(scene))),
    ("update_is_lost_between_read_and_write", |scene| Box::pin(races::update_is_lost_between_read_and_write(scene))),
    ("only_one_dependent_is_waited_for", |scene| Box::pin(order::only_one_dependent_is_waited_for(scene))),
    ("probe_answers_during_the_stop", |scene| Box::pin(order::probe_answers_during_the_stop(scene))),
    ("reload_takes_the_stop_back", |scene| Box::pin(order::reload_takes_the_stop_back(scene))),
    ("each_retry_starts_the_grace_anew", |scene| Box::pin(time::each_retry_starts_the_grace_anew(scene))),
    ("exit_after_a_stop_is_mended", |scene| Box::pin(time::exit_after_a_stop_is_mended(scene))),
    ("restart_timer_outlives_the_stop", |scene| Box::pin(time::restart_timer_outlives_the_stop(scene))),
    ("two_timers_own_the_stop", |scene| Box::pin(time::two_timers_own_the_stop(scene))),
];

/// Answers `zoo NAME` and `zoo` (the names); false where the arguments ask for something else.
pub fn main() -> bool {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["zoo"] => EXHIBITS.iter().for_each(|(name, _)| println!("{name}")),
        ["zoo", wanted] => match EXHIBITS.iter().find(|(name, _)| *name == wanted) {
            Some((_, play)) => println!("{}", Hunt::of(*play)),
            None => {
                eprintln!("no exhibit is called {wanted}");
                std::process::exit(2)
            }
        },
        _ => return false,
    }
    true
}

/// How soon it was found, as `just zoo` hunts: seeds until it showed, from each of twenty bases.
struct Hunt {
    needed: Vec<Option<u64>>,
    /// The first seed at which the correct twin went wrong.
    twin: Option<u64>,
}

impl Hunt {
    fn of(play: Play) -> Hunt {
        let mut needed = Vec::new();
        for base in (0..BASES).map(|base| base * BASE) {
            let found = (base..base + SEEDS).find(|seed| goes_wrong(play, *seed, false));
            needed.push(found.map(|seed| seed - base + 1));
            // What twenty thousand seeds do not show, the other bases do not either.
            if needed == [None, None] {
                break;
            }
        }
        Hunt { needed, twin: (0..TWIN_SEEDS).find(|seed| goes_wrong(play, *seed, true)) }
    }

    fn median(&self) -> Option<u64> {
        let mut needed: Vec<u64> = self.needed.iter().map(|needed| needed.unwrap_or(u64::MAX)).collect();
        needed.sort_unstable();
        needed.get(needed.len() / 2).copied().filter(|median| *median < u64::MAX)
    }
}

impl std::fmt::Display for Hunt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let found = self.needed.iter().flatten().count();
        write!(f, "found={found} bases={}", self.needed.len())?;
        self.median().iter().try_for_each(|median| write!(f, " median={median}"))?;
        self.twin.iter().try_for_each(|seed| write!(f, " twin={seed}"))
    }
}

fn goes_wrong(play: Play, seed: u64, is_right: bool) -> bool {
    WRONG.set(None);
    rt::run_seeds(seed, 1, move |seed, cx| async move {
        WRONG.set(Some(play(Scene { cx, seed, is_right }).await));
    });
    WRONG.get().expect("an exhibit comes to its end")
}

impl Scene {
    fn rng(&self, stream: u64) -> Rng {
        Rng::new(self.seed, stream)
    }

    fn now_ms(&self) -> u64 {
        rt::now_ms(&self.cx)
    }

    async fn sleep_ms(&self, ms: u64) {
        rt::sleep_ms(&self.cx, ms).await;
    }

    async fn sleep_until(&self, at_ms: u64) {
        rt::sleep_ms(&self.cx, at_ms.saturating_sub(self.now_ms())).await;
    }

    /// Another task of this exhibit.
    fn spawn<F>(&self, name: &'static str, body: impl FnOnce(Scene) -> F) -> rt::Join
    where
        F: Future<Output = ()> + rt::Travels + 'static,
    {
        let Scene { seed, is_right, .. } = *self;
        rt::spawn(&self.cx, name, move |cx| body(Scene { cx, seed, is_right }))
    }

    /// A job that another task does: what is written passes through a disk, and others may run meanwhile.
    async fn elsewhere(&self) {
        let _ = self.spawn("elsewhere", |_| async {}).await;
    }

    /// Waits so long at most; nothing that is right takes that long.
    async fn in_time<F: Future>(&self, future: F) -> Option<F::Output> {
        match either(future, self.sleep_ms(PATIENCE_MS)).await {
            Either::Left(value) => Some(value),
            Either::Right(()) => None,
        }
    }
}

/// Wakes whoever waits at that moment, and nobody later.
#[derive(Clone, Default)]
struct Notify(Arc<Mutex<Vec<oneshot::Sender<()>>>>);

impl Notify {
    fn notify_waiters(&self) {
        for waiter in std::mem::take(&mut *self.0.lock().expect("no panic holds it")) {
            let _ = waiter.send(());
        }
    }

    /// Listens from now on, and not from the first poll.
    fn notified(&self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.0.lock().expect("no panic holds it").push(sender);
        receiver
    }
}

enum Either<A, B> {
    Left(A),
    Right(B),
}

/// The first of two to finish; the left one where both have.
async fn either<A: Future, B: Future>(left: A, right: B) -> Either<A::Output, B::Output> {
    let (mut left, mut right) = (pin!(left), pin!(right));
    poll_fn(move |task| match left.as_mut().poll(task) {
        Poll::Ready(value) => Poll::Ready(Either::Left(value)),
        Poll::Pending => right.as_mut().poll(task).map(Either::Right),
    })
    .await
}

/// Lets others go first, once.
async fn yield_now() {
    let mut is_first = true;
    poll_fn(|task| {
        if std::mem::take(&mut is_first) {
            task.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

thread_local! {
    static WRONG: Cell<Option<bool>> = const { Cell::new(None) };
}

const BASES: u64 = 20;
const BASE: u64 = 1_000_000;
/// From each base, at most.
const SEEDS: u64 = 10_000;
const TWIN_SEEDS: u64 = 2_000;
const PATIENCE_MS: u64 = 10_000;
