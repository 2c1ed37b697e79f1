//! Readiness: how a worker shows that it may be used, and what others wait for before they start.

use crate::ids::WorkerId;
use crate::time::Duration;
use crate::vocab::{HttpGet, ProcessSpec};
use alloc::sync::Arc;

/// How readiness is found out. Without one, started is ready.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadyPolicy {
    /// What is looked at.
    pub probe: Probe,
    /// How long after an attempt that failed the next one is made, for probes that ask.
    pub every: Duration,
    /// A worker that is not ready so long after its start has failed to start, and is stopped by its policy.
    pub timeout: Duration,
}

impl ReadyPolicy {
    /// This probe every 200 ms, for at most 30 s.
    pub const fn new(probe: Probe) -> ReadyPolicy {
        ReadyPolicy { probe, every: Duration::from_millis(200), timeout: Duration::from_secs(30) }
    }
}

/// What shows that a worker is ready.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Probe {
    /// A line of its output, on either stream, has this text in it.
    Log(Arc<str>),
    /// A TCP connection to `HOST:PORT` is accepted.
    Tcp(Arc<str>),
    /// A GET of this is answered with 2xx or 3xx.
    Http(Arc<HttpGet>),
    /// It says so itself: `READY=1` on the socket named by `NOTIFY_SOCKET` (sd_notify(3)), from one of its own processes.
    Notify,
    /// It writes a newline to this descriptor, which it inherits (the s6 protocol).
    NewlineFd(i32),
    /// This command exits with success.
    Exec(Arc<ProcessSpec>),
    /// So much time has passed since its start.
    Delay(Duration),
}

/// What a worker's start waits for: another worker, and how far that must have come. What has come true stays true: a dependency
/// that is restarted later does not take anybody with it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Dependency {
    /// Which worker: a sibling, one with the same parent.
    pub on: WorkerId,
    /// How far.
    pub until: Condition,
}

/// How far a worker must have come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Condition {
    /// Its program executes.
    Started,
    /// It is ready.
    Ready,
    /// It has ended, however.
    Exited,
    /// It has ended as Finished.
    Succeeded,
}

impl Condition {
    /// As scenario files write it.
    pub const fn word(self) -> &'static str {
        match self {
            Condition::Started => "started",
            Condition::Ready => "ready",
            Condition::Exited => "exited",
            Condition::Succeeded => "succeeded",
        }
    }
}
