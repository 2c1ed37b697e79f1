//! What a supervisor that was killed has left on this machine: found by the mark in its environment, and signalled by its identity.
//!
//! Sources: proc_pid_environ(5), proc_pid_stat(5), pidfd_open(2), random(4) for the boot id.

use crate::errno;
use crate::pidfd::Pidfd;
use crate::procfs::{self, Stat};
use crate::reserve;
use crate::scope::{Kin, UNIT_VARIABLE};
use crate::spawn::Child;
use shakedown_core::ids::Pid;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Errno, Identity, Launch, Leftover};
use std::fs;

/// Living processes that carry this mark, ourselves and pid 1 left out. Nobody of ours does: a session is recovered before it starts
/// anybody.
///
/// # Errors
/// Where /proc cannot be listed or read: `EMFILE`, say.
pub(super) fn leftovers(mark: &str) -> Result<Vec<Leftover>, Errno> {
    let boot = boot()?;
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let is_other = |pid: Pid| pid.as_raw() != own && pid.as_raw() > 1;
    let carries = |pid: Pid| Ok(procfs::environment(pid, Launch::SESSION)?.as_deref() == Some(mark));
    let is_meant = |stat: &Stat| stat.is_alive() && is_other(stat.pid);
    let left = procfs::every_that(|stat| if is_meant(stat) { carries(stat.pid) } else { Ok(false) })?;
    let left = left.into_iter().map(|stat| {
        let worker = procfs::environment(stat.pid, Launch::WORKER)?.unwrap_or_default().into();
        let who = Identity { boot, pid: stat.pid, start: stat.started };
        Ok(Leftover { worker, name: stat.comm.as_str().into(), who })
    });
    left.collect()
}

/// Opens whoever has the number now, looks whether it is the one that is meant, and signals it: between the look and the signal it may end,
/// but the descriptor cannot come to mean another.
pub(super) fn signal_leftover(who: Identity, signal: Signal) -> Result<(), Errno> {
    verified(who, reserve::lend(|| Pidfd::open(who.pid))?)?.send(signal)
}

fn verified(who: Identity, held: Pidfd) -> Result<Pidfd, Errno> {
    let is_the_same = procfs::look(who.pid)?.is_some_and(|stat| stat.started == who.start && stat.is_alive());
    if is_the_same && boot()? == who.boot { Ok(held) } else { Err(Errno::ESRCH) }
}

/// A leader that is taken over: held by its pidfd, with the tag that it and its descendants bear, and without any pipe to us.
///
/// # Errors
/// `ESRCH` where it is gone; `EMFILE` where no descriptor is left.
pub(super) fn take_over(who: Identity) -> Result<(Child, String), Errno> {
    let pidfd = verified(who, Pidfd::open(who.pid)?)?;
    // Whoever has none any more is in its end.
    let tags = procfs::environment(who.pid, UNIT_VARIABLE)?.ok_or(Errno::ESRCH)?;
    let tag = tags.rsplit('/').next().unwrap_or_default().to_owned();
    Ok((Child { pid: who.pid, pidfd, stdin: None, stdout: None, stderr: None, newline: None }, tag))
}

/// All who bear this tag: their parents are nobody's children here, so what becomes of them is known by memory.
///
/// # Errors
/// Where /proc cannot be listed or read.
pub(super) fn kin(tag: &str) -> Result<Kin, Errno> {
    let bears = |pid: Pid| {
        let tags = procfs::environment(pid, UNIT_VARIABLE)?;
        Ok(tags.is_some_and(|tags| tags.split('/').any(|t| t == tag)))
    };
    let kin = procfs::every_that(|stat| if stat.is_alive() { bears(stat.pid) } else { Ok(false) })?;
    Ok(kin.into_iter().map(|stat| (stat.pid, stat.started)).collect())
}

/// Which boot of the machine this is.
fn boot() -> Result<u128, Errno> {
    let read = || fs::read_to_string("/proc/sys/kernel/random/boot_id").map_err(|e| errno::of_std(&e));
    let text = reserve::lend(read)?;
    u128::from_str_radix(&text.trim().replace('-', ""), 16).map_err(|_| Errno::EIO)
}
