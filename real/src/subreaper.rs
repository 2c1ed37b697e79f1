//! Orphans of our units come to us instead of init: without it a double fork would leave the tree for good.
//! One flag of the process, set when a world is made, kept over exec, not inherited by children (prctl(2)).

use crate::errno;
use shakedown_core::vocab::Errno;

/// Makes this process adopt the orphans among its descendants.
///
/// # Errors
/// What prctl(2) says; Linux has had it since 3.4.
pub fn become_subreaper() -> Result<(), Errno> {
    // SAFETY: this option takes a number and touches no memory.
    let answer = unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1 as libc::c_ulong) };
    if answer == 0 { Ok(()) } else { Err(errno::last()) }
}

/// Whether this process adopts orphans.
pub fn is_subreaper() -> bool {
    let mut flag: libc::c_int = 0;
    // SAFETY: this option stores one int, and the pointer is to one.
    let answer = unsafe { libc::prctl(libc::PR_GET_CHILD_SUBREAPER, &raw mut flag) };
    answer == 0 && flag != 0
}
