//! What is asked of Linux here, and not of a peer: the clock that a child stamps, limits, descriptors, context switches.
use std::ffi::CStr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The program that all peers start: it stands beside this one.
pub fn child() -> Result<String, String> {
    let here = std::env::current_exe().map_err(|error| error.to_string())?;
    let path: PathBuf = here.with_file_name("bench-child");
    match path.to_str() {
        Some(text) if path.is_file() => Ok(text.to_string()),
        Some(_) | None => Err(format!("{} is not built", path.display())),
    }
}

/// CLOCK_MONOTONIC in nanoseconds, as a child writes it.
pub fn clock() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes the timespec it is given.
    let answer = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    assert_eq!(answer, 0, "every Linux has this clock");
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Eight bytes that a child writes and we read: a page of a file that has no name.
pub struct Stamp {
    file: OwnedFd,
    page: *const AtomicU64,
}

impl Stamp {
    pub fn new() -> Result<Stamp, String> {
        let failed = |what: &str| format!("{what}: {}", std::io::Error::last_os_error());
        const NAME: &CStr = c"bench-stamp";
        // SAFETY: a C string, and a flag that the call knows.
        let raw = unsafe { libc::memfd_create(NAME.as_ptr(), libc::MFD_CLOEXEC) };
        if raw < 0 {
            return Err(failed("memfd_create"));
        }
        // SAFETY: the descriptor was just made, and is nobody else's.
        let file = unsafe { OwnedFd::from_raw_fd(raw) };
        // SAFETY: the descriptor is open; the mapping is a new one, of the file's only page.
        let page = unsafe {
            if libc::ftruncate(file.as_raw_fd(), PAGE as libc::off_t) != 0 {
                return Err(failed("ftruncate"));
            }
            libc::mmap(std::ptr::null_mut(), PAGE, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), 0)
        };
        if page == libc::MAP_FAILED { Err(failed("mmap")) } else { Ok(Stamp { file, page: page.cast_const().cast() }) }
    }

    /// Where another process finds it, as long as this value lives.
    pub fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd())
    }

    pub fn read(&self) -> u64 {
        // SAFETY: the page stays mapped, and eight bytes at its beginning are aligned.
        unsafe { (*self.page).load(Ordering::Acquire) }
    }
}

/// Lets this process have at least so many descriptors, where it may; says how many it may have then, and what that took.
pub fn allow_descriptors(wanted: u64) -> (u64, f64) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the call writes the structure it is given.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return (0, RAISED_NONE);
    }
    let set = |limit: &libc::rlimit| {
        // SAFETY: the call reads the structure it is given.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, limit) == 0 }
    };
    let before = limit.rlim_cur;
    let raised = libc::rlimit { rlim_cur: limit.rlim_max, ..limit };
    if set(&raised) {
        limit = raised;
    }
    if limit.rlim_cur < wanted {
        // Root may have more than it was given.
        let more = libc::rlimit { rlim_cur: wanted, rlim_max: wanted };
        if set(&more) {
            return (wanted, RAISED_HARD);
        }
    }
    (limit.rlim_cur, if before < limit.rlim_cur { RAISED_SOFT } else { RAISED_NONE })
}

/// What [`allow_descriptors`] had to do.
pub const RAISED_NONE: f64 = 0.0;
pub const RAISED_SOFT: f64 = 1.0;
pub const RAISED_HARD: f64 = 2.0;

/// Descriptors that this process has open.
pub fn descriptors() -> Result<f64, String> {
    let listed = std::fs::read_dir("/proc/self/fd").map_err(|error| format!("/proc/self/fd: {error}"))?;
    // One of them is what lists them.
    Ok(listed.count() as f64 - 1.0)
}

/// Context switches of all threads but the calling one, voluntary and not.
pub fn switches_of_others() -> Result<u64, String> {
    // SAFETY: gettid(2) takes nothing and always succeeds.
    let own = unsafe { libc::gettid() }.to_string();
    let listed = std::fs::read_dir("/proc/self/task").map_err(|error| format!("/proc/self/task: {error}"))?;
    let mut switches = 0;
    for thread in listed {
        let thread = thread.map_err(|error| error.to_string())?;
        if thread.file_name().to_str() == Some(own.as_str()) {
            continue;
        }
        let status = std::fs::read_to_string(thread.path().join("status")).map_err(|error| error.to_string())?;
        let counts = status.lines().filter_map(|line| line.split_once("ctxt_switches:"));
        switches += counts.filter_map(|(_, count)| count.trim().parse::<u64>().ok()).sum::<u64>();
    }
    Ok(switches)
}

/// Keeps this process, and whoever it starts, on the last core; says which that is.
pub fn pin() -> Result<String, String> {
    let core = std::thread::available_parallelism().map_or(0, |cores| cores.get() - 1);
    // SAFETY: an empty set is all zero, the core is below its size, and the call reads as much as it is told.
    let answer = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set)
    };
    match answer {
        0 => Ok(format!("pinned to core {core}")),
        _ => Err(format!("sched_setaffinity: {}", std::io::Error::last_os_error())),
    }
}

/// The machine, in a line.
pub fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let child = if cfg!(target_arch = "x86_64") { "static, in Rust" } else { "an ordinary, dynamic program" };
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("Linux {}, {cores} cores; the child of all is {child}", kernel.trim())
}

/// How busy all cores are while we do nothing, in per cent: of others, whose work is in every figure.
pub fn others_percent() -> f64 {
    let (all_before, idle_before) = ticks();
    std::thread::sleep(LOOK);
    let (all, idle) = ticks();
    let (all, idle) = (all.saturating_sub(all_before), idle.saturating_sub(idle_before));
    if all == 0 { 0.0 } else { 100.0 * (1.0 - idle as f64 / all as f64) }
}

/// All ticks of the clock on all cores, and those in which nobody ran (proc_stat(5): the fourth number, and the fifth while a disk works).
fn ticks() -> (u64, u64) {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let words = stat.lines().next().unwrap_or("").split_whitespace().skip(1);
    let counts: Vec<u64> = words.filter_map(|word| word.parse().ok()).collect();
    (counts.iter().take(8).sum(), counts.iter().skip(3).take(2).sum())
}

const LOOK: Duration = Duration::from_millis(500);
const PAGE: usize = 4096;
