//! Pid 1 of a private namespace: mounts its /proc, starts the program, reaps everybody, and looks who is left at the end.
//! When it exits the kernel kills whatever still lives in there (pid_namespaces(7)).

use super::{INSIDE_VARIABLE, LEFT_BEHIND, others};
use crate::pidfd::Pidfd;
use crate::procfs;
use crate::scope::RUN_VARIABLE;
use nix::mount::{MsFlags, mount};
use nix::sys::signal::{SigSet, SigmaskHow, Signal as NixSignal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid as NixPid};
use shakedown_core::ids::Pid;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::Errno;
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

/// What the init says when all is set up.
pub(super) const READY: &str = "ready";

/// Sets up, says so, runs the program, and ends as it ended. `ids` are to be mapped onto themselves in a user namespace.
pub(super) fn run(ids: Option<(u32, u32)>, tell: OwnedFd) -> ! {
    let mut tell = File::from(tell);
    let said = match set_up(ids) {
        Ok(()) => tell.write_all(READY.as_bytes()),
        Err(trouble) => {
            let said = tell.write_all(trouble.as_bytes());
            end(if said.is_ok() { 1 } else { 70 })
        }
    };
    drop(tell);
    if said.is_err() {
        // Whoever wanted us is gone.
        end(70)
    }
    let run = crate::fresh::fresh_name();
    // A group of our own: what a terminal sends reaches us only through whoever waits for us outside, and so once (LIFECYCLE 4).
    let _ = nix::unistd::setpgid(NixPid::from_raw(0), NixPid::from_raw(0));
    let code = match start(&run) {
        Ok(program) => reap_until(program),
        Err(e) => {
            eprintln!("shakedown init: the program cannot be started again inside its namespace: {e}");
            70
        }
    };
    let is_clean = match settle() {
        Ok(left) => {
            for pid in &left {
                eprintln!("shakedown init: left behind in run {run}: {pid} {}", procfs::command_line(*pid));
            }
            left.is_empty()
        }
        Err(errno) => {
            eprintln!("shakedown init: whom run {run} has left behind cannot be seen: {errno} ({})", errno.explain());
            false
        }
    };
    end(if is_clean || code != 0 { code } else { LEFT_BEHIND })
}

fn set_up(ids: Option<(u32, u32)>) -> Result<(), String> {
    let told = |what: &'static str| move |e: nix::errno::Errno| format!("{what}: {e}");
    // Our parent is outside, so getppid(2) cannot tell whether it lives; the verdict's pipe does, just after.
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL).map_err(told("die-with-parent"))?;
    if let Some((uid, gid)) = ids {
        for (file, text) in [
            ("setgroups", "deny".to_owned()),
            ("uid_map", format!("{uid} {uid} 1")),
            ("gid_map", format!("{gid} {gid} 1")),
        ] {
            std::fs::write(format!("/proc/self/{file}"), text).map_err(|e| format!("writing {file}: {e}"))?;
        }
    }
    let nothing: Option<&str> = None;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)
        .map_err(told("making mounts private"))?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, nothing).map_err(told("mounting /proc anew"))
}

/// Executes ourselves again, with the same arguments, and an environment that says where we are.
fn start(run: &str) -> Result<NixPid, String> {
    let text = |bytes: Vec<u8>| CString::new(bytes).map_err(|e| e.to_string());
    let arguments = std::env::args_os().map(|a| text(a.as_bytes().to_vec())).collect::<Result<Vec<_>, _>>()?;
    let own = [(OsStr::new(INSIDE_VARIABLE), OsStr::new("1")), (OsStr::new(RUN_VARIABLE), OsStr::new(run))];
    let inherited: Vec<_> = std::env::vars_os().filter(|(name, _)| !own.iter().any(|(o, _)| o == name)).collect();
    let pairs = inherited.iter().map(|(n, v)| (n.as_os_str(), v.as_os_str())).chain(own);
    let environment = pairs
        .map(|(name, value)| text([name.as_bytes(), b"=", value.as_bytes()].concat()))
        .collect::<Result<Vec<_>, _>>()?;
    // Blocked before the program exists, so that none is lost; an init would otherwise ignore them (pid_namespaces(7)).
    let before = awaited().thread_swap_mask(SigmaskHow::SIG_BLOCK).map_err(|e| format!("blocking signals: {e}"))?;
    // SAFETY: the init has one thread, being a fork of a program that had one.
    match unsafe { nix::unistd::fork() }.map_err(|e| format!("fork: {e}"))? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            if let Err(e) = before.thread_set_mask() {
                eprintln!("shakedown init: restoring the signal mask: {e}");
                end(126)
            }
            let refused = nix::unistd::execve(c"/proc/self/exe", &arguments, &environment);
            eprintln!("shakedown init: exec of /proc/self/exe: {refused:?}");
            end(126)
        }
    }
}

/// An init may wait for anybody: whatever is orphaned in here becomes its child. Whoever asks us to end asks the program.
fn reap_until(program: NixPid) -> i32 {
    let held = Pid::new(program.as_raw()).and_then(|pid| Pidfd::open(pid).ok());
    loop {
        // SIGCHLDs are one however many have ended.
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) if pid == program => return code,
                Ok(WaitStatus::Signaled(pid, signal, _)) if pid == program => return 128 + signal as i32,
                Ok(WaitStatus::StillAlive) => break,
                Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                Err(e) => {
                    eprintln!("shakedown init: the program's end was lost: {e}");
                    return 70;
                }
            }
        }
        match awaited().wait() {
            Ok(NixSignal::SIGCHLD) | Err(_) => {}
            Ok(asked) => {
                let signal = Signal::from_number(asked as i32);
                // One that has ended is found by the next look.
                let _ = signal.zip(held.as_ref()).map(|(signal, held)| held.send(signal));
            }
        }
    }
}

/// What an init waits for: ends of children, and being asked to end.
fn awaited() -> SigSet {
    let mut awaited = super::ends_asked_for();
    awaited.add(NixSignal::SIGCHLD);
    awaited
}

/// Who still lives once those that died with the program have had time to. Whoever is attached dies within microseconds of
/// it, but asynchronously (PDEATHSIG), so nobody is accused before [`SETTLE`] is over.
fn settle() -> Result<Vec<Pid>, Errno> {
    let until = Instant::now() + SETTLE;
    loop {
        while matches!(waitpid(None, Some(WaitPidFlag::WNOHANG)), Ok(status) if status != WaitStatus::StillAlive) {}
        let left = others();
        if left.as_ref().is_ok_and(Vec::is_empty) || Instant::now() >= until {
            return left;
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// At once, without the exit handlers of the program whose copy we are.
fn end(code: i32) -> ! {
    // SAFETY: ends this process; nothing of it needs to be flushed.
    unsafe { libc::_exit(code) }
}

const SETTLE: Duration = Duration::from_millis(300);
const LOOK_AGAIN: Duration = Duration::from_millis(5);
