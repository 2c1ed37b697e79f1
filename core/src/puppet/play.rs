//! A puppet script played by an async function: the same verbs, the same facts as a process, without a pid.
//!
//! Its cancellation is TERM. Each verb is a turn of its own, so that a signal can come between any two.

use super::{Block, Handler, Out, ReadUntil, Verb};
use crate::pipe::PipeWriter;
use crate::signal::Signal;
use crate::task::{Sleep, Stdio, TaskCx};
use crate::time::Duration;
use crate::vocab::ExitStatus;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;

struct Player {
    cx: TaskCx,
    stdio: Stdio,
    /// How many signals it has acted on.
    seen: u32,
    on_term: Handler,
    in_handler: bool,
    input: Vec<u8>,
}

/// Plays a script to its end. TERM without a handler ends it as signalled.
pub(crate) async fn play(script: Block, cx: TaskCx, stdio: Stdio) -> ExitStatus {
    let mut player = Player { cx, stdio, seen: 0, on_term: Handler::Default, in_handler: false, input: Vec::new() };
    match player.block(script).await {
        Some(status) => status,
        None => ExitStatus::Exited(0),
    }
}

type Ended = Option<ExitStatus>;

impl Player {
    /// Plays a block; `Some` if the unit ends within it.
    fn block(&mut self, block: Block) -> Pin<Box<dyn Future<Output = Ended> + '_>> {
        Box::pin(async move {
            for verb in block.iter() {
                self.cx.yield_now().await;
                if let Some(status) = self.signals().await {
                    return Some(status);
                }
                if let Some(status) = self.verb(verb).await {
                    return Some(status);
                }
            }
            None
        })
    }

    async fn verb(&mut self, verb: &Verb) -> Ended {
        match verb {
            Verb::Print { to, bytes } => self.write(*to, bytes).await,
            Verb::Write { to, bytes } => self.write(*to, &super::write_pattern(*bytes)).await,
            Verb::Flood => loop {
                let page = super::write_pattern(4096);
                if let Some(status) = self.write(Out::Stdout, &page).await {
                    return Some(status);
                }
                if let Some(status) = self.sleep(Duration::from_millis(1)).await {
                    return Some(status);
                }
            },
            Verb::Read(until) => self.read(*until).await,
            Verb::Sleep(range) => {
                let duration = self.cx.draw(*range);
                self.sleep(duration).await
            }
            Verb::Hang => self.interruptible(core::future::pending::<()>).await,
            Verb::Repeat { times, body } => {
                for _ in 0..*times {
                    if let Some(status) = self.block(body.clone()).await {
                        return Some(status);
                    }
                }
                None
            }
            Verb::On { then, .. } => {
                self.on_term = then.clone();
                None
            }
            Verb::Exit(code) => Some(ExitStatus::Exited(*code)),
            Verb::Spawn { .. } | Verb::Daemonize { .. } | Verb::Wait(_) | Verb::WaitAll | Verb::Kill { .. } => {
                refuse(verb)
            }
            Verb::Setsid | Verb::Setpgid | Verb::Close(_) | Verb::Die(_) | Verb::Freeze => refuse(verb),
            Verb::Busy(_) | Verb::Block(_) | Verb::Unblock(_) | Verb::Subreaper | Verb::Pdeathsig(_) => refuse(verb),
            Verb::Exec(_) | Verb::Thread(_) | Verb::LeaderExit => refuse(verb),
            Verb::NotifyReady | Verb::Touch(_) | Verb::Lock(_) | Verb::Listen(_) => refuse(verb),
        }
    }

    async fn sleep(&mut self, duration: Duration) -> Ended {
        let (cx, until) = (self.cx.clone(), self.cx.now().after(duration));
        self.interruptible(move || -> Sleep { cx.sleep_until(until) }).await
    }

    async fn write(&mut self, to: Out, bytes: &[u8]) -> Ended {
        let writer: PipeWriter = match to {
            Out::Stdout => self.stdio.stdout.clone(),
            Out::Stderr => self.stdio.stderr.clone(),
        };
        let mut written = 0;
        loop {
            match writer.try_write(&bytes[written..]) {
                // As SIGPIPE would.
                crate::vocab::TryWrite::Broken => {
                    return Some(ExitStatus::Signalled { signal: Signal::PIPE, core: false });
                }
                crate::vocab::TryWrite::Wrote(n) => written += n,
                crate::vocab::TryWrite::WouldBlock => {}
            }
            if written == bytes.len() {
                return None;
            }
            let waiter = writer.clone();
            if let Some(status) = self.interruptible(move || waiter.clone().room()).await {
                return Some(status);
            }
        }
    }

    async fn read(&mut self, until: ReadUntil) -> Ended {
        loop {
            if until == ReadUntil::Line
                && let Some(end) = self.input.iter().position(|b| *b == b'\n')
            {
                self.input.drain(..=end);
                return None;
            }
            let waiter = self.stdio.stdin.waiter();
            if let Some(status) = self.interruptible(move || waiter.clone().ready()).await {
                return Some(status);
            }
            if let crate::vocab::TryRead::Eof = self.stdio.stdin.try_read(&mut self.input, crate::pipe::CAPACITY) {
                return None;
            }
            if until == ReadUntil::Eof {
                self.input.clear();
            }
        }
    }

    /// Waits for a future that can be made anew, acting on signals meanwhile; the wait then goes on.
    async fn interruptible<F: Future<Output = ()>>(&mut self, make: impl Fn() -> F) -> Ended {
        loop {
            let mut wait = pin!(make());
            let cancel = self.cx.cancel.clone();
            let (seen, held) = (self.seen, self.in_handler);
            let signalled = poll_fn(|context| {
                if !held && cancel.asked() > seen {
                    return Poll::Ready(true);
                }
                if wait.as_mut().poll(context).is_ready() {
                    return Poll::Ready(false);
                }
                cancel.register(context.waker());
                Poll::Pending
            })
            .await;
            if !signalled {
                return None;
            }
            if let Some(status) = self.signals().await {
                return Some(status);
            }
        }
    }

    /// Acts on signals that have come: many before the first action are one.
    async fn signals(&mut self) -> Ended {
        while !self.in_handler && self.cx.cancel.asked() > self.seen {
            self.seen = self.cx.cancel.asked();
            match self.on_term.clone() {
                Handler::Ignore => {}
                Handler::Default => {
                    return Some(ExitStatus::Signalled { signal: Signal::TERM, core: false });
                }
                Handler::Run(block) => {
                    self.in_handler = true;
                    let ended = self.block(block).await;
                    self.in_handler = false;
                    if ended.is_some() {
                        return ended;
                    }
                }
            }
        }
        None
    }
}

fn refuse(verb: &Verb) -> Ended {
    unreachable!("a scenario with {verb:?} in a task is refused when it is read: Verb::fits_a_task")
}
