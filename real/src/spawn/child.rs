//! The moment of birth: clone(2) with CLONE_VM and CLONE_VFORK, so that a start costs the same from a parent of any size.
//! All code that runs in a child sharing our memory stands in this file; nothing in it allocates, locks or may panic.
//!
//! What makes it sound (as posix_spawn of glibc does it): the spawner thread is suspended until the child execs or ends,
//! the child has a stack of its own, every signal is blocked around the clone so that none of our handlers runs in the shared
//! memory, and the child makes system calls only, on memory prepared before.
//!
//! Sources: clone(2), vfork(2), execve(2), prctl(2), close_range(2), signal-safety(7).

use super::leaders;
use super::plan::{Lead, Plan};
use crate::errno;
use crate::pidfd::Pidfd;
use libc::{c_char, c_int, c_long, c_void};
use shakedown_core::ids::Pid;
use shakedown_core::vocab::{Errno, SpawnFailure};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicI32, Ordering};

/// The stack on which children live until they exec, one at a time.
pub(super) struct Nursery {
    base: *mut c_void,
}

/// What a child is to do. Only pointers into memory that outlives it.
struct Orders {
    candidates: *const *const c_char,
    argv: *const *const c_char,
    envp: *const *const c_char,
    dir: *const c_char,
    lead: Lead,
    stdio: [c_int; 3],
    /// One more descriptor, and the number that it is to have.
    newline: Option<(c_int, c_int)>,
    /// Whom it dies with; nobody, where it is detached.
    parent: Option<libc::pid_t>,
    /// The errno of what failed; 0 while nothing did.
    failure: AtomicI32,
}

impl Nursery {
    /// Maps the stack, with a page below it that nobody may touch.
    pub(super) fn new() -> Result<Nursery, Errno> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK;
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice touches no memory of ours.
        let base = unsafe { libc::mmap(null_mut(), GUARD + STACK, libc::PROT_NONE, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(errno::last());
        }
        // SAFETY: the range lies within the mapping just made.
        let opened = unsafe { libc::mprotect(base.byte_add(GUARD), STACK, libc::PROT_READ | libc::PROT_WRITE) };
        if opened == 0 { Ok(Nursery { base }) } else { Err(errno::last()) }
    }

    /// Starts the plan with these descriptors as 0, 1 and 2, and as the one that the plan says. All or nothing: a child whose exec
    /// failed is reaped here.
    pub(super) fn bear(
        &self,
        plan: &Plan,
        stdio: [&OwnedFd; 3],
        newline: Option<&OwnedFd>,
    ) -> Result<(Pid, Pidfd), SpawnFailure> {
        let candidates = pointers(&plan.candidates);
        let argv = pointers(&plan.argv);
        let envp = pointers(&plan.envp);
        let orders = Orders {
            candidates: candidates.as_ptr(),
            argv: argv.as_ptr(),
            envp: envp.as_ptr(),
            dir: plan.dir.as_ref().map_or(null(), |dir| dir.as_ptr()),
            lead: plan.lead,
            stdio: stdio.map(|fd| fd.as_raw_fd()),
            newline: newline.map(AsRawFd::as_raw_fd).zip(plan.newline),
            parent: (!plan.detached).then(|| nix::unistd::getpid().as_raw()),
            failure: AtomicI32::new(0),
        };
        leaders::enter_after(|| {
            let (pid, pidfd) = self.clone_child(&orders)?;
            match orders.failure.load(Ordering::Acquire) {
                0 => Ok((pid, pidfd)),
                failure => {
                    let errno = Errno::from_raw(failure);
                    // It is ending by itself; an error here could only mean that somebody else has reaped it already.
                    let reaped = pidfd.reap_blocking();
                    debug_assert!(reaped.is_ok(), "a child whose exec failed was reaped by somebody else: {reaped:?}");
                    Err(SpawnFailure { errno, at_exec: true })
                }
            }
        })
    }

    fn clone_child(&self, orders: &Orders) -> Result<(Pid, Pidfd), SpawnFailure> {
        let refused = |errno| SpawnFailure { errno, at_exec: false };
        let mut pidfd: c_int = -1;
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
        let before = mask_set(&ALL).map_err(refused)?;
        // SAFETY: the stack is ours and unused, since clone returns only when the child before has exec'ed or ended; `orders`
        // and what it points to outlive the call for the same reason; `enter` never returns. The fifth argument is where
        // CLONE_PIDFD stores the descriptor (clone(2)).
        let pid = unsafe {
            let top = self.base.byte_add(GUARD + STACK);
            libc::clone(enter, top, flags, (&raw const *orders).cast_mut().cast(), &raw mut pidfd)
        };
        let failed = if pid < 0 { Some(errno::last()) } else { None };
        let restored = mask_set(&before);
        if let Some(errno) = failed {
            return Err(refused(errno));
        }
        debug_assert!(restored.is_ok(), "the mask that was in force is valid");
        let pid = Pid::new(pid).ok_or(refused(Errno::EINVAL))?;
        // SAFETY: clone succeeded, so the kernel has stored a new descriptor that nobody else owns.
        Ok((pid, Pidfd::from_clone(unsafe { OwnedFd::from_raw_fd(pidfd) }, pid)))
    }
}

