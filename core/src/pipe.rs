//! Pipes between the functions of one host: bounded, with the end of file and the broken pipe of POSIX (pipe(7)).

use crate::ids::OpId;
use crate::reactor::Reactor;
use crate::sync::remember;
use crate::vocab::{Completion, Streams, TryRead, TryWrite};
use alloc::collections::VecDeque;
use alloc::rc::{Rc, Weak};
use alloc::vec::Vec;
use core::cell::{RefCell, RefMut};
use core::future::poll_fn;
use core::task::{Poll, Waker};

/// What a pipe holds at most, as on Linux.
pub const CAPACITY: usize = 65_536;

struct State {
    bytes: VecDeque<u8>,
    writers: u32,
    /// Whether the host is one of them.
    host_writes: bool,
    reader_lives: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Waits of machines, answered through the reactor.
    reader_op: Option<(OpId, Streams)>,
    writer_op: Option<OpId>,
}

/// The pipes of one unit, by the numbers of their descriptors.
struct Pipes {
    states: [RefCell<State>; 3],
    reactor: Weak<Reactor>,
}

/// A pipe; the host keeps it by this handle, which counts as neither end.
#[derive(Clone)]
pub(crate) struct Pipe {
    of: Rc<Pipes>,
    fd: u8,
}

/// The end that is read.
pub struct PipeReader(Pipe);

/// The end that is written; cheap to clone, and the pipe ends when the last one is dropped.
pub struct PipeWriter(Pipe);

/// Nobody reads it any more (EPIPE).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BrokenPipe;

impl core::fmt::Display for BrokenPipe {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("broken pipe: nobody reads it any more")
    }
}

impl core::error::Error for BrokenPipe {}

impl State {
    const fn new() -> State {
        State {
            bytes: VecDeque::new(),
            writers: 0,
            host_writes: false,
            reader_lives: true,
            reader: None,
            writer: None,
            reader_op: None,
            writer_op: None,
        }
    }
}

impl Pipes {
    fn answer(&self, op: OpId, completion: Completion) {
        if let Some(reactor) = self.reactor.upgrade() {
            reactor.answer(op, completion);
        }
    }
}

impl Pipe {
    /// The pipes of a unit: stdin, stdout and stderr.
    pub(crate) fn trio(reactor: &Rc<Reactor>) -> [Pipe; 3] {
        let states = [const { RefCell::new(State::new()) }; 3];
        let of = Rc::new(Pipes { states, reactor: Rc::downgrade(reactor) });
        [0, 1, 2].map(|fd| Pipe { of: of.clone(), fd })
    }

    fn state(&self) -> RefMut<'_, State> {
        self.of.states[usize::from(self.fd)].borrow_mut()
    }

    pub(crate) fn writer(&self) -> PipeWriter {
        self.state().writers += 1;
        PipeWriter(self.clone())
    }

    pub(crate) fn reader(&self) -> PipeReader {
        PipeReader(self.clone())
    }

    /// Counts the host as a writer, until [`close_input`](Self::close_input).
    pub(crate) fn open_writer(&self) {
        let mut state = self.state();
        state.writers += 1;
        state.host_writes = true;
    }

    /// The host is a writer no longer; a second time this means nothing.
    pub(crate) fn close_input(&self) {
        if core::mem::take(&mut self.state().host_writes) {
            self.close_writer();
        }
    }

    fn close_writer(&self) {
        self.state().writers -= 1;
        self.changed();
    }

    pub(crate) fn close_reader(&self) {
        self.state().reader_lives = false;
        self.changed();
    }

    pub(crate) fn has_writers(&self) -> bool {
        self.state().writers > 0
    }

    pub(crate) fn try_read(&self, into: &mut Vec<u8>, max: usize) -> TryRead {
        let mut state = self.state();
        if state.bytes.is_empty() {
            return if state.writers == 0 { TryRead::Eof } else { TryRead::WouldBlock };
        }
        let n = max.min(state.bytes.len());
        into.extend(state.bytes.drain(..n));
        drop(state);
        self.changed();
        TryRead::Data(n)
    }

    pub(crate) fn try_write(&self, bytes: &[u8]) -> TryWrite {
        let mut state = self.state();
        if !state.reader_lives {
            return TryWrite::Broken;
        }
        let n = bytes.len().min(CAPACITY - state.bytes.len());
        if n == 0 {
            return TryWrite::WouldBlock;
        }
        state.bytes.extend(&bytes[..n]);
        drop(state);
        self.changed();
        TryWrite::Wrote(n)
    }

    /// Waits until one of these pipes of a unit, which stand in the order of their descriptors, can be read.
    pub(crate) fn wait_readable(pipes: &[Pipe; 3], streams: Streams, op: OpId) {
        for stream in streams.iter() {
            let pipe = &pipes[stream.fd()];
            pipe.state().reader_op = Some((op, streams));
            pipe.changed();
            if pipe.state().reader_op.is_none() {
                return;
            }
        }
    }

    pub(crate) fn wait_writable(&self, op: OpId) {
        self.state().writer_op = Some(op);
        self.changed();
    }

    /// Wakes whoever can go on. A waiter that was withdrawn is answered in vain.
    fn changed(&self) {
        let mut state = self.state();
        let readable = !state.bytes.is_empty() || state.writers == 0;
        let writable = state.bytes.len() < CAPACITY || !state.reader_lives;
        let reader = if readable { state.reader.take() } else { None };
        let writer = if writable { state.writer.take() } else { None };
        let reader_op = if readable { state.reader_op.take() } else { None };
        let writer_op = if writable { state.writer_op.take() } else { None };
        drop(state);
        if let Some(wait) = reader_op {
            // It is answered once, whichever of the pipes was first; to try the other one, too, costs nothing.
            for other in &self.of.states {
                other.borrow_mut().reader_op.take_if(|other| *other == wait);
            }
            let (op, streams) = wait;
            self.of.answer(op, Completion::Readable(streams));
        }
        if let Some(op) = writer_op {
            self.of.answer(op, Completion::Writable);
        }
        reader.into_iter().chain(writer).for_each(Waker::wake);
    }
}

