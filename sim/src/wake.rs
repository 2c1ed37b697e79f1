//! Wakers for one thread: a linked list through the wakers themselves, without a lock.
//!
//! The atomics are only loaded and stored, never exchanged: within a simulation there is one thread. A wake from another thread is an
//! escape out of the simulation; it is noted, and fails the run.

use std::backtrace::Backtrace;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

thread_local! {
    /// Its address tells threads apart, at the price of one instruction.
    static MARK: u8 = const { 0 };
}

fn this_thread() -> usize {
    MARK.with(|mark| std::ptr::from_ref(mark).addr())
}

/// Ends the list.
const END: u32 = u32::MAX;
/// Marks a waker that is not in the list.
const OUT: u32 = u32::MAX - 1;

#[derive(Debug)]
struct List {
    thread: usize,
    /// The waker that was woken last; each links to the one woken before it.
    newest: AtomicU32,
    escaped: AtomicBool,
    /// Where another thread has woken a task for the first time: to find that out takes longer than a run, and a test is played often.
    escape: Mutex<Option<String>>,
}

#[derive(Debug)]
struct SlotWaker {
    slot: u32,
    older: AtomicU32,
    list: Arc<List>,
}

/// The wakers of a host, and who was woken.
#[derive(Debug)]
pub(crate) struct Wakes {
    list: Arc<List>,
    wakers: Vec<Arc<SlotWaker>>,
    /// Taken from the list, the oldest at the end.
    batch: Vec<u32>,
}

impl Wakes {
    pub(crate) fn new() -> Wakes {
        let (newest, escaped) = (AtomicU32::new(END), AtomicBool::new(false));
        let list = List { thread: this_thread(), newest, escaped, escape: Mutex::new(None) };
        Wakes { list: Arc::new(list), wakers: Vec::new(), batch: Vec::new() }
    }

    /// The waker of a slot, made when first asked for; slots come in order.
    pub(crate) fn add(&mut self, slot: u32) -> Waker {
        if let Some(known) = self.wakers.get(slot as usize) {
            return known.clone().into();
        }
        let waker = Arc::new(SlotWaker { slot, older: AtomicU32::new(OUT), list: self.list.clone() });
        self.wakers.push(waker.clone());
        waker.into()
    }

    /// Whether somebody was woken.
    #[inline]
    pub(crate) fn has_some(&self) -> bool {
        !self.batch.is_empty() || self.list.newest.load(Relaxed) != END
    }

