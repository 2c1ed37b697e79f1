//! Plays a script: each verb is the system call that it is named after, with the meaning that core documents. One player a thread.
//! Whatever waits does so in [`Player::pause`] or [`Player::interruptible`], where handled signals act at once; all others are
//! met between two verbs.

use super::process::{self, Process};
use super::report::What;
use super::signals::{self, Openness, Woken};
use super::sigset::SigSet;
use crate::errno;
use libc::c_long;
use nix::poll::PollFd;
use shakedown_core::puppet::{Block, Verb};
use shakedown_core::vocab::Errno;
use std::os::fd::RawFd;
use std::sync::MutexGuard;
use std::time::{Duration, Instant};

/// One thread of a puppet's process.
pub(super) struct Player {
    /// The lock; `None` only while this thread waits, and others play.
    process: Option<MutexGuard<'static, Process>>,
    /// What the script has this thread block. The kernel is told to block the handled signals, too, except in a wait.
    pub(super) mask: SigSet,
    /// Whether a handler runs, and others are held off.
    pub(super) held: bool,
    /// Where it listens: it answers there while it sleeps.
    pub(super) listeners: Vec<RawFd>,
}

impl Player {
    /// Plays on in this thread, with the script's mask as it is to be.
    pub(super) fn new(process: MutexGuard<'static, Process>, mask: SigSet, held: bool) -> Player {
        let player = Player { process: Some(process), mask, held, listeners: Vec::new() };
        player.settle();
        player
    }

    /// Plays the script of a process. Its end is `exit 0`.
    pub(super) fn play_all(&mut self, block: &Block) -> ! {
        self.play_block(block);
        self.checkpoint();
        self.exit(0)
    }

    pub(super) fn play_block(&mut self, block: &Block) {
        for verb in block.iter() {
            self.checkpoint();
            self.play(verb);
        }
    }

    fn play(&mut self, verb: &Verb) {
        match verb {
            Verb::Print { to, bytes } => self.write(*to, bytes),
            Verb::Write { to, bytes } => self.write_many(*to, *bytes),
            Verb::Flood => self.flood(),
            Verb::Read(until) => self.read(*until),
            Verb::Sleep(range) => self.sleep_until(Instant::now().checked_add(range.min)),
            Verb::Busy(range) => self.busy(range.min),
            Verb::Hang => self.sleep_until(None),
            Verb::Repeat { times, body } => (0..*times).for_each(|_| self.play_block(body)),
            Verb::On { signal, then } => self.install(*signal, then),
            Verb::Block(signal) => self.block(*signal),
            Verb::Unblock(signal) => self.unblock(*signal),
            Verb::Spawn { name, body } => self.spawn(name, body),
            Verb::Daemonize { name, body } => self.daemonize(name, body),
            Verb::Wait(name) => self.wait_for(&self.full(name)),
            Verb::WaitAll => self.wait_all(),
            Verb::Kill { name, signal } => self.kill(name, *signal),
            Verb::Subreaper => self.must("become a subreaper", crate::subreaper::become_subreaper()),
            Verb::Pdeathsig(signal) => self.pdeathsig(*signal),
            Verb::Setsid => match nix::unistd::setsid() {
                // EPERM: it leads a group, and the verb has no effect.
                Ok(_) | Err(nix::errno::Errno::EPERM) => {}
                Err(e) => self.fail("setsid", errno::of_nix(e)),
            },
            Verb::Setpgid => match nix::unistd::setpgid(nix::unistd::Pid::from_raw(0), nix::unistd::Pid::from_raw(0)) {
                // EPERM: it leads a session, and so a group already.
                Ok(()) | Err(nix::errno::Errno::EPERM) => {}
                Err(e) => self.fail("setpgid", errno::of_nix(e)),
            },
            Verb::Close(fd) => self.close(*fd),
            Verb::Exit(code) => self.exit(*code),
            Verb::Die(signal) => self.die(*signal),
            Verb::Freeze => self.freeze(),
            Verb::Exec(body) => self.exec(body),
            Verb::Thread(body) => self.thread(body),
            Verb::LeaderExit => self.end_thread(),
            Verb::NotifyReady => self.notify_ready(),
            Verb::Touch(file) => self.touch(file),
            Verb::Lock(file) => self.lock(file),
            Verb::Listen(port) => self.listen(*port),
        }
    }

    /// Acts on signals that are pending now, and lets other threads play.
    pub(super) fn checkpoint(&mut self) {
        let is_alone = self.own().handlers.is_empty() && self.own().threads == 1 && !signals::has_come();
        if !is_alone && !self.held {
            while self.pause(&mut [], Some(Instant::now())) == Woken::Signal {}
        }
    }

