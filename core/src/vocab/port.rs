//! The ports of a world: what may be asked of it, and what it answers. One request, one `OpId`, at most one completion.
//!
//! *Prompt acts* (signal, reap, close) happen when submitted; only a failure is answered. *Slow acts* (spawn, write, survey) are always
//! answered. *Waits* (exit, empty, readable) are answered when they come true, or withdrawn.

use crate::files::FileAnswer;
use crate::ids::Pid;
use crate::proxy::{ProxySpec, Traffic, Visit};
use crate::signal::Signal;
use crate::time::Duration;
use crate::vocab::{Errno, ExitStatus, HttpGet, Identity, ProcessSpec, Stream, Streams, Survivor};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// Who is signalled.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Target {
    /// The leader alone.
    Leader,
    /// Everybody in the unit's scope.
    Scope,
}

/// What one incarnation is told and given at its start, beside what its spec says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Launch {
    /// The same for all incarnations of one worker: `LIFECYCLE_RESUME_ID`. None is told where it is zero.
    pub resume: u64,
    /// Which session it belongs to, for whoever takes over from a supervisor that was killed: `SHAKEDOWN_SESSION`. None is told where it is
    /// zero.
    pub session: u64,
    /// How the incarnation before ended, where that is known: `LIFECYCLE_PREV_EXIT`.
    pub previous: Option<ExitStatus>,
    /// On what it says that it is ready.
    pub notify: Option<Channel>,
    /// Who is taken over instead, if it still lives: a leader that an earlier supervisor of this session has started.
    pub adopts: Option<Identity>,
}

impl Launch {
    /// The name of the variable that holds [`resume`](Self::resume).
    pub const RESUME_ID: &'static str = "LIFECYCLE_RESUME_ID";
    /// The name of the variable that holds [`prev_exit`](Self::prev_exit).
    pub const PREV_EXIT: &'static str = "LIFECYCLE_PREV_EXIT";

    /// The name of the variable that holds [`session`](Self::session).
    pub const SESSION: &'static str = "SHAKEDOWN_SESSION";
    /// The name of the variable that holds the worker's name, beside it.
    pub const WORKER: &'static str = "SHAKEDOWN_WORKER";

    /// What `SHAKEDOWN_SESSION` is to say.
    pub fn session_mark(&self) -> Option<String> {
        (self.session != 0).then(|| alloc::format!("{:016x}", self.session))
    }

    /// What `LIFECYCLE_RESUME_ID` is to say.
    pub fn resume_id(&self) -> Option<String> {
        (self.resume != 0).then(|| alloc::format!("{:016x}", self.resume))
    }

    /// What `LIFECYCLE_PREV_EXIT` is to say: the code, or 128+n for signal n, as a shell does.
    pub fn prev_exit(&self) -> Option<u8> {
        match self.previous {
            Some(ExitStatus::Exited(code)) => Some(code),
            Some(ExitStatus::Signalled { signal, .. }) => Some(128 + signal.number() as u8),
            Some(ExitStatus::Unknown) | None => None,
        }
    }
}

/// On what a unit says that it is ready.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Channel {
    /// The datagram socket that `NOTIFY_SOCKET` names (sd_notify(3)).
    Socket,
    /// A newline on this descriptor.
    Newline(i32),
}

/// What is asked of a world.
#[derive(Clone, PartialEq, Debug)]
pub enum Request {
    /// Slow act: start this process as this unit, with a pipe on each standard descriptor. All or nothing.
    Spawn {
        /// What to start.
        spec: Arc<ProcessSpec>,
        /// What this incarnation is told and given beside. Boxed: requests are moved about a great deal, and few of them are spawns.
        launch: Box<Launch>,
    },
    /// Slow act: listen as this proxy, and serve whoever connects; answered as a spawn. All or nothing.
    Serve(Arc<ProxySpec>),
    /// Prompt act: send a signal. Answered only by [`Completion::SignalFailed`].
    Signal {
        /// To the leader or the scope.
        to: Target,
        /// Which.
        signal: Signal,
    },
    /// Wait: until the leader has ended. It stays a zombie, and so pins its pid and group, until [`Request::Reap`].
    Exit,
    /// Wait: until nobody in the scope is alive. Zombies do not count, but members adopted by us are reaped.
    Empty,
    /// Wait: until a process of the unit has said on this channel that the unit is ready. Said is said: it may have been before.
    Notified(Channel),
    /// Slow act: try to connect to this `HOST:PORT` over TCP, and close the connection at once.
    Connect(Arc<str>),
    /// Wait: ask for this by HTTP, on a connection of its own, and for no longer than [`HttpGet::PATIENCE`].
    Get(Arc<HttpGet>),
    /// Wait: until a `try_read` of one of these would not block.
    Readable(Streams),
    /// Wait: until a `try_write` to stdin would not block.
    Writable,
    /// Slow act: write all of it to stdin, as far as anybody reads.
    Write(Arc<[u8]>),
    /// Prompt act: close our end of stdin.
    CloseInput,
    /// Prompt act: close our end of an output.
    CloseOutput(Stream),
    /// Slow act: who in the scope is alive, who holds an output, and whether the leader has ended.
    Survey,
    /// Prompt act: reap the leader. The unit's number may be forgotten afterwards.
    Reap,
    /// Prompt act: nobody asks the unit for anything any more. Our ends of its pipes are closed, and its leader is reaped.
    Release,
    /// Prompt act: nobody answers for the unit any more; it may outlive the session.
    Detach,
    /// Wait, of a proxy: until there is something to tell of its requests, or all was told.
    Traffic,
    /// Prompt act, of a proxy: a client of the outside world's comes to it.
    Visit(Visit),
}