    /// The next that was woken, in the order of waking, each once.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<u32> {
        if self.batch.is_empty() {
            let mut slot = self.list.newest.load(Relaxed);
            if slot == END {
                return None;
            }
            self.list.newest.store(END, Relaxed);
            while slot != END {
                self.batch.push(slot);
                let older = &self.wakers[slot as usize].older;
                slot = older.load(Relaxed);
                older.store(OUT, Relaxed);
            }
        }
        self.batch.pop()
    }

    /// Where another thread wakes tasks, if one has done so since the last question.
    pub(crate) fn take_escape(&self) -> Option<String> {
        if !self.list.escaped.swap(false, Relaxed) {
            return None;
        }
        self.list.escape.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl List {
    #[cold]
    fn note_escape(&self) {
        let mut escape = self.escape.lock().unwrap_or_else(PoisonError::into_inner);
        escape.get_or_insert_with(call_site);
        self.escaped.store(true, Relaxed);
    }
}

/// Where this was called from: the innermost frame that is neither the standard library's nor ours.
fn call_site() -> String {
    site_in(&Backtrace::force_capture().to_string())
}

/// The first such frame of a backtrace as the standard library prints it: `N: function`, and below it `at file:line:column` where the
/// program was built with that.
fn site_in(trace: &str) -> String {
    let mut frames: Vec<(&str, Option<&str>)> = Vec::new();
    for line in trace.lines().map(str::trim) {
        match (line.strip_prefix("at "), line.split_once(": "), frames.last_mut()) {
            (Some(place), _, Some(frame)) => frame.1 = Some(place),
            (None, Some((_, function)), _) => frames.push((function, None)),
            (Some(_), _, None) | (None, None, _) => {}
        }
    }
    let is_own = |(function, place): &(&str, Option<&str>)| {
        let is_foreign = |place: &str| FOREIGN.iter().chain(&[file!()]).any(|of| place.contains(of));
        !is_of_library(function) && !place.is_some_and(is_foreign)
    };
    match frames.into_iter().find(is_own) {
        Some((function, Some(place))) => format!("{}, in {function}", place.strip_prefix("./").unwrap_or(place)),
        Some((function, None)) => function.to_owned(),
        None => "an unknown place (debug information would tell)".to_owned(),
    }
}

/// Where the standard library's sources and those of dependencies are: as it was built, as the component `rust-src` or a distribution
/// lays them down, and as cargo fetches them into its home, wherever that is.
const FOREIGN: [&str; 5] =
    ["/rustc/", "/rustlib/src/rust/library/", "/usr/src/rustc-", "/registry/src/", "/git/checkouts/"];

fn is_of_library(function: &str) -> bool {
    let path = function.trim_start_matches('<');
    // A thread's closure may be all in the frame of the library that calls it; what is below that is the C library's.
    let of_threads = ["start_thread", "clone", "__clone", "thread_start", "_start", "__libc_"];
    let of_rust = ["std::", "core::", "alloc::", "shakedown_sim::wake::", "__rust", "rust_"];
    of_rust.iter().chain(&of_threads).any(|own| path.starts_with(own))
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if this_thread() != self.list.thread {
            self.list.note_escape();
        } else if self.older.load(Relaxed) == OUT {
            self.older.store(self.list.newest.load(Relaxed), Relaxed);
            self.list.newest.store(self.slot, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wakes_come_in_order_and_each_once() {
        let mut wakes = Wakes::new();
        let wakers: Vec<Waker> = (0..3).map(|slot| wakes.add(slot)).collect();
        for slot in [2, 0, 2, 1] {
            wakers[slot].wake_by_ref();
        }
        assert_eq!([wakes.pop(), wakes.pop()], [Some(2), Some(0)]);
        wakers[2].wake_by_ref();
        assert_eq!([wakes.pop(), wakes.pop(), wakes.pop()], [Some(1), Some(2), None]);
    }

    #[test]
    fn a_wake_from_another_thread_is_noted_as_an_escape() {
        let mut wakes = Wakes::new();
        let waker = wakes.add(0);
        std::thread::scope(|scope| {
            scope.spawn(|| waker.wake_by_ref());
        });
        assert_eq!((wakes.pop(), wakes.take_escape().is_some(), wakes.take_escape()), (None, true, None));
    }

    #[test]
    fn an_escape_is_told_by_the_first_frame_that_is_a_users_own() {
        let trace = "   0: std::backtrace::Backtrace::create\n             at /rustc/59/library/std/src/backtrace.rs:331:13\n   \
                     1: <shakedown_sim::wake::SlotWaker as alloc::task::Wake>::wake\n             at ./sim/src/wake.rs:99:18\n   \
                     2: core::task::wake::Waker::wake\n             at /rustc/59/library/core/src/task/wake.rs:474:18\n   \
                     3: app::main::{{closure}}\n             at ./src/main.rs:7:50\n   \
                     4: std::sys::backtrace::__rust_begin_short_backtrace\n";
        assert_eq!(site_in(trace), "src/main.rs:7:50, in app::main::{{closure}}");
        let without_lines: String =
            trace.lines().filter(|line| !line.contains(" at ")).map(|l| format!("{l}\n")).collect();
        let with_a_line_of_the_c_library =
            without_lines.clone() + "   5: start_thread\n             at nptl/pthread_create.c:442:8\n";
        // Where the component `rust-src` is installed, the library's frames have places of its own, and the names of some do not tell.
        let with_sources = trace.replace("/rustc/59/", "/root/.rustup/toolchains/stable/lib/rustlib/src/rust/");
        let of_sources = with_sources.replace("core::task::wake::Waker::wake", "call_once<fn(), ()>");
        assert_eq!(site_in(&of_sources), "src/main.rs:7:50, in app::main::{{closure}}");
        for trace in [without_lines, with_a_line_of_the_c_library] {
            assert_eq!(site_in(&trace), "app::main::{{closure}}");
        }
        assert_eq!(site_in("disabled"), "an unknown place (debug information would tell)");
    }
}
