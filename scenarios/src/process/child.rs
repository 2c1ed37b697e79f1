//! A running child: [`Child`], as `tokio::process::Child` has it.

use super::{ChildStderr, ChildStdin, ChildStdout, ExitStatus, Output, status};
use shakedown_core::signal::Signal;
use shakedown_core::task::{Process, TaskCx};
use shakedown_core::vocab::{ExitStatus as Known, Redirect};
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// A child process.
///
/// Dropped, it is not killed unless [`kill_on_drop`](super::Command::kill_on_drop) was asked for; its zombie is reaped by a task of its own.
pub struct Child {
    /// Its descriptor 0, where that is a pipe. Taking and dropping it closes it.
    pub stdin: Option<ChildStdin>,
    /// Its descriptor 1, where that is a pipe.
    pub stdout: Option<ChildStdout>,
    /// Its descriptor 2, where that is a pipe.
    pub stderr: Option<ChildStderr>,
    cx: TaskCx,
    process: Process,
    status: Option<Known>,
    /// A wait that `try_wait` has begun.
    waiting: Option<Pin<Box<dyn Future<Output = Known>>>>,
    kill_on_drop: bool,
    is_detached: bool,
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Child { process, status, kill_on_drop, .. } = self;
        f.debug_struct("Child")
            .field("name", &process.name())
            .field("pid", &process.pid())
            .field("status", status)
            .field("kill_on_drop", kill_on_drop)
            .finish_non_exhaustive()
    }
}

impl Child {
    pub(super) fn new(cx: TaskCx, process: Process, stdio: [Redirect; 3], kill_on_drop: bool) -> Child {
        let [stdin, stdout, stderr] = stdio.map(|redirect| (redirect == Redirect::Piped).then(|| process.clone()));
        Child {
            stdin: stdin.map(ChildStdin::new),
            stdout: stdout.map(ChildStdout::new),
            stderr: stderr.map(ChildStderr::new),
            cx,
            process,
            status: None,
            waiting: None,
            kill_on_drop,
            is_detached: false,
        }
    }

    /// Its pid, until it was waited for. To print: a number is no identity.
    pub fn id(&self) -> Option<u32> {
        self.status.is_none().then(|| self.process.pid().as_raw().unsigned_abs())
    }

    /// Closes its stdin, waits for its end, and reaps it. Any number of times; dropped while waiting, it loses nothing.
    ///
    /// # Errors
    /// ECHILD where somebody else has reaped it.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        let known = match self.status {
            Some(known) => known,
            None => self.process.wait().await,
        };
        self.ended(known)
    }

    /// How it ended, where that is known by now: the news may still be on its way.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        if let Some(known) = self.status {
            return status(known).map(Some);
        }
        let process = &self.process;
        let waiting = self.waiting.get_or_insert_with(|| {
            let process = process.clone();
            Box::pin(async move { process.wait().await })
        });
        match waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(known) => self.ended(known).map(Some),
            Poll::Pending => Ok(None),
        }
    }

    /// Reads its output to the end, and waits for its end. As long as anybody holds the output open, there is no end: a grandchild that
    /// inherited it makes this wait (golang/go#23019).
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn wait_with_output(mut self) -> io::Result<Output> {
        let (mut stdout, mut stderr) = (self.stdout.take(), self.stderr.take());
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let reads = async {
            let outs = async {
                if let Some(stdout) = &mut stdout {
                    stdout.read_to_end(&mut out).await;
                }
            };
            let errs = async {
                if let Some(stderr) = &mut stderr {
                    stderr.read_to_end(&mut err).await;
                }
            };
            both(outs, errs).await;
        };
        let ((), status) = both(reads, self.wait()).await;
        Ok(Output { status: status?, stdout: out, stderr: err })
    }

    /// Sends KILL to it alone, and waits for nothing.
    ///
    /// # Errors
    /// `InvalidInput` where it was waited for already.
    pub fn start_kill(&mut self) -> io::Result<()> {
        self.signal(Signal::KILL)
    }

    /// Sends KILL to it alone, and waits for its end.
    ///
    /// # Errors
    /// As [`start_kill`](Self::start_kill) and [`wait`](Self::wait).
    pub async fn kill(&mut self) -> io::Result<()> {
        self.start_kill()?;
        self.wait().await.map(drop)
    }

    /// Sends a signal to it alone. It is a zombie at least: its number is nobody else's.
    ///
    /// # Errors
    /// `InvalidInput` where it was waited for already.
    pub fn signal(&mut self, signal: Signal) -> io::Result<()> {
        if self.status.is_some() {
            let told = "the child was waited for already: there is nobody to signal";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, told));
        }
        self.process.signal(signal);
        Ok(())
    }

    /// Sends a signal to everybody in its scope, which lives on when the child itself has ended.
    ///
    /// # Errors
    /// `InvalidInput` where the child was waited for already: a group whose leader was reaped is known by a number only, and that may be
    /// another's tomorrow (bazelbuild/bazel#11910). Signal first, and reap then.
    pub fn signal_group(&mut self, signal: Signal) -> io::Result<()> {
        if self.status.is_some() {
            let told = "the child was waited for already: its group is a mere number now; signal it before `wait`";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, told));
        }
        self.process.signal_scope(signal);
        Ok(())
    }

    /// Waits until nobody in its scope is alive. The child itself may be a zombie yet: [`wait`](Self::wait) reaps it.
    pub async fn group_empty(&self) {
        self.process.scope_empty().await;
    }

    /// The task no longer answers for it: it may outlive the task.
    pub fn detach(mut self) {
        self.is_detached = true;
        self.process.clone().detach();
    }

    fn ended(&mut self, known: Known) -> io::Result<ExitStatus> {
        self.status = Some(known);
        self.waiting = None;
        status(known)
    }
}

impl Drop for Child {
    /// What tokio does with a child that nobody waits for: it is killed where that was asked for, and reaped as soon as it has ended.
    fn drop(&mut self) {
        if self.status.is_some() || self.is_detached {
            return;
        }
        if self.kill_on_drop {
            self.process.signal(Signal::KILL);
        }
        let process = self.process.clone();
        drop(self.cx.spawn("reap", |_| async move { process.wait().await }));
    }
}

/// Both, side by side.
async fn both<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut first, mut second) = (None, None);
    std::future::poll_fn(move |cx| {
        if first.is_none()
            && let Poll::Ready(value) = a.as_mut().poll(cx)
        {
            first = Some(value);
        }
        if second.is_none()
            && let Poll::Ready(value) = b.as_mut().poll(cx)
        {
            second = Some(value);
        }
        match (first.take(), second.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (first, second) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}
