//! Virtual time for shuttle, which has none: one more shuttle task that advances only when every other task is blocked.
//! To know that, each future and its waker are wrapped and the runnable ones counted.
use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

#[derive(Default)]
struct Clock {
    now_ms: u64,
    last_id: u64,
    runnable: i64,
    over: bool,
    waker: Option<Waker>,
    due: BinaryHeap<Reverse<(u64, u64)>>,
    armed: BTreeMap<u64, Waker>,
}

thread_local! {
    static CLOCK: RefCell<Clock> = RefCell::new(Clock::default());
}

fn with<R>(f: impl FnOnce(&mut Clock) -> R) -> R {
    CLOCK.with(|clock| f(&mut clock.borrow_mut()))
}

/// Starts at zero, without timers.
pub fn reset() {
    let old = with(std::mem::take);
    drop(old); // outside the borrow, because wakers have drops of their own
}

pub fn now_ms() -> u64 {
    with(|clock| clock.now_ms)
}

/// Ends the task that runs `advance`.
pub fn finish() {
    let waker = with(|clock| {
        clock.over = true;
        clock.waker.take()
    });
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// The clock's own task. Where nothing is armed it stays blocked, and shuttle reports the deadlock.
pub async fn advance() {
    poll_fn(|task| {
        loop {
            let next = with(|clock| {
                if clock.over {
                    return Poll::Ready(None);
                }
                while clock.runnable == 0 {
                    let Some(Reverse((at_ms, id))) = clock.due.pop() else { break };
                    if let Some(waker) = clock.armed.remove(&id) {
                        clock.now_ms = at_ms;
                        return Poll::Ready(Some(waker));
                    }
                }
                clock.waker = Some(task.waker().clone());
                Poll::Pending
            });
            match next {
                Poll::Ready(Some(waker)) => waker.wake(),
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
}

pub struct Sleep {
    at_ms: u64,
    id: Option<u64>,
}

pub fn sleep_ms(ms: u64) -> Sleep {
    Sleep { at_ms: now_ms() + ms, id: None }
}

impl Future for Sleep {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        with(|clock| {
            if clock.now_ms >= self.at_ms {
                return Poll::Ready(());
            }
            let id = *self.id.get_or_insert_with(|| {
                clock.last_id += 1;
                clock.last_id
            });
            if clock.armed.insert(id, task.waker().clone()).is_none() {
                clock.due.push(Reverse((self.at_ms, id)));
            }
            Poll::Pending
        })
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            let waker = with(|clock| clock.armed.remove(&id));
            drop(waker);
        }
    }
}

/// A future that is counted while it can run.
pub struct Tracked<F> {
    future: Pin<Box<F>>,
    state: Arc<State>,
    waker: Waker,
}

/// Says of a tracked future that it can run.
pub struct Mark(Arc<State>);

impl Mark {
    pub fn set_runnable(&self) {
        self.0.set_runnable();
    }
}

impl<F> Tracked<F> {
    pub fn mark(&self) -> Mark {
        Mark(self.state.clone())
    }
}

struct State {
    outer: Mutex<Option<Waker>>,
    pending: AtomicBool,
}

pub fn track<F: Future<Output = ()>>(future: F) -> Tracked<F> {
    with(|clock| clock.runnable += 1);
    let state = Arc::new(State { outer: Mutex::new(None), pending: AtomicBool::new(true) });
    Tracked { future: Box::pin(future), waker: state.clone().into(), state }
}

impl State {
    fn set_runnable(&self) {
        if !self.pending.swap(true, Relaxed) {
            with(|clock| clock.runnable += 1);
        }
    }
}

impl Wake for State {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }
    fn wake_by_ref(self: &Arc<Self>) {
        self.set_runnable();
        let outer = self.outer.lock().expect("no panic holds it").clone();
        if let Some(outer) = outer {
            outer.wake();
        }
    }
}

impl<F: Future<Output = ()>> Future for Tracked<F> {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        {
            let mut outer = this.state.outer.lock().expect("no panic holds it");
            if !outer.as_ref().is_some_and(|waker| waker.will_wake(task.waker())) {
                *outer = Some(task.waker().clone());
            }
        }
        if !this.state.pending.swap(false, Relaxed) {
            with(|clock| clock.runnable += 1);
        }
        let answer = this.future.as_mut().poll(&mut Context::from_waker(&this.waker));
        blocked();
        answer
    }
}

impl<F> Drop for Tracked<F> {
    fn drop(&mut self) {
        // It stays set, so that a late wake is not counted.
        if self.state.pending.swap(true, Relaxed) {
            blocked();
        }
    }
}

/// One runnable task less; the last one lets time pass.
fn blocked() {
    let waker = with(|clock| {
        clock.runnable -= 1;
        if clock.runnable == 0 { clock.waker.take() } else { None }
    });
    if let Some(waker) = waker {
        waker.wake();
    }
}
