//! A pid namespace of our own, so that a test or a run that signals can hurt nobody outside, and whoever is left over is found.
//! The program executes itself again inside; an init of ours reaps there, and takes everything down with it at the end.
//!
//! Sources: pid_namespaces(7), user_namespaces(7), mount_namespaces(7), clone(2) (clone3), proc(5).

mod init;

use crate::errno;
use crate::pidfd::Pidfd;
use crate::procfs;
use crate::scope::RUN_VARIABLE;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal as NixSignal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use shakedown_core::ids::Pid;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Errno, ExitStatus};
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// We are inside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entered {
    /// The run's name, which all processes in here carry as `SHAKEDOWN_RUN`.
    pub run: String,
}

/// There will be no namespace; we go on outside, and nothing that signals may be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// What was refused, by whom, and what would help.
    pub reason: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no private pid namespace: {}", self.reason)
    }
}

impl std::error::Error for Refused {}

/// Not empty inside, so that nobody enters twice.
pub const INSIDE_VARIABLE: &str = "SHAKEDOWN_NAMESPACE";
/// The exit code where the program itself succeeded but left processes behind.
pub const LEFT_BEHIND: i32 = 99;

/// Executes this program again, with the same arguments, in new pid and mount namespaces (and a user namespace where we may
/// not otherwise). Outside it does not return, but exits as the program inside does: with its code, 128+n for signal n, or
/// [`LEFT_BEHIND`]. To be called first in main, before any thread exists; inside it returns at once.
///
/// # Errors
/// Where the machine refuses; the process is as before.
pub fn enter_private_pid_namespace() -> Result<Entered, Refused> {
    if std::env::var_os(INSIDE_VARIABLE).is_some_and(|inside| !inside.is_empty()) {
        return Ok(Entered { run: std::env::var(RUN_VARIABLE).unwrap_or_default() });
    }
    if procfs::stat(own_pid()).is_none() {
        return Err(Refused { reason: "/proc is not mounted, or not ours".into() });
    }
    let mut reasons = Vec::new();
    for is_user in [false, true] {
        match begin(is_user) {
            Ok(init) => std::process::exit(follow(&init)),
            Err(reason) => {
                reasons.push(format!("{}: {reason}", if is_user { "with a user namespace" } else { "without" }))
            }
        }
    }
    Err(Refused { reason: reasons.join("; ") })
}

/// Living processes, ourselves not counted, that carry this run's name: what a run that is over has left behind.
///
/// # Errors
/// Where nobody can look: /proc cannot be listed or read.
pub fn leftovers(run: &str) -> Result<Vec<(Pid, String)>, Errno> {
    for _listing in 0..LISTINGS_MAX {
        let listed = remembering(&others()?)?;
        let mut left = Vec::new();
        for pid in &listed {
            if carries(*pid, run)? {
                left.push((*pid, procfs::command_line(*pid)));
            }
        }
        // Who was listed and is gone, or as good as gone, may have forked between the listing and the look.
        if !left.is_empty() || remembering(&listed)?.len() == listed.len() {
            return Ok(left);
        }
        std::thread::sleep(Duration::from_micros(50));
    }
    Ok(Vec::new())
}

/// Those that have memory, init left out: it is nobody's to leave behind, and what has none, as a kernel thread, has no environment and
/// forks nobody.
fn remembering(listed: &[Pid]) -> Result<Vec<Pid>, Errno> {
    let mut found = Vec::new();
    for pid in listed.iter().filter(|pid| pid.as_raw() != 1) {
        if procfs::has_memory(*pid)? {
            found.push(*pid);
        }
    }
    Ok(found)
}

fn carries(pid: Pid, run: &str) -> Result<bool, Errno> {
    Ok(procfs::environment(pid, RUN_VARIABLE)?.as_deref() == Some(run))
}

/// An end takes a moment, and there are not many at once.
const LISTINGS_MAX: u32 = 256;

/// Kills a process that this run has left behind, by its identity: its entry is read again behind an open pidfd, so that a
/// number that was reused meanwhile reaches nobody. Waits at most a second for its end. Whether it was there, ours, and ended.
pub fn end_leftover(run: &str, pid: Pid) -> bool {
    let Ok(held) = Pidfd::open(pid) else { return false };
    let is_ours = pid != own_pid() && carries(pid, run).unwrap_or(false);
    // Between the look and the signal it may end, but its number cannot come to mean another: the pidfd holds who it is.
    let killed = is_ours && held.send(Signal::KILL).is_ok();
    let mut ended = [PollFd::new(held.as_fd(), PollFlags::POLLIN)];
    killed && poll(&mut ended, PollTimeout::from(1_000u16)).is_ok_and(|ready| ready == 1)
}

