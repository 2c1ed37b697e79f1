//! Zombies: leaders are reaped by their owner, adopted orphans by whoever recognises them, everybody else's children never.
//! A wait for "any child" would steal statuses from the rest of the program (boxlite-ai/boxlite#523), so each is peeked at first.
//!
//! Sources: waitid(2) WNOWAIT, wait(2).

use crate::pidfd::Pidfd;
use crate::procfs::{self, Stat};
use crate::scope;
use crate::spawn;
use shakedown_core::ids::Pid;
use shakedown_core::vocab::{Errno, ExitStatus};

/// Children of ours that we did not start as leaders: adopted orphans, and perhaps what the rest of this program started.
///
/// # Errors
/// Where /proc cannot be read.
pub fn strangers() -> Result<Vec<Stat>, Errno> {
    // With the list of leaders held, no child can be newly born and still unlisted.
    spawn::with_leaders(|leaders| match procfs::children_of_first_thread() {
        Some(children) => {
            let others = children.into_iter().filter(|pid| !leaders.contains(pid));
            others.filter_map(|pid| procfs::look(pid).transpose()).collect()
        }
        None => {
            let mut children = procfs::own_children()?;
            children.retain(|s| !leaders.contains(&s.pid));
            Ok(children)
        }
    })
}

/// Reaps an adopted orphan that has ended, after a peek; `None` where it lives, is gone, or is a leader after all.
///
/// # Errors
/// What waitid(2) says, except that it is no child of ours; `EMFILE` where it cannot be held.
pub fn reap_orphan(orphan: &Stat) -> Result<Option<ExitStatus>, Errno> {
    spawn::with_leaders(|leaders| {
        if leaders.contains(&orphan.pid) {
            return Ok(None);
        }
        let Some(pidfd) = scope::open_verified(orphan)? else { return Ok(None) };
        match pidfd.peek() {
            Ok(Some(_)) => pidfd.reap(),
            Ok(None) | Err(Errno::ECHILD) => Ok(None),
            Err(errno) => Err(errno),
        }
    })
}

/// Reaps a leader that has ended, and forgets that it is one; `None` while it lives.
///
/// # Errors
/// `ECHILD` where it was reaped before; it is forgotten then, too.
pub fn reap_leader(pid: Pid, pidfd: &Pidfd) -> Result<Option<ExitStatus>, Errno> {
    spawn::forget_after(pid, || {
        let result = pidfd.reap();
        let is_gone = matches!(result, Ok(Some(_)) | Err(Errno::ECHILD));
        (result, is_gone)
    })
}
