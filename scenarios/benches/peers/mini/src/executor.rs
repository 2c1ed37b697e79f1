//! The smallest seeded executor with virtual time that we know how to write: the floor of what an async design can reach.
//! A binary heap of timers with lazy cancellation, a run queue from which the generator picks, wakers that allocate nothing.
use crate::common::rng::Rng;
use std::cell::{Cell, RefCell, UnsafeCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

/// The executor is a thread local.
#[derive(Clone, Copy)]
pub struct Cx;

/// No limit on steps without time.
pub const BREATHER: Option<u64> = None;

pub fn now_ms(_: &Cx) -> u64 {
    with(|ex| ex.now_ns) / NS_PER_MS
}

pub fn sleep_ms(_: &Cx, ms: u64) -> Sleep {
    Sleep { at_ns: with(|ex| ex.now_ns) + ms * NS_PER_MS, slot: None }
}

pub fn spawn<F>(cx: &Cx, _name: &'static str, body: impl FnOnce(Cx) -> F) -> Join
where
    F: Future<Output = ()> + 'static,
{
    let shared = Rc::new(Shared { done: Cell::new(None), waiting: RefCell::new(None), task: Cell::new((0, 0)) });
    let theirs = shared.clone();
    let body = body(*cx);
    let future: Boxed = Box::pin(async move {
        body.await;
        theirs.finish(true);
    });
    shared.task.set(with(|ex| ex.insert(future)));
    Join(shared)
}

pub fn run_seeds<F>(first: u64, count: u64, make: impl Fn(u64, Cx) -> F)
where
    F: Future<Output = ()> + 'static,
{
    for seed in first..first + count {
        run(seed, &make);
    }
}

fn run<F>(seed: u64, make: impl Fn(u64, Cx) -> F)
where
    F: Future<Output = ()> + 'static,
{
    with(|ex| {
        ex.rng = Rng::new(seed, 0xE);
        ex.now_ns = 0;
        ex.arrivals = 0;
    });
    let root = spawn(&Cx, "root", |cx| make(seed, cx));
    loop {
        while let Some((id, generation, mut future)) = with(Executor::next_ready) {
            let waker = ManuallyDrop::new(waker(id, generation));
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(()) => {
                    drop(future);
                    with(|ex| ex.free(id));
                }
                Poll::Pending => with(|ex| ex.tasks[id as usize].future = Some(future)),
            }
        }
        if root.0.done.get().is_some() {
            break;
        }
        assert!(fire_next_instant(), "deadlock");
    }
    // What is left is dropped outside the borrow; the vectors keep their capacity for the next seed.
    let left: Vec<_> = with(|ex| {
        ex.ready.clear();
        ex.timers.clear();
        ex.tasks.iter_mut().map(|task| task.future.take()).collect()
    });
    drop(left);
    with(|ex| {
        ex.tasks.clear();
        ex.free_tasks.clear();
        ex.slots.clear();
        ex.free_slots.clear();
    });
}

/// Moves the clock to the earliest live timer and fires all that are due at that instant.
fn fire_next_instant() -> bool {
    let mut fired_at = None;
    loop {
        let due = with(|ex| {
            let &Reverse((at_ns, _, slot, generation)) = ex.timers.peek()?;
            if fired_at.is_some_and(|fired| fired != at_ns) {
                return None;
            }
            ex.timers.pop();
            let slot = &mut ex.slots[slot as usize];
            if slot.generation != generation {
                return Some(None);
            }
            fired_at = Some(at_ns);
            ex.now_ns = at_ns;
            Some(slot.waker.take())
        });
        match due {
            None => return fired_at.is_some(),
            Some(None) => {}
            Some(Some(waker)) => waker.wake(),
        }
    }
}

type Boxed = Pin<Box<dyn Future<Output = ()>>>;

struct Executor {
    tasks: Vec<Task>,
    free_tasks: Vec<u32>,
    ready: Vec<u32>,
    rng: Rng,
    now_ns: u64,
    arrivals: u64,
    timers: BinaryHeap<Reverse<(u64, u64, u32, u32)>>,
    slots: Vec<Slot>,
    free_slots: Vec<u32>,
}

struct Task {
    future: Option<Boxed>,
    generation: u32,
    queued: bool,
    live: bool,
}

struct Slot {
    generation: u32,
    waker: Option<Waker>,
}

impl Executor {
    fn insert(&mut self, future: Boxed) -> (u32, u32) {
        let id = self.free_tasks.pop().unwrap_or_else(|| {
            self.tasks.push(Task { future: None, generation: 0, queued: false, live: false });
            self.tasks.len() as u32 - 1
        });
        let task = &mut self.tasks[id as usize];
        task.future = Some(future);
        task.live = true;
        task.queued = true;
        self.ready.push(id);
        (id, task.generation)
    }

    fn next_ready(&mut self) -> Option<(u32, u32, Boxed)> {
        loop {
            let at = match self.ready.len() {
                0 => return None,
                1 => 0,
                len => self.rng.below(len as u64) as usize,
            };
            let id = self.ready.swap_remove(at);
            let task = &mut self.tasks[id as usize];
            task.queued = false;
            if !task.live {
                self.free_tasks.push(id);
            } else if let Some(future) = task.future.take() {
                return Some((id, task.generation, future));
            }
        }
    }

    /// A task that still stands in the run queue is returned to the free list when it leaves that.
    fn free(&mut self, id: u32) {
        let task = &mut self.tasks[id as usize];
        task.live = false;
        task.generation = task.generation.wrapping_add(1);
        if !task.queued {
            self.free_tasks.push(id);
        }
    }
}

thread_local! {
    static EXECUTOR: UnsafeCell<Executor> = const {
        UnsafeCell::new(Executor {
            tasks: Vec::new(),
            free_tasks: Vec::new(),
            ready: Vec::new(),
            rng: Rng::new(0, 0),
            now_ns: 0,
            arrivals: 0,
            timers: BinaryHeap::new(),
            slots: Vec::new(),
            free_slots: Vec::new(),
        })
    };
}

/// `f` never runs code of the workload: no poll, no wake, no drop of a future.
#[inline]
fn with<R>(f: impl FnOnce(&mut Executor) -> R) -> R {
    // SAFETY: a thread local, and no `f` of this file calls `with` again, so the borrow is the only one.
    EXECUTOR.with(|executor| f(unsafe { &mut *executor.get() }))
}

/// The task's id and generation travel in the waker's data pointer.
fn waker(id: u32, generation: u32) -> Waker {
    let data = (id as usize | (generation as usize) << 32) as *const ();
    // SAFETY: the data is two numbers, never dereferenced; cloning copies them and dropping does nothing.
    unsafe { Waker::from_raw(RawWaker::new(data, &WAKER)) }
}

static WAKER: RawWakerVTable = RawWakerVTable::new(|data| RawWaker::new(data, &WAKER), wake, wake, |_| {});

fn wake(data: *const ()) {
    let (id, generation) = (data as usize as u32, (data as usize >> 32) as u32);
    with(|ex| {
        let task = &mut ex.tasks[id as usize];
        if task.live && task.generation == generation && !task.queued {
            task.queued = true;
            ex.ready.push(id);
        }
    });
}

pub struct Join(Rc<Shared>);

struct Shared {
    done: Cell<Option<bool>>,
    waiting: RefCell<Option<Waker>>,
    task: Cell<(u32, u32)>,
}

impl Shared {
    fn finish(&self, whole: bool) {
        if self.done.get().is_none() {
            self.done.set(Some(whole));
            if let Some(waker) = self.waiting.take() {
                waker.wake();
            }
        }
    }
}

impl Join {
    pub fn abort(&self) {
        let (id, generation) = self.0.task.get();
        let future = with(|ex| {
            let task = &mut ex.tasks[id as usize];
            if task.generation == generation && task.live { task.future.take() } else { None }
        });
        if future.is_some() {
            drop(future);
            with(|ex| ex.free(id));
            self.0.finish(false);
        }
    }
}

impl Future for Join {
    type Output = bool;
    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<bool> {
        match self.0.done.get() {
            Some(whole) => Poll::Ready(whole),
            None => {
                *self.0.waiting.borrow_mut() = Some(task.waker().clone());
                Poll::Pending
            }
        }
    }
}

pub struct Sleep {
    at_ns: u64,
    slot: Option<u32>,
}

impl Future for Sleep {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        with(|ex| {
            if ex.now_ns >= self.at_ns {
                return Poll::Ready(());
            }
            if let Some(slot) = self.slot {
                let slot = &mut ex.slots[slot as usize];
                if !slot.waker.as_ref().is_some_and(|waker| waker.will_wake(task.waker())) {
                    slot.waker = Some(task.waker().clone());
                }
                return Poll::Pending;
            }
            let id = ex.free_slots.pop().unwrap_or_else(|| {
                ex.slots.push(Slot { generation: 0, waker: None });
                ex.slots.len() as u32 - 1
            });
            let slot = &mut ex.slots[id as usize];
            slot.waker = Some(task.waker().clone());
            ex.arrivals += 1;
            ex.timers.push(Reverse((self.at_ns, ex.arrivals, id, slot.generation)));
            self.slot = Some(id);
            Poll::Pending
        })
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(id) = self.slot {
            with(|ex| {
                let slot = &mut ex.slots[id as usize];
                slot.generation = slot.generation.wrapping_add(1);
                slot.waker = None;
                ex.free_slots.push(id);
            });
        }
    }
}

const NS_PER_MS: u64 = 1_000_000;
