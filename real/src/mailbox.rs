//! What comes from other threads: letters in a box, and the bell that its reader sleeps on. All code of a host that runs on two threads
//! at once is here and in `wakers`, small enough to be explored with loom.

use crate::sync::Mutex;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

/// A bell that one task sleeps on. A ring is kept until it is heard, and any number of rings are one.
pub struct Bell(Mutex<Rope>);

#[derive(Default)]
struct Rope {
    is_rung: bool,
    sleeper: Option<Waker>,
}

impl Default for Bell {
    fn default() -> Bell {
        Bell(Mutex::new(Rope::default()))
    }
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bell")
    }
}

impl Bell {
    /// Rings, from any thread.
    pub fn ring(&self) {
        let sleeper = {
            let mut rope = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            rope.is_rung = true;
            rope.sleeper.take()
        };
        // Outside of the lock: a waker may be anybody's code.
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }

    /// Until it was rung since it was last heard. Of two that listen only the later one is woken.
    pub async fn rung(&self) {
        poll_fn(|cx| self.poll_rung(cx)).await;
    }

    fn poll_rung(&self, cx: &Context<'_>) -> Poll<()> {
        let mut rope = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut rope.is_rung) {
            return Poll::Ready(());
        }
        rope.sleeper = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// A box of letters: anybody posts, one reader takes.
pub struct Mailbox<T> {
    letters: Mutex<Letters<T>>,
    bell: Arc<Bell>,
    room: usize,
}

struct Letters<T> {
    queue: VecDeque<T>,
    is_closed: bool,
}

/// A letter comes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Returned<T> {
    /// There is no room for it now.
    Full(T),
    /// Nobody reads any more.
    Closed(T),
}

impl<T> Mailbox<T> {
    /// An empty box with room for so many letters, whose posts ring this bell.
    pub fn new(bell: Arc<Bell>, room: usize) -> Mailbox<T> {
        Mailbox { letters: Mutex::new(Letters { queue: VecDeque::new(), is_closed: false }), bell, room }
    }

    /// Posts a letter, from any thread.
    ///
    /// # Errors
    /// The letter, where it found no room or no reader.
    pub fn post(&self, letter: T) -> Result<(), Returned<T>> {
        self.post_within(self.room, letter)
    }

    /// As [`post`](Self::post), with another room: what must not be lost finds more of it than what may.
    ///
    /// # Errors
    /// As [`post`](Self::post).
    pub fn post_within(&self, room: usize, letter: T) -> Result<(), Returned<T>> {
        {
            let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
            if letters.is_closed {
                return Err(Returned::Closed(letter));
            }
            if letters.queue.len() >= room {
                return Err(Returned::Full(letter));
            }
            letters.queue.push_back(letter);
        }
        // After the letter is in: whoever hears the bell finds it.
        self.bell.ring();
        Ok(())
    }

    /// The oldest letter, if there is one.
    pub fn take(&self) -> Option<T> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).queue.pop_front()
    }

    /// The oldest letter, as soon as there is one; `None` once the box is closed. For a box with a bell of its own.
    pub async fn next(&self) -> Option<T> {
        loop {
            let is_closed = {
                let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(letter) = letters.queue.pop_front() {
                    return Some(letter);
                }
                letters.is_closed
            };
            if is_closed {
                return None;
            }
            self.bell.rung().await;
        }
    }

    /// No letter comes in any more; those that are there may still be taken.
    pub fn finish(&self) {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).is_closed = true;
        self.bell.ring();
    }

    /// No letter comes in any more, and those that nobody took are dropped: who waits for an answer to one learns it so.
    pub fn close(&self) {
        self.finish();
        let unread = std::mem::take(&mut self.letters.lock().unwrap_or_else(PoisonError::into_inner).queue);
        drop(unread);
    }

    /// Whether no letter waits to be taken.
    pub fn is_empty(&self) -> bool {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).queue.is_empty()
    }

    /// Whether no letter comes in any more.
    pub fn is_closed(&self) -> bool {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).is_closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_heard_once_and_never_lost() {
        let bell = Bell::default();
        let cx = Context::from_waker(Waker::noop());
        bell.ring();
        bell.ring();
        assert_eq!([bell.poll_rung(&cx), bell.poll_rung(&cx)], [Poll::Ready(()), Poll::Pending]);
        bell.ring();
        assert_eq!(bell.poll_rung(&cx), Poll::Ready(()));
    }

    #[test]
    fn a_box_refuses_what_has_no_room_and_what_nobody_reads() {
        let mailbox = Mailbox::new(Arc::default(), 2);
        assert_eq!([mailbox.post(1), mailbox.post(2)], [Ok(()), Ok(())]);
        assert_eq!(mailbox.post(3), Err(Returned::Full(3)));
        assert_eq!(mailbox.take(), Some(1));
        mailbox.close();
        assert_eq!((mailbox.take(), mailbox.post(4)), (None, Err(Returned::Closed(4))));
    }
}