    /// Waits for a descriptor or a deadline, and runs the handlers of signals that end the wait.
    pub(super) fn pause(&mut self, fds: &mut [PollFd<'_>], until: Option<Instant>) -> Woken {
        let woken = self.wait(fds, until);
        if woken == Woken::Signal {
            self.act();
        }
        woken
    }

    /// Waits for a descriptor or a deadline, and takes the signals that end the wait, without acting on them yet.
    pub(super) fn wait(&mut self, fds: &mut [PollFd<'_>], until: Option<Instant>) -> Woken {
        let how = self.openness();
        match self.away(|| signals::pause(fds, until, how)) {
            Ok(woken) => woken,
            Err(errno) => self.fail("wait in ppoll", errno),
        }
    }

    /// Makes a system call that waits, again and again while handlers interrupt it.
    ///
    /// # Safety
    /// As of the call itself; `arguments` must stay good while handlers run.
    pub(super) unsafe fn interruptible(&mut self, number: c_long, arguments: [c_long; 6]) -> Result<c_long, Errno> {
        loop {
            let how = self.openness();
            // SAFETY: passed on to the caller.
            match self.away(|| unsafe { signals::interruptible(number, arguments, how) }) {
                Err(Errno::EINTR) => self.act(),
                answer => return answer,
            }
        }
    }

    /// What a wait leaves open.
    pub(super) fn openness(&self) -> Openness {
        let mask = if self.held { self.mask.and(self.own().handled) } else { self.mask };
        Openness { mask, is_open: !self.held }
    }

    /// Lets other threads play while this one waits. `wait` must not allocate: somebody may fork meanwhile.
    pub(super) fn away<R>(&mut self, wait: impl FnOnce() -> R) -> R {
        self.process = None;
        let answer = wait();
        self.process = Some(process::lock());
        self.settle();
        answer
    }

    /// Lets other threads play, as this one plays no more.
    pub(super) fn away_for_good(&mut self) {
        self.process = None;
    }

    /// Has the kernel block what this thread blocks while it does not wait.
    pub(super) fn settle(&self) {
        let settled = self.mask.and(self.own().handled).block_only();
        self.must("set the signal mask", settled);
    }

    pub(super) fn sleep_until(&mut self, until: Option<Instant>) {
        if !self.listeners.is_empty() {
            return self.answer_until(until);
        }
        while self.pause(&mut [], until) == Woken::Signal {}
    }

    /// Computes in slices, so that signals are heard and other threads play.
    fn busy(&mut self, mut left: Duration) {
        while !left.is_zero() {
            let slice = left.min(BUSY_SLICE);
            let used = self.away(|| spin(slice));
            match used {
                Ok(used) => left = left.saturating_sub(used),
                Err(errno) => self.fail("read its CPU clock", errno),
            }
            self.checkpoint();
        }
    }

    pub(super) fn exit(&self, code: u8) -> ! {
        self.say(What::Exiting(code));
        // SAFETY: ends this process at once; everything it wrote went out by write(2).
        unsafe { libc::_exit(i32::from(code)) }
    }

    pub(super) fn own(&self) -> &Process {
        self.process.as_deref().unwrap_or_else(|| unreachable!("{LOCKED}"))
    }

    pub(super) fn own_mut(&mut self) -> &mut Process {
        self.process.as_deref_mut().unwrap_or_else(|| unreachable!("{LOCKED}"))
    }

    pub(super) fn full(&self, name: &str) -> String {
        format!("{}/{name}", self.own().base)
    }

    pub(super) fn say(&self, what: What) {
        let own = self.own();
        own.reporter.say(&own.name, own.pid, what);
    }

    pub(super) fn must(&self, what: &str, done: Result<(), Errno>) {
        if let Err(errno) = done {
            self.fail(what, errno);
        }
    }

    pub(super) fn fail(&self, what: &str, errno: Errno) -> ! {
        super::refuse(&format!("{} could not {what}: {errno} ({})", self.own().name, errno.explain()))
    }
}

/// Computes until the calling thread has used so much CPU time; how much it was.
fn spin(slice: Duration) -> Result<Duration, Errno> {
    let began = cpu_time()?;
    loop {
        for _ in 0..SPIN_ROUNDS {
            std::hint::spin_loop();
        }
        let used = cpu_time()?.saturating_sub(began);
        if used >= slice {
            return Ok(used);
        }
    }
}

fn cpu_time() -> Result<Duration, Errno> {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec.
    match unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut now) } {
        0 => Ok(Duration::new(now.tv_sec as u64, now.tv_nsec as u32)),
        _ => Err(errno::last()),
    }
}

const LOCKED: &str = "a thread that plays holds the lock, and plays nothing while it is away";
/// How long `busy` hears no signal, at most.
const BUSY_SLICE: Duration = Duration::from_micros(500);
const SPIN_ROUNDS: u32 = 100;
