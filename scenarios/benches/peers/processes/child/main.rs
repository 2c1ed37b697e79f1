//! The child of all measurements: does one small thing by system calls alone, and ends.
//!
//! On x86-64 it is as good as static: an entry of its own, no interpreter, nothing to relocate (`build.rs` links it so), because what a
//! dynamic linker does would be most of what is measured. Elsewhere it is an ordinary program, the same for all peers. Nothing in it may
//! call into the C library, the compiler's own copies of memory included: that is why it is so plain.
//!
//! ```text
//! bench-child                     ends
//! bench-child h                   hangs until it is signalled
//! bench-child s PATH NANOSECONDS  sleeps, writes CLOCK_MONOTONIC into the file's first eight bytes, ends
//! bench-child w BYTES             writes so many bytes to its output, 128 KiB a call
//! ```
#![no_main]

use libc::{c_char, c_long};

#[cfg(target_arch = "x86_64")]
core::arch::global_asm!(
    ".globl _start",
    "_start:",
    // The stack begins with the count of the arguments, and their pointers follow.
    "mov rdi, rsp",
    "and rsp, -16",
    "call {begin}",
    begin = sym begin,
);

#[cfg(target_arch = "x86_64")]
extern "C" fn begin(stack: *const c_long) -> ! {
    // SAFETY: the kernel has put the arguments there (execve(2)), ended by a null pointer.
    unsafe { play(stack.add(1).cast()) }
}

#[cfg(not(target_arch = "x86_64"))]
#[unsafe(no_mangle)]
extern "C" fn main(_: libc::c_int, argv: *const *const c_char) -> libc::c_int {
    // SAFETY: the C library passes the arguments, ended by a null pointer.
    unsafe { play(argv) }
}

/// # Safety
/// `argv` is an array of C strings, ended by a null pointer.
unsafe fn play(argv: *const *const c_char) -> ! {
    // SAFETY: an argument is read only where the one before it was there.
    unsafe {
        let what = if (*argv).is_null() { 0 } else { first(*argv.add(1)) };
        match what {
            b'h' => hang(),
            b's' => stamp(*argv.add(2), number(*argv.add(3))),
            b'w' => write(number(*argv.add(2))),
            _ => {}
        }
        call(libc::SYS_exit_group, [0; 6]);
    }
    loop {
        core::hint::spin_loop();
    }
}

/// # Safety
/// Only system calls, on memory of its own.
unsafe fn hang() {
    loop {
        // SAFETY: ppoll(2) of nobody, without a limit of time, sleeps until a signal comes.
        unsafe { call(libc::SYS_ppoll, [0; 6]) };
    }
}

/// # Safety
/// `path` is a C string.
unsafe fn stamp(path: *const c_char, nanoseconds: u64) {
    // SAFETY: the kernel checks what it is given, and `time` outlives both calls; a mapping that failed is not written to.
    unsafe {
        let file = call(libc::SYS_openat, [libc::AT_FDCWD as c_long, path as c_long, libc::O_RDWR as c_long, 0, 0, 0]);
        let (access, shared) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        let page = call(libc::SYS_mmap, [0, 4096, access as c_long, shared as c_long, file, 0]);
        if page <= 0 {
            call(libc::SYS_exit_group, [1, 0, 0, 0, 0, 0]);
        }
        let page = page as *mut u64;
        // The page is faulted in before the pause, so that nothing but the clock is between the stamp and the end.
        page.write_volatile(0);
        let mut time: [u64; 2] = [0, nanoseconds];
        call(libc::SYS_nanosleep, [time.as_mut_ptr() as c_long, 0, 0, 0, 0, 0]);
        let clock = libc::CLOCK_MONOTONIC as c_long;
        call(libc::SYS_clock_gettime, [clock, time.as_mut_ptr() as c_long, 0, 0, 0, 0]);
        page.write_volatile(time[0] * 1_000_000_000 + time[1]);
    }
}

/// # Safety
/// Only system calls, on memory of its own.
unsafe fn write(bytes: u64) {
    let mut left = bytes;
    while left > 0 {
        let piece = if left < PIECE as u64 { left } else { PIECE as u64 };
        // SAFETY: the piece is as long as it is said to be at most.
        let wrote = unsafe { call(libc::SYS_write, [1, (&raw const ZEROS) as c_long, piece as c_long, 0, 0, 0]) };
        if wrote <= 0 {
            return;
        }
        left -= wrote as u64;
    }
}

/// # Safety
/// A C string, or null.
unsafe fn first(text: *const c_char) -> u8 {
    // SAFETY: a C string has at least its end.
    if text.is_null() { 0 } else { unsafe { text.read() as u8 } }
}

/// # Safety
/// A C string, of decimal digits.
unsafe fn number(text: *const c_char) -> u64 {
    let (mut value, mut at) = (0u64, text);
    // SAFETY: read no further than its end.
    unsafe {
        while *at != 0 {
            value = value.wrapping_mul(10).wrapping_add((*at as u8).wrapping_sub(b'0') as u64);
            at = at.add(1);
        }
    }
    value
}

/// # Safety
/// What the system call asks for.
#[cfg(target_arch = "x86_64")]
unsafe fn call(number: c_long, arguments: [c_long; 6]) -> c_long {
    let [one, two, three, four, five, six] = arguments;
    let answer;
    // SAFETY: the caller's promise; the kernel leaves all registers but these as they were.
    unsafe {
        core::arch::asm!(
            "syscall",
            inlateout("rax") number => answer,
            in("rdi") one, in("rsi") two, in("rdx") three, in("r10") four, in("r8") five, in("r9") six,
            lateout("rcx") _, lateout("r11") _,
        );
    }
    answer
}

/// # Safety
/// What the system call asks for.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn call(number: c_long, arguments: [c_long; 6]) -> c_long {
    let [one, two, three, four, five, six] = arguments;
    // SAFETY: the caller's promise.
    unsafe { libc::syscall(number, one, two, three, four, five, six) }
}

/// What is written.
static ZEROS: [u8; PIECE] = [0; PIECE];
const PIECE: usize = 128 * 1024;