/// What a world answers.
#[derive(Clone, PartialEq, Debug)]
pub enum Completion {
    /// To `Spawn`: it executes, or it never did.
    Spawned(Result<Pid, SpawnFailure>),
    /// To the start of a unit that has no process: an async function of the host itself, or a proxy that listens.
    TaskStarted,
    /// To `Signal`, only where it failed: `ESRCH` means gone, `EPERM` does not.
    SignalFailed(Errno),
    /// To `Exit`.
    Exited(ExitNotice),
    /// To `Empty`.
    Empty,
    /// To `Notified`.
    Notified,
    /// To `Connect`: whether somebody accepted.
    Connected(bool),
    /// To `Get`: the answer's status; `None` where there was no answer of HTTP in time.
    Answered(Option<u16>),
    /// To the command of [`Cx::run`](crate::machine::Cx::run): how it ended; `None` where it did not start.
    Ran(Option<ExitStatus>),
    /// To `Readable`: of these a read may bring something, as poll(2) tells of each descriptor that it was asked for.
    Readable(Streams),
    /// To `Writable`.
    Writable,
    /// To `Write`: how many bytes were taken before the reader went away or closed.
    Written(u64),
    /// To `Survey`. In a box: it is rare, and every other answer is a few bytes.
    Surveyed(Box<Survey>),
    /// To a [`FileCall`](crate::files::FileCall).
    Filed(Box<Result<FileAnswer, Errno>>),
    /// To `Traffic`.
    Traffic(Box<Traffic>),
}

/// Who is left of a unit.
#[derive(Clone, PartialEq, Debug)]
pub struct Survey {
    /// Alive in the scope, the leader included.
    pub members: Vec<Survivor>,
    /// Holding the write end of an output.
    pub holders: Vec<Survivor>,
    /// How the leader ended, if it has: the notice of its end may have been lost or be late.
    pub exit: Option<ExitStatus>,
}

/// One exit is one event: the status, and what is known of those left behind.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ExitNotice {
    /// The kernel's word.
    pub status: ExitStatus,
    /// Whether others live in the scope; `None` where nobody looked.
    pub others: Option<bool>,
    /// Whether anybody still holds the write end of an output; `None` where nobody looked.
    pub writers: Option<bool>,
}

/// Why a start failed. Nothing is left behind.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SpawnFailure {
    /// What the system said.
    pub errno: Errno,
    /// Whether fork had succeeded and exec failed.
    pub at_exec: bool,
}

impl SpawnFailure {
    /// Attempts at one start, the first included: with their pauses 31 ms at least.
    pub const TRIES_MAX: u32 = 6;

    /// Whether it may pass by itself: no pid or memory is free just now (`EAGAIN`, fork(2)), or the child of another thread still
    /// holds the program open for writing until its own exec (`ETXTBSY`, execve(2); golang/go#22315).
    pub const fn passes(self) -> bool {
        matches!(self.errno, Errno::EAGAIN | Errno::ETXTBSY)
    }

    /// How long after the attempt of this number, counted from 1, the next one is made: 1 ms, and then twice as long each time.
    pub fn pause(tries: u32) -> Duration {
        Duration::from_millis(1 << tries.saturating_sub(1).min(SpawnFailure::TRIES_MAX))
    }
}

impl fmt::Display for SpawnFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", if self.at_exec { "exec" } else { "spawn" }, self.errno, self.errno.explain())
    }
}

impl core::error::Error for SpawnFailure {}

/// What `try_read` found.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TryRead {
    /// So many bytes were appended.
    Data(usize),
    /// Nothing now.
    WouldBlock,
    /// All write ends are closed and everything was read.
    Eof,
}

/// What `try_write` did.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TryWrite {
    /// So many bytes were taken, at least one.
    Wrote(usize),
    /// The pipe is full.
    WouldBlock,
    /// Nobody can ever read it (EPIPE).
    Broken,
}
