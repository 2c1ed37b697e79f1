//! What the threads of a puppet's process share, behind one lock: a thread holds it while it plays, and lets go while it waits.
//! So verbs are atomic, and at a fork no other thread is inside the allocator, whose locks the child would find taken for ever.

use super::children::Children;
use super::report::Reporter;
use super::sigset::SigSet;
use shakedown_core::ids::Pid;
use shakedown_core::puppet::Block;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// One process of a puppet.
pub(super) struct Process {
    /// `server`.
    pub(super) base: String,
    /// `server/helper`.
    pub(super) name: String,
    pub(super) pid: Pid,
    pub(super) reporter: Reporter,
    pub(super) handlers: BTreeMap<i32, Block>,
    /// The same signals, which threads block while they do not wait.
    pub(super) handled: SigSet,
    /// Those that the script ignores.
    pub(super) ignored: SigSet,
    pub(super) children: Children,
    /// Living threads, as the script knows them.
    pub(super) threads: u32,
}

impl Process {
    pub(super) fn new(base: String, name: String, reporter: Reporter) -> Process {
        Process {
            base,
            name,
            pid: own_pid(),
            reporter,
            handlers: BTreeMap::new(),
            handled: SigSet::NONE,
            ignored: SigSet::NONE,
            children: Children::default(),
            threads: 1,
        }
    }

    /// What a child called `name` is right after the fork, which has copied everything: one thread, and no children.
    pub(super) fn become_child(&mut self, name: String) {
        self.name = name;
        self.pid = own_pid();
        self.threads = 1;
        self.children.clear();
        WAITING.store(0, Ordering::Relaxed);
    }
}

static PROCESS: OnceLock<Mutex<Process>> = OnceLock::new();

/// This process, from its first thread on.
pub(super) fn begin(process: Process) -> MutexGuard<'static, Process> {
    PROCESS.get_or_init(|| Mutex::new(process)).lock().unwrap_or_else(PoisonError::into_inner)
}

/// This process, for as long as no other thread plays. Only once it has begun.
///
/// Those who wait already go first: a thread that took a signal must not be kept from acting on it by one that never rests.
pub(super) fn lock() -> MutexGuard<'static, Process> {
    let process = PROCESS.get().unwrap_or_else(|| unreachable!("the first thread begins the process before it plays"));
    for _ in 0..GIVE_WAY_MAX {
        if WAITING.load(Ordering::Relaxed) == 0 {
            break;
        }
        std::thread::yield_now();
    }
    WAITING.fetch_add(1, Ordering::Relaxed);
    let locked = process.lock().unwrap_or_else(PoisonError::into_inner);
    WAITING.fetch_sub(1, Ordering::Relaxed);
    locked
}

/// Threads that wait for the lock.
static WAITING: AtomicU32 = AtomicU32::new(0);
/// How often a thread gives way, about a microsecond each time.
const GIVE_WAY_MAX: u32 = 1_000;

fn own_pid() -> Pid {
    let number = nix::unistd::getpid().as_raw();
    Pid::new(number).unwrap_or_else(|| unreachable!("getpid(2) always succeeds, and pids are positive: {number}"))
}