/// Every living process of this namespace but ourselves.
fn others() -> Result<Vec<Pid>, Errno> {
    let own = own_pid();
    let living = procfs::every_that(|s| Ok(s.is_alive() && s.pid != own))?;
    Ok(living.into_iter().map(|s| s.pid).collect())
}

/// Starts the init and hears whether it has set up its world.
fn begin(is_user: bool) -> Result<Pidfd, String> {
    let (verdict, tell) = nix::unistd::pipe2(OFlag::O_CLOEXEC).map_err(|e| format!("pipe: {e}"))?;
    let ids = is_user.then(|| (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw()));
    let Some(init) = clone_init(is_user).map_err(|e| format!("clone3: {e} ({})", e.explain()))? else {
        drop(verdict);
        init::run(ids, tell)
    };
    drop(tell);
    let mut said = String::new();
    let heard = File::from(verdict).read_to_string(&mut said);
    match (heard, said.as_str()) {
        (Ok(_), init::READY) => Ok(init),
        (Ok(_), trouble) => {
            let ended = init.reap_blocking();
            Err(format!("{} (its init ended: {ended:?})", if trouble.is_empty() { "it said nothing" } else { trouble }))
        }
        (Err(e), _) => Err(format!("the init's verdict cannot be read: {e}")),
    }
}

/// fork(2) into new namespaces: `None` in the child, which is pid 1 there.
fn clone_init(is_user: bool) -> Result<Option<Pidfd>, Errno> {
    let mut pidfd: libc::c_int = -1;
    let user = if is_user { libc::CLONE_NEWUSER } else { 0 };
    let flags = libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_PIDFD | user;
    let arguments = CloneArgs {
        flags: flags as u64,
        pidfd: &raw mut pidfd as u64,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: libc::SIGCHLD as u64,
        stack: [0; 2],
        tls: 0,
    };
    // SAFETY: without CLONE_VM this is a fork: the child goes on with a copy of our memory and stack. The caller promises that
    // there is one thread, so no lock is left held in the copy. `pidfd` is written before the call returns.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<CloneArgs>()) };
    if pid == 0 {
        return Ok(None);
    }
    let pid = i32::try_from(pid).ok().and_then(Pid::new).ok_or_else(errno::last)?;
    // SAFETY: clone3 succeeded, so the kernel has stored a new descriptor that nobody else owns.
    Ok(Some(Pidfd::from_clone(unsafe { OwnedFd::from_raw_fd(pidfd) }, pid)))
}

/// Waits for the init, and ends as it does. Whoever asks us to end asks the program inside: it is told, once, and we wait for its end.
fn follow(init: &Pidfd) -> i32 {
    let asks = ends_asked_for();
    let passed_on = asks.thread_block().and_then(|()| SignalFd::with_flags(&asks, SfdFlags::SFD_CLOEXEC));
    // Without it we die of the signal, and the init with us: nothing is left behind, and what was found is lost.
    if let Ok(mut heard) = passed_on {
        pass_on(&mut heard, init);
    }
    match init.reap_blocking() {
        Ok(ExitStatus::Exited(code)) => i32::from(code),
        Ok(ExitStatus::Signalled { signal, .. }) => 128 + signal.number(),
        Ok(ExitStatus::Unknown) | Err(_) => 70,
    }
}

/// Until the init has ended.
fn pass_on(heard: &mut SignalFd, init: &Pidfd) {
    loop {
        let mut ready = [PollFd::new(init.as_fd(), PollFlags::POLLIN), PollFd::new(heard.as_fd(), PollFlags::POLLIN)];
        match poll(&mut ready, PollTimeout::NONE) {
            Ok(_) if ready[0].any() == Some(true) => return,
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(_) => return,
        }
        if let Ok(Some(signal)) = heard.read_signal()
            && let Some(signal) = i32::try_from(signal.ssi_signo).ok().and_then(Signal::from_number)
        {
            // One that has ended meanwhile is found by the next look.
            let _ = init.send(signal);
        }
    }
}

/// The signals by which a program is asked to end.
fn ends_asked_for() -> SigSet {
    [NixSignal::SIGINT, NixSignal::SIGTERM, NixSignal::SIGHUP].into_iter().collect()
}

fn own_pid() -> Pid {
    let number = nix::unistd::getpid().as_raw();
    Pid::new(number).unwrap_or_else(|| unreachable!("getpid(2) always succeeds, and pids are positive: {number}"))
}

/// `struct clone_args` in its first version (clone(2)).
#[repr(C)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: [u64; 2],
    tls: u64,
}

const _: () = assert!(size_of::<CloneArgs>() == 64);