impl Drop for Nursery {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and no child lives on it, since `bear` borrows the nursery until it has exec'ed.
        let unmapped = unsafe { libc::munmap(self.base, GUARD + STACK) };
        debug_assert_eq!(unmapped, 0, "the mapping was made by `new`");
    }
}

/// Where a child begins. Leaves word of a failure in the shared orders and ends; 127 is what a shell would say.
extern "C" fn enter(orders: *mut c_void) -> c_int {
    // SAFETY: `clone_child` passes a pointer to `Orders` that outlives us, and its thread is suspended while we live.
    let orders = unsafe { &*orders.cast_const().cast::<Orders>() };
    // SAFETY: we are the fresh child that `obey` asks for.
    let errno = unsafe { obey(orders) };
    orders.failure.store(errno, Ordering::Release);
    // SAFETY: ends this process at once, running nothing of the parent's.
    unsafe { libc::_exit(127) }
}

/// Does what the orders say; returns only where something failed, with its errno.
///
/// # Safety
/// Only in a child of `clone_child`, with all signals blocked.
unsafe fn obey(orders: &Orders) -> c_int {
    // SAFETY: system calls only, on pointers that `bear` keeps valid; `errno` is the suspended thread's and so ours.
    unsafe {
        // Handlers are the parent's code and must be gone before the mask opens. An all-zero sigaction is SIG_DFL.
        let default = [0u64; 8];
        for signal in 1..=64 {
            libc::syscall(libc::SYS_rt_sigaction, signal as c_long, &raw const default, null::<c_void>(), MASK_BYTES);
        }
        let led = match orders.lead {
            Lead::Group => libc::setpgid(0, 0),
            Lead::Session => libc::setsid(),
        };
        if led < 0 {
            return *libc::__errno_location();
        }
        if let Some(parent) = orders.parent {
            // Armed, then checked: a parent that died before would never fire it. ESRCH tells nobody, as nobody is left.
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong) < 0 {
                return *libc::__errno_location();
            }
            if libc::getppid() != parent {
                return libc::ESRCH;
            }
        }
        for (number, fd) in (0..).zip(orders.stdio) {
            if libc::dup2(fd, number) < 0 {
                return *libc::__errno_location();
            }
        }
        // Descriptors that somebody opened without close-on-exec. Kernels before 5.11 lack the flag; there they leak as before.
        libc::syscall(libc::SYS_close_range, 3 as c_long, c_long::from(u32::MAX), CLOSE_RANGE_CLOEXEC);
        if let Some((fd, number)) = orders.newline {
            // A copy is inherited; dup2 onto itself would keep the flag that closes it.
            let kept = if fd == number { libc::fcntl(fd, libc::F_SETFD, 0) } else { libc::dup2(fd, number) };
            if kept < 0 {
                return *libc::__errno_location();
            }
        }
        if !orders.dir.is_null() && libc::chdir(orders.dir) < 0 {
            return *libc::__errno_location();
        }
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK as c_long,
            &raw const NONE,
            null::<c_void>(),
            MASK_BYTES,
        );
        execute(orders)
    }
}

/// Tries each file as execvp(3) does: what is missing or forbidden leads on to the next, and a forbidden one is remembered.
///
/// # Safety
/// As [`obey`].
unsafe fn execute(orders: &Orders) -> c_int {
    let mut worst = libc::ENOENT;
    let mut next = orders.candidates;
    // SAFETY: `candidates`, `argv` and `envp` are arrays of C strings, each ended by a null pointer.
    unsafe {
        while !(*next).is_null() {
            libc::execve(*next, orders.argv, orders.envp);
            match *libc::__errno_location() {
                libc::ENOENT | libc::ENOTDIR => {}
                libc::EACCES => worst = libc::EACCES,
                other => return other,
            }
            next = next.add(1);
        }
    }
    worst
}

/// Sets the calling thread's mask, C library signals included (which sigprocmask of glibc leaves out); returns the one before.
fn mask_set(mask: &u64) -> Result<u64, Errno> {
    let mut before = NONE;
    let how = libc::SIG_SETMASK as c_long;
    // SAFETY: both pointers are to eight bytes, the size that is passed.
    let answer = unsafe { libc::syscall(libc::SYS_rt_sigprocmask, how, &raw const *mask, &raw mut before, MASK_BYTES) };
    if answer == 0 { Ok(before) } else { Err(errno::last()) }
}

fn pointers(strings: &[std::ffi::CString]) -> Vec<*const c_char> {
    strings.iter().map(|s| s.as_ptr()).chain([null()]).collect()
}

/// The kernel's signal set, one bit a signal.
static ALL: u64 = u64::MAX;
static NONE: u64 = 0;
const MASK_BYTES: c_long = 8;
/// Enough for a few frames and the system calls' own needs, many times over.
const STACK: usize = 64 * 1024;
/// At least a page on every machine that Linux runs on.
const GUARD: usize = 64 * 1024;
/// linux/close_range.h, 5.11.
const CLOSE_RANGE_CLOEXEC: c_long = 4;