impl PipeReader {
    /// Reads at most `max` bytes into `into`; returns how many, 0 at the end. Dropped while waiting, it loses nothing.
    pub async fn read(&mut self, into: &mut Vec<u8>, max: usize) -> usize {
        poll_fn(|cx| match self.0.try_read(into, max) {
            TryRead::Data(n) => Poll::Ready(n),
            TryRead::Eof => Poll::Ready(0),
            TryRead::WouldBlock => {
                remember(&mut self.0.state().reader, cx.waker());
                Poll::Pending
            }
        })
        .await
    }

    /// A wait for input or its end, which reads nothing.
    pub(crate) fn waiter(&self) -> ReadWaiter {
        ReadWaiter(self.0.clone())
    }

    /// What is there now.
    pub fn try_read(&mut self, into: &mut Vec<u8>, max: usize) -> TryRead {
        self.0.try_read(into, max)
    }
}

/// Waits for input without holding the end that reads it.
#[derive(Clone)]
pub(crate) struct ReadWaiter(Pipe);

impl ReadWaiter {
    pub(crate) async fn ready(self) {
        poll_fn(|cx| {
            let mut state = self.0.state();
            if !state.bytes.is_empty() || state.writers == 0 {
                return Poll::Ready(());
            }
            remember(&mut state.reader, cx.waker());
            Poll::Pending
        })
        .await
    }
}

impl Drop for PipeReader {
    fn drop(&mut self) {
        self.0.close_reader();
    }
}

impl PipeWriter {
    /// Writes all of it, waiting for room. Dropped while waiting, a part may be written.
    ///
    /// # Errors
    /// [`BrokenPipe`] when nobody reads.
    pub async fn write_all(&self, bytes: &[u8]) -> Result<(), BrokenPipe> {
        let mut rest = bytes;
        poll_fn(|cx| {
            while !rest.is_empty() {
                match self.0.try_write(rest) {
                    TryWrite::Wrote(n) => rest = &rest[n..],
                    TryWrite::Broken => return Poll::Ready(Err(BrokenPipe)),
                    TryWrite::WouldBlock => {
                        remember(&mut self.0.state().writer, cx.waker());
                        return Poll::Pending;
                    }
                }
            }
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Waits for room, or for the reader to go away.
    pub(crate) async fn room(self) {
        poll_fn(|cx| {
            let mut state = self.0.state();
            if state.bytes.len() < CAPACITY || !state.reader_lives {
                return Poll::Ready(());
            }
            remember(&mut state.writer, cx.waker());
            Poll::Pending
        })
        .await
    }

    /// Writes what fits now.
    pub fn try_write(&self, bytes: &[u8]) -> TryWrite {
        self.0.try_write(bytes)
    }
}

impl Clone for PipeWriter {
    fn clone(&self) -> Self {
        self.0.writer()
    }
}

impl Drop for PipeWriter {
    fn drop(&mut self) {
        self.0.close_writer();
    }
}
