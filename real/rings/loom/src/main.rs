//! Every order in which the threads around a session's host can meet: its bell, its mailbox, its tasks' wakers. The files are the
//! shipped ones, included; only the lock and the atomic that they name are loom's. Prints how many executions each claim was held against.

#[path = "../../../src/mailbox.rs"]
mod mailbox;
#[path = "../../../src/wakers.rs"]
mod wakers;

/// What stands in the place of the real crate's `sync`.
mod sync {
    pub(crate) use loom::sync::Mutex;
    pub(crate) use loom::sync::atomic::{AtomicBool, Ordering};
}

use loom::future::block_on;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use mailbox::{Bell, Mailbox, Returned};
use shakedown_core::ids::TaskId;
use std::sync::Arc;
use std::time::Instant;
use wakers::Wakers;

/// A claim, and the threads that it is held against.
type Model = (&'static str, fn());

const MODELS: &[Model] = &[
    ("a_ring_is_never_lost", a_ring_is_never_lost),
    ("every_letter_arrives_in_its_senders_order", every_letter_arrives_in_its_senders_order),
    ("a_closed_box_ends_its_reader_and_returns_letters", a_closed_box_ends_its_reader_and_returns_letters),
    ("a_finished_box_is_read_to_its_end", a_finished_box_is_read_to_its_end),
    ("who_is_woken_is_polled_after_the_wake", who_is_woken_is_polled_after_the_wake),
    ("two_slots_are_both_polled", two_slots_are_both_polled),
];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    for (claim, model) in MODELS.iter().filter(|(claim, _)| wanted.is_empty() || wanted.iter().any(|w| w == claim)) {
        let (executions, began) = (Arc::new(std::sync::atomic::AtomicU64::new(0)), Instant::now());
        let count = executions.clone();
        let mut explorer = loom::model::Builder::new();
        explorer.preemption_bound = Some(PREEMPTIONS);
        explorer.check(move || {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            model();
        });
        let executions = executions.load(std::sync::atomic::Ordering::Relaxed);
        println!("held {claim}: {executions} executions in {:.1} s", began.elapsed().as_secs_f64());
    }
}

/// Two ring, one sleeps until it has seen both.
fn a_ring_is_never_lost() {
    let (bell, done) = (Arc::new(Bell::default()), Arc::new(AtomicUsize::new(0)));
    for _ in 0..2 {
        let (bell, done) = (bell.clone(), done.clone());
        thread::spawn(move || {
            done.fetch_add(1, Ordering::Release);
            bell.ring();
        });
    }
    block_on(async {
        while done.load(Ordering::Acquire) < 2 {
            bell.rung().await;
        }
    });
}

fn every_letter_arrives_in_its_senders_order() {
    let mailbox = Arc::new(Mailbox::new(Arc::new(Bell::default()), 3));
    for sender in 0..2 {
        let mailbox = mailbox.clone();
        thread::spawn(move || {
            for nth in 0..=sender {
                assert_eq!(mailbox.post((sender, nth)), Ok(()), "there is room for all");
            }
        });
    }
    let mut next = [0; 2];
    block_on(async {
        for _ in 0..3 {
            let (sender, nth) = mailbox.next().await.expect("nobody closes it");
            assert_eq!(nth, next[sender], "in the order of their sender");
            next[sender] += 1;
        }
    });
    assert_eq!(mailbox.take(), None);
}

/// One posts, one closes, one reads: the letter is read, returned, or dropped, and its sender can tell.
fn a_closed_box_ends_its_reader_and_returns_letters() {
    let mailbox = Arc::new(Mailbox::new(Arc::new(Bell::default()), 1));
    let (sender, closer) = (mailbox.clone(), mailbox.clone());
    let letter = Arc::new(());
    let posted = letter.clone();
    let sent = thread::spawn(move || sender.post(posted).map_err(|back| matches!(back, Returned::Closed(_))));
    let closed = thread::spawn(move || closer.close());
    let mut read = 0;
    block_on(async {
        while mailbox.next().await.is_some() {
            read += 1;
        }
    });
    let sent = sent.join().expect("no panic");
    closed.join().expect("no panic");
    assert!(sent == Ok(()) || sent == Err(true), "a box of one letter is never full");
    assert!(read == 0 || sent.is_ok(), "what was returned is not read");
    assert_eq!(Arc::strong_count(&letter), 1, "no letter stays where nobody reads");
}

fn a_finished_box_is_read_to_its_end() {
    let mailbox = Arc::new(Mailbox::new(Arc::new(Bell::default()), 2));
    let sender = mailbox.clone();
    thread::spawn(move || {
        let posted = sender.post(1);
        sender.finish();
        assert_eq!((posted, sender.post(2)), (Ok(()), Err(Returned::Closed(2))));
    });
    block_on(async {
        assert_eq!(mailbox.next().await, Some(1));
        assert_eq!(mailbox.next().await, None);
    });
}

/// The contract of a waker: whatever was done before a wake is seen by a poll that follows it, also where the wake finds the slot queued.
fn who_is_woken_is_polled_after_the_wake() {
    let bell = Arc::new(Bell::default());
    let mut wakers = Wakers::new(bell.clone());
    let waker = wakers.waker(TaskId(0));
    waker.wake_by_ref();
    let done = Arc::new(AtomicUsize::new(0));
    let told = done.clone();
    thread::spawn(move || {
        told.store(1, Ordering::Relaxed);
        waker.wake();
    });
    host(&bell, &mut wakers, |_| done.load(Ordering::Relaxed) == 1);
}

fn two_slots_are_both_polled() {
    let bell = Arc::new(Bell::default());
    let mut wakers = Wakers::new(bell.clone());
    for slot in 0..2 {
        let waker = wakers.waker(TaskId(slot));
        thread::spawn(move || waker.wake());
    }
    let mut polled = [false; 2];
    host(&bell, &mut wakers, |slot| {
        polled[slot.index()] = true;
        polled == [true; 2]
    });
}

/// What `drive` does with wakers: polls whoever was woken, and sleeps on the bell where nobody is.
fn host(bell: &Bell, wakers: &mut Wakers, mut poll: impl FnMut(TaskId) -> bool) {
    block_on(async {
        loop {
            while let Some(slot) = wakers.next_woken() {
                if poll(slot) {
                    return;
                }
            }
            bell.rung().await;
        }
    });
}

/// Switches away from a thread that could go on, at most. Without a bound the first claim alone takes 149 033 executions instead of 3 802,
/// and holds, too.
const PREEMPTIONS: usize = 3;
