//! Plays a script: each verb is the system call that it is named after, in one thread, with the meaning that core documents.
//! Whatever waits does so in one place, where handled signals act at once.

use super::children::{Children, Side, word};
use super::report::{Reporter, What};
use super::signals::{self, Disposition, Woken};
use crate::errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::SigSet;
use nix::sys::stat::fstat;
use shakedown_core::ids::Pid;
use shakedown_core::puppet::{Block, Fd, Handler, Out, ReadUntil, Verb, write_pattern};
use shakedown_core::signal::Signal;
use shakedown_core::vocab::Errno;
use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// One process of a puppet.
pub(super) struct Player {
    /// `server`.
    base: String,
    /// `server/helper`.
    name: String,
    pid: Pid,
    reporter: Reporter,
    handlers: BTreeMap<i32, Block>,
    handled: SigSet,
    /// Whether a handler runs, and others are held off.
    held: bool,
    children: Children,
}

impl Player {
    pub(super) fn new(base: String, reporter: Reporter) -> Player {
        let name = format!("{base}/main");
        let (handlers, children) = (BTreeMap::new(), Children::default());
        Player { base, name, pid: own_pid(), reporter, handlers, handled: SigSet::empty(), held: false, children }
    }

    /// Plays the leading process's script. Its end is `exit 0`.
    pub(super) fn play_all(mut self, block: &Block) -> ! {
        let prepared = prepare();
        self.say(What::Started);
        self.must("set up the process", prepared);
        self.play_block(block);
        self.exit(0)
    }

