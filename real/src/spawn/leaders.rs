//! The pids of all unreaped leaders of this process, whichever host started them.
//! An adopted orphan may be reaped by whoever finds it, a leader only by its owner: this list tells them apart.

use shakedown_core::ids::Pid;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

static LEADERS: Mutex<BTreeSet<Pid>> = Mutex::new(BTreeSet::new());

/// Whether an unreaped child of ours was started by us as a leader.
pub(crate) fn is_leader(pid: Pid) -> bool {
    lock().contains(&pid)
}

/// Runs `act` while no leader can be born, reaped or forgotten.
pub(crate) fn with_leaders<R>(act: impl FnOnce(&BTreeSet<Pid>) -> R) -> R {
    act(&lock())
}

/// Reaps a leader by `reap`, and forgets it if that says so, in one step: its number is free as soon as it is reaped.
pub(crate) fn forget_after<R>(pid: Pid, reap: impl FnOnce() -> (R, bool)) -> R {
    let mut leaders = lock();
    let (result, is_gone) = reap();
    if is_gone {
        leaders.remove(&pid);
    }
    result
}

/// Enters the leader that `bear` makes before anybody else can see it.
pub(super) fn enter_after<E, R>(bear: impl FnOnce() -> Result<(Pid, R), E>) -> Result<(Pid, R), E> {
    let mut leaders = lock();
    let born = bear()?;
    leaders.insert(born.0);
    Ok(born)
}

/// A panic elsewhere cannot leave the set half changed, so a poisoned lock is as good as any.
fn lock() -> MutexGuard<'static, BTreeSet<Pid>> {
    LEADERS.lock().unwrap_or_else(PoisonError::into_inner)
}
