//! The puppet language: what a process (or a function task) does, as data. One parser, one description of each verb; the
//! simulated kernel, function tasks and real puppets give it one meaning (SCENARIOS, section 2).

mod args;
mod duration;
mod lex;
mod nearest;
mod parse;
mod play;
mod print;

use crate::signal::Signal;
use crate::time::DurationRange;
use alloc::sync::Arc;

pub use duration::{DURATION_MAX, DurationError, Written, parse_duration, parse_range};
pub use nearest::nearest;
pub(crate) use play::play;

pub use parse::{DEPTH_MAX, ERRORS_MAX, NAME_MAX, ParseError, REPEAT_MAX, WRITE_MAX, parse};
pub use print::Script;

/// A block of verbs, shared and immutable.
pub type Block = Arc<[Verb]>;

/// One verb of a script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verb {
    /// `print TEXT` or `eprint TEXT`: the text and a newline, in one write.
    Print {
        /// Where to.
        to: Out,
        /// The bytes, newline included.
        bytes: Arc<[u8]>,
    },
    /// `write N [stdout|stderr]`: N bytes: `x`, with a newline as every 64th byte: `write 10` is a partial line.
    Write {
        /// Where to.
        to: Out,
        /// How many.
        bytes: u64,
    },
    /// `flood`: a page (4 096 bytes as of `write`) to stdout each millisecond, for ever, blocking where the pipe is full.
    Flood,
    /// `read line`, `read eof`: waits for input on stdin.
    Read(ReadUntil),
    /// `sleep D`.
    Sleep(DurationRange),
    /// `busy D`: computes until it has used so much CPU time (CLOCK_THREAD_CPUTIME_ID). Handlers run meanwhile; while it is stopped or
    /// frozen none is used.
    Busy(DurationRange),
    /// `hang`: waits for ever; signals still act.
    Hang,
    /// `repeat N { … }`.
    Repeat {
        /// How often.
        times: u32,
        /// What.
        body: Block,
    },
    /// `on SIG …`: installs a disposition; a step of its own, so that a signal can come before it.
    On {
        /// For this signal.
        signal: Signal,
        /// Do this.
        then: Handler,
    },
    /// `block SIG`: adds it to the signal mask of the calling thread (sigprocmask(2)); the mask is inherited over fork and exec.
    Block(Signal),
    /// `unblock SIG`: takes it out of the mask. One that is pending acts before the next verb.
    Unblock(Signal),
    /// `spawn NAME { … }`: forks a child, which inherits group, session, pipes, mask and dispositions.
    Spawn {
        /// Worker-scoped name.
        name: Arc<str>,
        /// What the child runs.
        body: Block,
    },
    /// `daemonize [NAME] { … }`: the double fork: fork, setsid, fork again; both parents exit 0, the body runs in the last child.
    /// The caller goes on after it has reaped the first child.
    Daemonize {
        /// The daemon's name; `daemon` where the script gives none.
        name: Arc<str>,
        /// What the daemon runs.
        body: Block,
    },
    /// `wait NAME`: waits for and reaps the latest child of this name.
    Wait(Arc<str>),
    /// `wait all`: reaps until no child is left (ECHILD).
    WaitAll,
    /// `kill NAME SIG`: signals the latest own child of this name.
    Kill {
        /// The child.
        name: Arc<str>,
        /// With this.
        signal: Signal,
    },
    /// `subreaper`: orphaned descendants become this process's children (prctl(2), PR_SET_CHILD_SUBREAPER); kept over exec, not
    /// inherited by fork.
    Subreaper,
    /// `pdeathsig SIG`: this signal comes when the *thread* that forked this process ends (prctl(2), PR_SET_PDEATHSIG); a parent that
    /// is gone already never sends it. Cleared by fork, kept over exec.
    Pdeathsig(Signal),
    /// `setsid`: a new session and group (setsid(2)); no effect where the process leads a group.
    Setsid,
    /// `setpgid`: a group of its own (setpgid(0, 0)).
    Setpgid,
    /// `close stdin|stdout|stderr`.
    Close(Fd),
    /// `exec { … }`: replaces the program (execve(2)): what follows is never played, handlers become defaults, other threads end, and
    /// ignored signals, mask, children, descriptors and files stay.
    Exec(Block),
    /// `thread { … }`: a second thread of the process (clone(2), CLONE_THREAD) with the mask of its creator. Its end is not the
    /// process's, unless it is the last; `exit` in it ends the process.
    Thread(Block),
    /// `leader-exit`: the calling thread ends, and the process only if it was the last. Ended by the main thread while others live, the
    /// process is a zombie leader: it cannot be waited for until the last thread has ended. Then it has exited with 0.
    LeaderExit,
    /// `notify ready`: says that it is ready (sd_notify(3), READY=1). Without a listener it says nothing.
    NotifyReady,
    /// `touch FILE`: makes the file, in a folder that all processes of the run share.
    Touch(Arc<str>),
    /// `lock FILE`: makes and opens the file and takes its exclusive lock (flock(2)), waiting until it is free. The lock is held by the
    /// descriptor, which children inherit and exec keeps, until the last copy is closed.
    Lock(Arc<str>),
    /// `listen PORT`: binds 127.0.0.1 and listens. The socket stays bound while any process holds a copy. Where the port is taken the
    /// process says so on stderr and exits with 98 (EADDRINUSE). While the process sleeps or hangs, it answers whoever sends it the head of
    /// an HTTP request.
    Listen(u16),
    /// `exit N`.
    Exit(u8),
    /// `die SIG`: ends itself by this signal: default disposition, unblocked, raised.
    Die(Signal),
    /// `freeze`: stops itself (SIGSTOP) until CONT.
    Freeze,
}