    fn play_block(&mut self, block: &Block) {
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
            Verb::Hang => self.sleep_until(None),
            Verb::Repeat { times, body } => (0..*times).for_each(|_| self.play_block(body)),
            Verb::On { signal, then } => self.install(*signal, then),
            Verb::Spawn { name, body } => self.spawn(name, body),
            Verb::Daemonize { name, body } => self.daemonize(name, body),
            Verb::Wait(name) => self.wait_for(&self.full(name)),
            Verb::WaitAll => self.wait_all(),
            Verb::Kill { name, signal } => {
                let sent = self.children.signal(&self.full(name), *signal);
                self.must("signal a child", sent);
            }
            Verb::Setsid => match nix::unistd::setsid() {
                // EPERM: it leads a group, and the verb has no effect.
                Ok(_) | Err(nix::errno::Errno::EPERM) => {}
                Err(e) => self.must("setsid", Err(errno::of_nix(e))),
            },
            Verb::Setpgid => match nix::unistd::setpgid(nix::unistd::Pid::from_raw(0), nix::unistd::Pid::from_raw(0)) {
                // EPERM: it leads a session, and so a group already.
                Ok(()) | Err(nix::errno::Errno::EPERM) => {}
                Err(e) => self.must("setpgid", Err(errno::of_nix(e))),
            },
            Verb::Close(fd) => self.close(*fd),
            Verb::Exit(code) => self.exit(*code),
            Verb::Die(signal) => self.die(*signal),
            Verb::Busy(_)
            | Verb::Block(_)
            | Verb::Unblock(_)
            | Verb::Subreaper
            | Verb::Pdeathsig(_)
            | Verb::Exec(_)
            | Verb::Thread(_)
            | Verb::LeaderExit
            | Verb::NotifyReady
            | Verb::Touch(_)
            | Verb::Lock(_)
            | Verb::Listen(_)
            | Verb::Freeze => self.fail("play this verb", Errno::ENOSYS),
        }
    }

    /// Takes signals that are pending now.
    fn checkpoint(&mut self) {
        if !self.handlers.is_empty() && !self.held {
            while self.pause(&mut [], Some(Instant::now())) == Woken::Signal {}
        }
    }

    /// Waits for a descriptor or a deadline, and runs the handlers of signals that end the wait.
    fn pause(&mut self, fds: &mut [PollFd<'_>], until: Option<Instant>) -> Woken {
        let woken = signals::pause(fds, until, &self.handled, self.held);
        self.after(woken)
    }

    fn after(&mut self, woken: Result<Woken, Errno>) -> Woken {
        match woken {
            Ok(Woken::Signal) => {
                while let Some(signal) = signals::take() {
                    self.handle(signal);
                }
                Woken::Signal
            }
            Ok(woken @ (Woken::Ready | Woken::Deadline)) => woken,
            Err(errno) => self.fail("wait in ppoll", errno),
        }
    }

    fn handle(&mut self, signal: Signal) {
        let Some(body) = self.handlers.get(&signal.number()).cloned() else { return };
        self.say(What::Signalled(signal));
        self.held = true;
        self.play_block(&body);
        self.held = false;
    }

    fn install(&mut self, signal: Signal, then: &Handler) {
        let disposition = match then {
            Handler::Ignore => Disposition::Ignored,
            Handler::Default => Disposition::Default,
            Handler::Run(_) => Disposition::Noted,
        };
        if let Handler::Run(body) = then {
            self.handlers.insert(signal.number(), body.clone());
            self.handled.extend(signals::nix_signal(signal));
        } else {
            self.handlers.remove(&signal.number());
            signals::nix_signal(signal).iter().for_each(|s| self.handled.remove(*s));
        }
        let installed = signals::install(signal, disposition);
        self.must("install a disposition", installed);
        self.say(What::Installed(signal));
    }

    /// A descriptor that is closed, or that nobody reads while SIGPIPE is ignored, takes no bytes: the script goes on.
    fn write(&mut self, to: Out, mut bytes: &[u8]) {
        let fd = out_fd(to);
        while !bytes.is_empty() {
            // SAFETY: the number is one of the standard ones, and only the script itself closes it.
            let out = unsafe { signals::borrow(fd) };
            match nix::unistd::write(out, bytes) {
                Ok(taken) => bytes = &bytes[taken..],
                Err(nix::errno::Errno::EINTR) => {}
                Err(nix::errno::Errno::EAGAIN) => {
                    self.pause(&mut [PollFd::new(out, PollFlags::POLLOUT)], None);
                }
                Err(_) => return,
            }
        }
    }

    fn write_many(&mut self, to: Out, mut left: u64) {
        // A multiple of 64, so that every chunk continues the pattern of the one before.
        let chunk = write_pattern(left.min(WRITE_CHUNK));
        while left > 0 {
            let now = left.min(WRITE_CHUNK);
            self.write(to, &chunk[..now as usize]);
            left -= now;
        }
    }

    fn flood(&mut self) -> ! {
        let page = write_pattern(FLOOD_PAGE);
        loop {
            self.write(Out::Stdout, &page);
            self.sleep_until(Instant::now().checked_add(FLOOD_EVERY));
        }
    }

    /// Byte by byte, so that what follows the line stays in the pipe for whoever reads next.
    fn read(&mut self, until: ReadUntil) {
        let mut buffer = [0u8; 4096];
        let at_once = match until {
            ReadUntil::Line => 1,
            ReadUntil::Eof => buffer.len(),
        };
        loop {
            // SAFETY: as in `write`.
            let stdin = unsafe { signals::borrow(0) };
            match nix::unistd::read(stdin, &mut buffer[..at_once]) {
                Ok(0) => return,
                Ok(_) if until == ReadUntil::Line && buffer[0] == b'\n' => return,
                Ok(_) | Err(nix::errno::Errno::EINTR) => self.checkpoint(),
                Err(nix::errno::Errno::EAGAIN) => {
                    self.pause(&mut [PollFd::new(stdin, PollFlags::POLLIN)], None);
                }
                // Closed by the script: there is nothing to read any more.
                Err(_) => return,
            }
        }
    }

    fn sleep_until(&mut self, until: Option<Instant>) {
        while self.pause(&mut [], until) == Woken::Signal {}
    }

    fn spawn(&mut self, name: &str, body: &Block) {
        let full = self.full(name);
        match self.fork(full.clone()) {
            Side::Parent => {}
            Side::Child => self.begin_child(full, body),
        }
    }

    /// fork, setsid, fork: the first child exits 0 and is reaped here, the second runs the body.
    fn daemonize(&mut self, name: &str, body: &Block) {
        let first = self.between();
        match self.fork(first.clone()) {
            Side::Parent => self.wait_for(&first),
            Side::Child => {
                signals::forget_all();
                if let Err(e) = nix::unistd::setsid() {
                    self.fail("setsid for a daemon", errno::of_nix(e));
                }
                let full = self.full(name);
                match self.fork(full.clone()) {
                    // SAFETY: ends the forked process, which shares nothing that needs closing.
                    Side::Parent => unsafe { libc::_exit(0) },
                    Side::Child => self.begin_child(full, body),
                }
            }
        }
    }

    fn begin_child(&mut self, name: String, body: &Block) -> ! {
        signals::forget_all();
        self.name = name;
        self.pid = own_pid();
        self.say(What::Started);
        self.play_block(body);
        self.exit(0)
    }

    fn fork(&mut self, name: String) -> Side {
        match self.children.fork(name) {
            Ok(side) => side,
            Err(errno) => self.fail("fork", errno),
        }
    }

    /// Whoever ends first is reaped first.
    fn wait_all(&mut self) {
        while !self.children.is_empty() {
            let mut fds: Vec<_> =
                self.children.every().map(|child| PollFd::new(child.as_fd(), PollFlags::POLLIN)).collect();
            let woken = signals::pause(&mut fds, None, &self.handled, self.held);
            let ended: Vec<bool> = fds.iter().map(|fd| fd.any() == Some(true)).collect();
            let pids: Vec<Pid> =
                self.children.every().zip(ended).filter(|(_, ended)| *ended).map(|(child, _)| child.pid).collect();
            if self.after(woken) == Woken::Ready {
                pids.into_iter().for_each(|pid| {
                    self.reap(pid);
                });
            }
        }
    }

    fn wait_for(&mut self, full: &str) {
        while let Some(child) = self.children.latest(full) {
            let pid = child.pid;
            let mut fds = [PollFd::new(child.as_fd(), PollFlags::POLLIN)];
            let woken = signals::pause(&mut fds, None, &self.handled, self.held);
            if self.after(woken) == Woken::Ready && self.reap(pid) {
                return;
            }
        }
    }

    fn reap(&mut self, pid: Pid) -> bool {
        match self.children.reap(pid) {
            Ok(Some((child, status))) => {
                // The first child of a daemonize has no name of the script's, and nobody is told of it.
                if let Some(status) = word(status).filter(|_| child.name != self.between()) {
                    self.reporter.say(&child.name, child.pid, What::Reaped(status));
                }
                true
            }
            Ok(None) => false,
            Err(errno) => self.fail("reap a child", errno),
        }
    }

    fn close(&mut self, fd: Fd) {
        let number = match fd {
            Fd::Stdin => 0,
            Fd::Stdout => 1,
            Fd::Stderr => 2,
        };
        match nix::unistd::close(number) {
            // EBADF: closed before, which a script may do.
            Ok(()) | Err(nix::errno::Errno::EBADF) => {}
            Err(e) => self.fail("close a descriptor", errno::of_nix(e)),
        }
    }

    /// Where the default action does not end a process (CHLD, CONT, a stop), the script goes on.
    fn die(&mut self, signal: Signal) {
        let Some(number) = signals::nix_signal(signal) else { self.fail("die", Errno::EINVAL) };
        if signal.can_be_caught() {
            self.install_silently(signal);
        }
        let raised = nix::sys::signal::raise(number).map_err(errno::of_nix);
        self.must("raise a signal", raised);
    }

    fn install_silently(&mut self, signal: Signal) {
        self.handlers.remove(&signal.number());
        signals::nix_signal(signal).iter().for_each(|s| self.handled.remove(*s));
        let installed = signals::install(signal, Disposition::Default);
        self.must("install a disposition", installed);
    }

    fn exit(&mut self, code: u8) -> ! {
        self.say(What::Exiting(code));
        // SAFETY: ends this process at once; everything it wrote went out by write(2).
        unsafe { libc::_exit(i32::from(code)) }
    }

    fn full(&self, name: &str) -> String {
        format!("{}/{name}", self.base)
    }

    /// What the first child of a daemonize is called among ours.
    fn between(&self) -> String {
        self.full("(daemonize)")
    }

    fn say(&self, what: What) {
        self.reporter.say(&self.name, self.pid, what);
    }

    fn must(&self, what: &str, done: Result<(), Errno>) {
        if let Err(errno) = done {
            self.fail(what, errno);
        }
    }

    fn fail(&self, what: &str, errno: Errno) -> ! {
        super::refuse(&format!("{} could not {what}: {errno} ({})", self.name, errno.explain()))
    }
}

