//! System calls that a noted signal cancels, without a moment in between at which it could come and be overlooked.
//! A C library cancels its threads in the same way: the instructions from the check of the note to the call itself are a region,
//! and a handler that finds itself within it does not return there but to the region's way out.
//!
//! What makes it exact for a fork: Linux (since 4.19) does not fork while an unblocked signal is pending, but runs the handler and
//! restarts the call, whose instruction lies within the region; and a signal to the group that comes during the fork reaches
//! the child, too. So where the handler is played before another try, no child is born between a signal and what it does.
//! Probed on 6.18: see `a_signal_to_a_group_misses_no_child_born_meanwhile` in tests/processes.
//!
//! Only on x86-64. Elsewhere there is a moment between the check and the call; what comes in it acts after the call.
//!
//! Sources: fork(2), signal(7), kernel/fork.c (`copy_process`, ERESTARTNOINTR, `multiprocess`).

use libc::{c_long, c_void};
use shakedown_core::vocab::Errno;
use std::sync::atomic::AtomicU64;

/// Makes a system call, unless `came` is not zero or becomes so before the call begins; then it is `EINTR`, as it is when a
/// noted signal ends a call that waits.
///
/// # Errors
/// What the call says.
///
/// # Safety
/// As of the call itself: what the arguments point to must be what it expects, for as long as it lasts.
pub(super) unsafe fn call(came: &AtomicU64, number: c_long, arguments: [c_long; 6]) -> Result<c_long, Errno> {
    // SAFETY: passed on to the caller; `came` and `arguments` outlive the call.
    match unsafe { machine::call(came, number, &arguments) } {
        answer @ ..0 => Err(Errno::from_raw(answer.unsigned_abs() as i32)),
        answer => Ok(answer),
    }
}

#[cfg(target_arch = "x86_64")]
mod machine {
    use super::*;

    std::arch::global_asm!(
        ".pushsection .text.shakedown_cancellable, \"ax\", @progbits",
        ".hidden shakedown_cancellable",
        ".hidden shakedown_cancellable_region",
        ".hidden shakedown_cancellable_end",
        ".hidden shakedown_cancellable_out",
        ".globl shakedown_cancellable",
        ".globl shakedown_cancellable_region",
        ".globl shakedown_cancellable_end",
        ".globl shakedown_cancellable_out",
        // (rdi: the note, rsi: the call's number, rdx: six arguments) -> rax
        "shakedown_cancellable:",
        "mov r11, rdi",
        "mov rax, rsi",
        "mov rcx, rdx",
        "mov rdi, [rcx]",
        "mov rsi, [rcx + 8]",
        "mov rdx, [rcx + 16]",
        "mov r10, [rcx + 24]",
        "mov r8, [rcx + 32]",
        "mov r9, [rcx + 40]",
        "shakedown_cancellable_region:",
        "cmp qword ptr [r11], 0",
        "jne shakedown_cancellable_out",
        "syscall",
        // Here the call has been made, and its answer counts.
        "shakedown_cancellable_end:",
        "ret",
        "shakedown_cancellable_out:",
        "mov rax, -4", // -EINTR
        "ret",
        ".popsection",
    );

    unsafe extern "C" {
        fn shakedown_cancellable(came: *const AtomicU64, number: c_long, arguments: *const [c_long; 6]) -> c_long;
        fn shakedown_cancellable_region();
        fn shakedown_cancellable_end();
        fn shakedown_cancellable_out();
    }

    pub(super) unsafe fn call(came: &AtomicU64, number: c_long, arguments: &[c_long; 6]) -> c_long {
        // SAFETY: the routine keeps to the C calling convention, and reads both pointers only before its call is made.
        unsafe { shakedown_cancellable(came, number, arguments) }
    }

    /// Where the region begins, where it ends, and its way out.
    pub(super) fn places() -> [usize; 3] {
        [shakedown_cancellable_region, shakedown_cancellable_end, shakedown_cancellable_out]
            .map(|place: unsafe extern "C" fn()| place as *const () as usize)
    }

    pub(super) fn leave_region(context: &mut libc::ucontext_t) {
        let [begin, end, out] = places();
        let at = &mut context.uc_mcontext.gregs[libc::REG_RIP as usize];
        if (begin..end).contains(&(*at as usize)) {
            *at = out as i64;
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod machine {
    use super::*;
    use std::sync::atomic::Ordering;

    pub(super) unsafe fn call(came: &AtomicU64, number: c_long, arguments: &[c_long; 6]) -> c_long {
        if came.load(Ordering::Relaxed) != 0 {
            return -c_long::from(libc::EINTR);
        }
        let [a, b, c, d, e, f] = *arguments;
        // SAFETY: passed on to the caller.
        let answer = unsafe { libc::syscall(number, a, b, c, d, e, f) };
        if answer == -1 { -c_long::from(crate::errno::last().raw()) } else { answer }
    }

    pub(super) fn leave_region(_context: &mut libc::ucontext_t) {}
}

/// For a signal handler: leads a call that is about to be made to its way out, and blocks `noted` once the handler has returned,
/// so that no second signal comes before the first has been acted upon.
///
/// # Safety
/// `context` must be the third argument of a handler installed with SA_SIGINFO (sigaction(2)).
pub(super) unsafe fn leave(context: *mut c_void, noted: u64) {
    // SAFETY: the caller's promise; the kernel restores from this record when the handler returns.
    let context = unsafe { &mut *context.cast::<libc::ucontext_t>() };
    machine::leave_region(context);
    // SAFETY: the kernel's signal set is the first eight bytes of the C library's.
    unsafe { *(&raw mut context.uc_sigmask).cast::<u64>() |= noted };
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::machine::places;
    use super::*;

    /// Whatever the moment at which a handler finds the call, it is either not made or its answer counts.
    #[test]
    fn only_a_call_that_is_not_made_yet_is_led_out() {
        let [region, end, out] = places();
        assert!((region..end).len() > 2 && end < out);
        for (at, then) in [(region - 1, region - 1), (region, out), (end - 2, out), (end, end), (out, out)] {
            // SAFETY: zeroes are a valid record, and nothing returns to it.
            let mut context: libc::ucontext_t = unsafe { std::mem::zeroed() };
            context.uc_mcontext.gregs[libc::REG_RIP as usize] = at as i64;
            // SAFETY: a record such as a handler gets.
            unsafe { leave((&raw mut context).cast(), 0x200) };
            assert_eq!(context.uc_mcontext.gregs[libc::REG_RIP as usize], then as i64, "{}", at - region);
            // SAFETY: the first bytes of the set, which `leave` has written.
            assert_eq!(unsafe { *(&raw const context.uc_sigmask).cast::<u64>() }, 0x200);
        }
    }

    #[test]
    fn a_note_cancels_and_none_does_not() {
        let nothing = [0; 6];
        // SAFETY: getpid takes nothing.
        let made = unsafe { call(&AtomicU64::new(0), libc::SYS_getpid, nothing) };
        assert_eq!(made, Ok(c_long::from(std::process::id() as i32)));
        // SAFETY: likewise.
        assert_eq!(unsafe { call(&AtomicU64::new(1 << 9), libc::SYS_getpid, nothing) }, Err(Errno::EINTR));
        // SAFETY: likewise; there is no such call.
        assert_eq!(unsafe { call(&AtomicU64::new(0), 100_000, nothing) }, Err(Errno::ENOSYS));
    }
}