/// One of the two outputs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Out {
    /// Descriptor 1.
    Stdout,
    /// Descriptor 2.
    Stderr,
}

/// One of the three standard descriptors.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Fd {
    /// Descriptor 0.
    Stdin,
    /// Descriptor 1.
    Stdout,
    /// Descriptor 2.
    Stderr,
}

/// What a `read` waits for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ReadUntil {
    /// One line, or the end of input.
    Line,
    /// The end of input; what comes before is thrown away.
    Eof,
}

/// What a process does with a signal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Handler {
    /// `ignore`: SIG_IGN, inherited over fork and exec.
    Ignore,
    /// `default`: SIG_DFL.
    Default,
    /// `exit N [after D]`, `print TEXT`, `{ … }`: a handler that runs this block. Other signals with handlers are held off while it runs;
    /// the interrupted verb then goes on (a sleep until its old end, SA_RESTART).
    Run(Block),
}

impl Verb {
    /// The block that it has: of a child, a thread, another program, a handler, or what is repeated.
    pub fn block(&self) -> Option<&Block> {
        match self {
            Verb::Repeat { body, .. } | Verb::Spawn { body, .. } | Verb::Daemonize { body, .. } => Some(body),
            Verb::Exec(body) | Verb::Thread(body) | Verb::On { then: Handler::Run(body), .. } => Some(body),
            Verb::On { then: Handler::Ignore | Handler::Default, .. } => None,
            Verb::Print { .. } | Verb::Write { .. } | Verb::Flood | Verb::Read(_) | Verb::Sleep(_) => None,
            Verb::Busy(_) | Verb::Hang | Verb::Block(_) | Verb::Unblock(_) | Verb::Wait(_) | Verb::WaitAll => None,
            Verb::Kill { .. } | Verb::Setsid | Verb::Setpgid | Verb::Subreaper | Verb::Pdeathsig(_) => None,
            Verb::Close(_) | Verb::LeaderExit | Verb::NotifyReady | Verb::Touch(_) | Verb::Lock(_) => None,
            Verb::Listen(_) | Verb::Exit(_) | Verb::Die(_) | Verb::Freeze => None,
        }
    }

    /// Whether a function task may play it: tasks have no pid, group, session or children.
    pub fn fits_a_task(&self) -> bool {
        match self {
            Verb::Print { .. }
            | Verb::Write { .. }
            | Verb::Flood
            | Verb::Read(_)
            | Verb::Sleep(_)
            | Verb::Hang
            | Verb::Exit(_) => true,
            Verb::Repeat { body, .. } => body.iter().all(Verb::fits_a_task),
            Verb::On { signal, then } => {
                *signal == Signal::TERM
                    && match then {
                        Handler::Run(body) => body.iter().all(Verb::fits_a_task),
                        Handler::Ignore | Handler::Default => true,
                    }
            }
            Verb::Spawn { .. } | Verb::Daemonize { .. } | Verb::Wait(_) | Verb::WaitAll | Verb::Kill { .. } => false,
            Verb::Setsid | Verb::Setpgid | Verb::Close(_) | Verb::Die(_) | Verb::Freeze => false,
            Verb::Busy(_) | Verb::Block(_) | Verb::Unblock(_) | Verb::Subreaper | Verb::Pdeathsig(_) => false,
            Verb::Exec(_) | Verb::Thread(_) | Verb::LeaderExit => false,
            Verb::NotifyReady | Verb::Touch(_) | Verb::Lock(_) | Verb::Listen(_) => false,
        }
    }
}

/// The exit code of a `listen` whose port is taken: EADDRINUSE.
pub const PORT_TAKEN: u8 = 98;

/// What the first child of a `daemonize` is called, which exits at once: no name that a script can give.
pub const BETWEEN: &str = "(daemonize)";

/// What a `listen` whose port is taken says on stderr.
pub fn port_taken(port: u16) -> alloc::string::String {
    alloc::format!("listen {port}: address already in use\n")
}

/// Bytes of `write N`: `x`, a newline as every 64th.
pub fn write_pattern(n: u64) -> alloc::vec::Vec<u8> {
    (1..=n).map(|i| if i % 64 == 0 { b'\n' } else { b'x' }).collect()
}