/// A short name, no core files (a `die SEGV` would leave one wherever it runs), pipes that never block us, so that signals
/// act while we wait for them, and the dispositions that a fresh process has.
fn prepare() -> Result<(), Errno> {
    signals::reset_start_up()?;
    nix::sys::prctl::set_name(super::PROCESS_NAME).map_err(errno::of_nix)?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(errno::of_nix)?;
    for number in 0..=2 {
        // SAFETY: as in `write`.
        let fd = unsafe { signals::borrow(number) };
        let is_pipe = fstat(fd).is_ok_and(|meta| meta.st_mode & libc::S_IFMT == libc::S_IFIFO);
        if is_pipe {
            let flags = fcntl(fd, FcntlArg::F_GETFL).map_err(errno::of_nix)?;
            let flags = OFlag::from_bits_retain(flags) | OFlag::O_NONBLOCK;
            fcntl(fd, FcntlArg::F_SETFL(flags)).map_err(errno::of_nix)?;
        }
    }
    Ok(())
}

fn own_pid() -> Pid {
    let number = nix::unistd::getpid().as_raw();
    Pid::new(number).unwrap_or_else(|| unreachable!("getpid(2) always succeeds, and pids are positive: {number}"))
}

fn out_fd(out: Out) -> i32 {
    match out {
        Out::Stdout => 1,
        Out::Stderr => 2,
    }
}

/// As large as a pipe.
const WRITE_CHUNK: u64 = 65_536;
const FLOOD_PAGE: u64 = 4_096;
const FLOOD_EVERY: Duration = Duration::from_millis(1);
