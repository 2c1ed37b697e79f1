//! The ports of a world: what may be asked of it, and what it answers. One request, one `OpId`, at most one completion.
//!
//! *Prompt acts* (signal, reap, close) happen when submitted; only a failure is answered. *Slow acts* (spawn, write, survey) are always
//! answered. *Waits* (exit, empty, readable) are answered when they come true, or withdrawn.

use crate::files::FileAnswer;
use crate::ids::Pid;
use crate::proxy::{ProxySpec, Traffic, Visit};
use crate::signal::Signal;
use crate::time::Duration;
use crate::vocab::{ExitStatus, HttpGet, Identity, ProcessSpec, Survivor};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// One of a unit's outputs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stream {
    /// Descriptor 1.
    Stdout,
    /// Descriptor 2.
    Stderr,
}

impl Stream {
    /// Both, in the order of their numbers.
    pub const BOTH: [Stream; 2] = [Stream::Stdout, Stream::Stderr];

    /// Its descriptor.
    pub const fn fd(self) -> usize {
        match self {
            Stream::Stdout => 1,
            Stream::Stderr => 2,
        }
    }

    /// Its place in [`BOTH`](Self::BOTH).
    pub const fn index(self) -> usize {
        self.fd() - 1
    }

    /// `stdout` or `stderr`.
    pub const fn word(self) -> &'static str {
        match self {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        }
    }
}

/// Some of a unit's outputs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Streams(u8);

impl Streams {
    /// None of them.
    pub const NONE: Streams = Streams(0);
    /// All of them.
    pub const BOTH: Streams = Streams(0b11);

    /// This one alone.
    pub const fn of(stream: Stream) -> Streams {
        Streams(1 << stream.index())
    }

    /// Whether it is one of them.
    pub const fn contains(self, stream: Stream) -> bool {
        self.0 & Streams::of(stream).0 != 0
    }

    /// These, and this one.
    #[must_use]
    pub const fn with(self, stream: Stream) -> Streams {
        Streams(self.0 | Streams::of(stream).0)
    }

    /// Those that are not among the others.
    #[must_use]
    pub const fn without(self, others: Streams) -> Streams {
        Streams(self.0 & !others.0)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// In the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Stream> {
        Stream::BOTH.into_iter().filter(move |stream| self.contains(*stream))
    }

    /// Those for which it holds.
    #[must_use]
    pub fn only(self, holds: impl FnMut(&Stream) -> bool) -> Streams {
        self.iter().filter(holds).fold(Streams::NONE, Streams::with)
    }
}

impl From<Stream> for Streams {
    fn from(stream: Stream) -> Streams {
        Streams::of(stream)
    }
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

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

macro_rules! errnos {
    ($($(#[$d:meta])* $name:ident = $n:literal, $text:literal;)*) => {
        /// An error number of Linux, as far as the lifecycle of processes knows it.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[allow(clippy::upper_case_acronyms)]
        pub enum Errno {
            $(#[doc = $text] $name,)*
            /// Another one, by number.
            Other(i32),
        }

        impl Errno {
            /// From a raw number.
            pub const fn from_raw(n: i32) -> Errno {
                match n { $($n => Errno::$name,)* other => Errno::Other(other) }
            }

            /// Its number.
            pub const fn raw(self) -> i32 {
                match self { $(Errno::$name => $n,)* Errno::Other(n) => n }
            }

            /// What it means, in words.
            pub const fn explain(self) -> &'static str {
                match self { $(Errno::$name => $text,)* Errno::Other(_) => "another error" }
            }
        }

        impl fmt::Display for Errno {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(Errno::$name => f.write_str(stringify!($name)),)* Errno::Other(n) => write!(f, "errno {n}") }
            }
        }
    };
}

errnos! {
    EPERM = 1, "operation not permitted";
    ENOENT = 2, "no such file or directory";
    ESRCH = 3, "no such process";
    EINTR = 4, "interrupted by a signal";
    EIO = 5, "input/output error";
    E2BIG = 7, "argument list too long";
    ENOEXEC = 8, "not an executable format";
    EBADF = 9, "bad file descriptor";
    ECHILD = 10, "no such child";
    EAGAIN = 11, "resource temporarily unavailable";
    ENOMEM = 12, "out of memory";
    EACCES = 13, "permission denied";
    EBUSY = 16, "device or resource busy";
    EEXIST = 17, "file exists";
    EXDEV = 18, "leads out of the folder, or to another file system";
    ENOTDIR = 20, "not a folder";
    EISDIR = 21, "is a folder";
    EINVAL = 22, "invalid argument";
    EMFILE = 24, "too many open files";
    ENOTTY = 25, "not a terminal, or not its own";
    ETXTBSY = 26, "text file busy";
    ENOSPC = 28, "no space left on the disk";
    EROFS = 30, "read-only file system";
    EPIPE = 32, "broken pipe";
    ENAMETOOLONG = 36, "file name too long";
    ENOSYS = 38, "not provided here";
    ENOTEMPTY = 39, "folder not empty";
    ETIMEDOUT = 110, "took too long";
    ELOOP = 40, "too many symbolic links";
    EDESTADDRREQ = 89, "destination address required";
    EADDRINUSE = 98, "address already in use";
    EADDRNOTAVAIL = 99, "cannot assign requested address";
}
