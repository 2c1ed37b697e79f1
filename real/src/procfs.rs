//! What /proc says of processes: who lives, whose child, which group and session, who holds which pipe.
//! Everything read here is a snapshot; whoever acts on it pins the process by a pidfd first and looks again.
//!
//! Sources: proc_pid_stat(5), proc_pid_environ(5), proc_pid_fd(5), proc_tid_children(5).

use crate::errno;
use crate::reserve;
use shakedown_core::ids::Pid;
use shakedown_core::vocab::{Errno, ExitStatus};
use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

/// One process, as proc_pid_stat(5) describes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stat {
    /// Its pid in our namespace.
    pub pid: Pid,
    /// At most 15 bytes of name.
    pub comm: String,
    /// `R`, `S`, `D`, `T`, `t`, `I`: alive; `Z`, `X`: not.
    pub state: u8,
    /// Its parent; 0 for one outside our namespace.
    pub ppid: i32,
    /// Its process group.
    pub pgrp: i32,
    /// Its POSIX session.
    pub session: i32,
    /// When it started, in clock ticks since boot: with the pid, its identity within one boot.
    pub started: u64,
    /// How many threads it has. A zombie has one: itself.
    pub threads: i32,
    /// How it ended, in the form of wait(2); meaningful for a zombie that we may trace.
    pub exit_code: i32,
}

impl Stat {
    /// Neither a zombie nor dead. A zombie main thread whose other threads live is the state of a process that lives, and that
    /// cannot be waited for (ptrace(2)).
    pub fn is_alive(&self) -> bool {
        match self.state {
            b'Z' => self.threads > 1,
            b'X' | b'x' => false,
            _ => true,
        }
    }

    /// How it ended, where it is a zombie.
    pub fn ended(&self) -> Option<ExitStatus> {
        if self.is_alive() { None } else { Some(crate::pidfd::status_of_wait(self.exit_code)) }
    }
}

/// One process; `None` where there is none of this pid, or nobody can look.
pub fn stat(pid: Pid) -> Option<Stat> {
    look(pid).ok().flatten()
}

/// One process; `None` where there is none of this pid.
///
/// # Errors
/// Where nobody can look (EMFILE): whoever is not seen then may be there.
pub fn look(pid: Pid) -> Result<Option<Stat>, Errno> {
    match read_stat(pid) {
        Ok(text) => Ok(parse(pid, &text)),
        Err(errno) => gone(errno).map(|()| None),
    }
}

/// Every process of our namespace that is meant, in the order of /proc, and then those that were born meanwhile. Each is asked before the last
/// listing, which names whomever it has borne until then: asked later it may have died and left somebody of whom no list tells.
///
/// # Errors
/// Where /proc cannot be listed or read (EMFILE, or not mounted). A process that ends meanwhile is left out.
pub fn every_that(is_meant: impl Fn(&Stat) -> Result<bool, Errno>) -> Result<Vec<Stat>, Errno> {
    let mut found = Vec::new();
    each(|pid| {
        if let Some(process) = look(pid)?
            && is_meant(&process)?
        {
            found.push(process);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Shows every pid once. The listing is repeated until it names nobody new: a process may fork and end between the listing and the
/// look at it, and then its child would be missed although one of the two was alive all the time.
fn each(mut see: impl FnMut(Pid) -> Result<(), Errno>) -> Result<(), Errno> {
    let mut seen = BTreeSet::new();
    for _ in 0..LISTINGS_MAX {
        let new: Vec<Pid> = pids()?.into_iter().filter(|pid| seen.insert(*pid)).collect();
        if new.is_empty() {
            break;
        }
        new.into_iter().try_for_each(&mut see)?;
    }
    Ok(())
}

/// Every pid of our namespace that is there at once.
///
/// # Errors
/// Where /proc cannot be listed.
pub fn pids() -> Result<Vec<Pid>, Errno> {
    let pid = |entry: fs::DirEntry| entry.file_name().to_str().and_then(|n| n.parse().ok()).and_then(Pid::new);
    list("/proc", |entries| {
        let mut found = Vec::new();
        for entry in entries {
            found.extend(pid(entry.map_err(|e| errno::of_std(&e))?));
        }
        Ok(found)
    })
}

/// Children of our first thread, zombies included; `None` where the kernel keeps no list (CONFIG_PROC_CHILDREN). Orphans come to
/// the first thread of a subreaper that is not exiting (`find_new_reaper` in kernel/exit.c), and that is this one as long as
/// the program runs, so this list has every orphan that we adopted. It is short even where other threads have many children.
pub fn children_of_first_thread() -> Option<Vec<Pid>> {
    // Kept open: this is asked at every exit. Where it could not be opened, the next one tries again.
    static LIST: OnceLock<fs::File> = OnceLock::new();
    let pid = std::process::id();
    let list = match LIST.get() {
        Some(list) => list,
        None => {
            let opened = fs::File::open(format!("/proc/self/task/{pid}/children")).ok()?;
            LIST.get_or_init(|| opened)
        }
    };
    let mut text = Vec::new();
    loop {
        let before = text.len();
        text.resize(before + CHILDREN_BYTES, 0);
        let read = list.read_at(&mut text[before..], before as u64).ok()?;
        text.truncate(before + read);
        if read == 0 {
            break;
        }
    }
    let numbers = std::str::from_utf8(&text).ok()?.split_ascii_whitespace();
    Some(numbers.filter_map(|n| n.parse().ok().and_then(Pid::new)).collect())
}

/// Our own children, zombies and adopted ones included.
///
/// # Errors
/// Where /proc cannot be read.
pub fn own_children() -> Result<Vec<Stat>, Errno> {
    let own = std::process::id() as i32;
    every_that(|s| Ok(s.ppid == own))
}

/// The value of a variable in the environment that a process was given; `None` where it has none or we may not look.
/// A zombie has no environment any more. One within an exec is waited for: between the old environment and the new one the file is
/// empty, or ends where the old one was when it went (`environ_read` in fs/proc/base.c), and whoever goes by it would miss a process
/// that is there all the time.
///
/// # Errors
/// As [`look`].
pub fn environment(pid: Pid, name: &str) -> Result<Option<String>, Errno> {
    let mut block = read_shared(pid, "environ")?;
    let mut looks = 1;
    while block.last() != Some(&0) && looks < LOOKS_MAX && has_memory(pid)? {
        // Who looks must not keep the processor from who execs: on a busy machine a yield alone does.
        if looks < YIELDS_MAX {
            std::thread::yield_now()
        } else {
            std::thread::sleep(PAUSE)
        }
        block = read_shared(pid, "environ")?;
        looks += 1;
    }
    let mut entries = block.split(|b| *b == 0);
    let wanted = entries.find_map(|entry| entry.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"=")));
    Ok(wanted.map(|value| String::from_utf8_lossy(value).into_owned()))
}

/// Neither a kernel thread nor so far in its end that its memory is gone (proc_pid_statm(5)). What a main thread has left when it ended, its
/// other threads still have.
///
/// # Errors
/// As [`look`].
pub(crate) fn has_memory(pid: Pid) -> Result<bool, Errno> {
    let has_some = |place: String| {
        let pages = read_if_there(&format!("{place}/statm"))?;
        Ok(pages.is_some_and(|pages| pages.first().is_some_and(|digit| *digit != b'0')))
    };
    if has_some(format!("/proc/{pid}"))? {
        return Ok(true);
    }
    living_thread(pid)?.map_or(Ok(false), has_some)
}

/// The command line, arguments joined by spaces; the name in brackets where it has none, or nobody can look.
pub fn command_line(pid: Pid) -> String {
    let line = read_shared(pid, "cmdline").unwrap_or_default();
    if line.is_empty() {
        return stat(pid).map_or_else(|| "(gone)".into(), |s| format!("[{}]", s.comm));
    }
    let words: Vec<_> = line.split(|b| *b == 0).filter(|w| !w.is_empty()).map(String::from_utf8_lossy).collect();
    words.join(" ")
}

/// Processes other than ourselves that hold the write end of one of these pipes, by the pipes' inodes.
///
/// # Errors
/// Where /proc cannot be listed or read. A process whose descriptors we may not see is left out.
pub fn writers_of(inodes: &[u64]) -> Result<Vec<Pid>, Errno> {
    let own = std::process::id();
    let names: Vec<String> = inodes.iter().map(|inode| format!("pipe:[{inode}]")).collect();
    let mut found = Vec::new();
    if inodes.is_empty() {
        return Ok(found);
    }
    each(|pid| {
        if u32::try_from(pid.as_raw()) != Ok(own) && holds_any_of(pid, &names)? {
            found.push(pid);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Whether a process holds the write end of one of these pipes.
fn holds_any_of(pid: Pid, names: &[String]) -> Result<bool, Errno> {
    if holds_any(&format!("/proc/{pid}"), names)? {
        return Ok(true);
    }
    living_thread(pid)?.map_or(Ok(false), |thread| holds_any(&thread, names))
}

/// Whether the write end of one of these pipes is open in the process or thread that this folder of /proc describes.
fn holds_any(folder: &str, names: &[String]) -> Result<bool, Errno> {
    let holds = |path: &Path| {
        let named = fs::read_link(path).is_ok_and(|to| names.iter().any(|n| to.as_os_str().as_bytes() == n.as_bytes()));
        // The link's own mode bits tell how the descriptor was opened: proc_pid_fd(5).
        named && fs::symlink_metadata(path).is_ok_and(|meta| meta.mode() & 0o200 != 0)
    };
    let any = list(&format!("{folder}/fd"), |mut entries| {
        Ok(entries.any(|entry| entry.is_ok_and(|entry| holds(&entry.path()))))
    });
    Ok(if_there(any)?.unwrap_or(false))
}

/// What the threads of a process share; nothing where we may not read it.
fn read_shared(pid: Pid, file: &str) -> Result<Vec<u8>, Errno> {
    match read_if_there(&format!("/proc/{pid}/{file}"))? {
        Some(text) if !text.is_empty() => Ok(text),
        // Of a zombie there is nothing to read, or nothing to open: newer kernels answer ESRCH (`proc_mem_open` in fs/proc/base.c).
        Some(_) | None => match living_thread(pid)? {
            Some(thread) => Ok(read_if_there(&format!("{thread}/{file}"))?.unwrap_or_default()),
            None => Ok(Vec::new()),
        },
    }
}

/// A thread to look at instead of the main one, where that is a zombie and shows nothing any more (proc_pid_task(5)).
fn living_thread(pid: Pid) -> Result<Option<String>, Errno> {
    if look(pid)?.is_none_or(|s| s.state != b'Z' || !s.is_alive()) {
        return Ok(None);
    }
    let other = list(&format!("/proc/{pid}/task"), |threads| {
        let mut names = threads.filter_map(|thread| thread.ok()?.file_name().into_string().ok());
        Ok(names.find(|name| *name != pid.to_string()))
    });
    Ok(if_there(other)?.flatten().map(|other| format!("/proc/{pid}/task/{other}")))
}

/// A file of /proc; `None` where it is none, or whose it was has ended, or we may not.
fn read_if_there(path: &str) -> Result<Option<Vec<u8>>, Errno> {
    if_there(reserve::lend(|| fs::read(path).map_err(|e| errno::of_std(&e))))
}

/// What is found in a listing, which is closed again.
fn list<T>(path: &str, find: impl Fn(fs::ReadDir) -> Result<T, Errno>) -> Result<T, Errno> {
    reserve::lend(|| find(fs::read_dir(path).map_err(|e| errno::of_std(&e))?))
}

fn if_there<T>(found: Result<T, Errno>) -> Result<Option<T>, Errno> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(errno) => gone(errno).map(|()| None),
    }
}

/// In one read: proc makes the text anew for each open, and `fs::read` would fetch it in half a dozen pieces.
fn read_stat(pid: Pid) -> Result<Vec<u8>, Errno> {
    let path = format!("/proc/{pid}/stat");
    let read = || {
        let mut text = vec![0; STAT_BYTES];
        let read = fs::File::open(&path)?.read(&mut text)?;
        text.truncate(read);
        Ok(text)
    };
    reserve::lend(|| read().map_err(|e: std::io::Error| errno::of_std(&e)))
}

/// A read that failed because its process ended is no error.
fn gone(errno: Errno) -> Result<(), Errno> {
    match errno {
        Errno::ENOENT | Errno::ESRCH | Errno::EACCES | Errno::EPERM => Ok(()),
        other => Err(other),
    }
}

/// The name stands in parentheses and may itself contain any byte but NUL, so the last parenthesis ends it.
fn parse(pid: Pid, text: &[u8]) -> Option<Stat> {
    let open = text.iter().position(|b| *b == b'(')?;
    let close = text.iter().rposition(|b| *b == b')')?;
    let comm = String::from_utf8_lossy(text.get(open + 1..close)?).into_owned();
    let rest = std::str::from_utf8(text.get(close + 2..)?).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<i64>().ok();
    let small = |index: usize| number(index).and_then(|n| i32::try_from(n).ok());
    Some(Stat {
        pid,
        comm,
        state: *fields.first()?.as_bytes().first()?,
        ppid: small(1)?,
        pgrp: small(2)?,
        session: small(3)?,
        started: fields.get(STARTED)?.parse().ok()?,
        threads: small(THREADS)?,
        exit_code: small(EXIT_CODE).unwrap_or(0),
    })
}

/// Where somebody forks without end the last listing has to do.
const LISTINGS_MAX: u32 = 256;
/// An exec is over long before; an environment that is empty or cut for good costs so many looks, the first without a pause.
const LOOKS_MAX: u32 = 96;
const YIELDS_MAX: u32 = 48;
const PAUSE: Duration = Duration::from_micros(50);
const CHILDREN_BYTES: usize = 4096;
/// 52 numbers of at most 21 bytes each, and a name.
const STAT_BYTES: usize = 2048;
/// Field 22 of proc_pid_stat(5), counted from the state, which is field 3.
const STARTED: usize = 22 - 3;
/// Field 20, likewise.
const THREADS: usize = 20 - 3;
/// Field 52, likewise.
const EXIT_CODE: usize = 52 - 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_full_of_parentheses_is_read() {
        let pid = Pid::new(7).unwrap();
        let line = format!("7 (a) b (c) Z 1 7 5 {} 42 0", "0 ".repeat(15));
        let found = parse(pid, line.as_bytes()).unwrap();
        assert_eq!(
            (found.comm.as_str(), found.state, found.ppid, found.pgrp, found.session),
            ("a) b (c", b'Z', 1, 7, 5)
        );
        assert_eq!(found.started, 42);
        assert!(!found.is_alive());
    }

    #[test]
    fn a_zombie_main_thread_with_others_is_alive() {
        let pid = Pid::new(7).unwrap();
        for (threads, is_alive) in [(1, false), (2, true)] {
            let line = format!("7 (a) Z 1 7 5 {}{threads} 0 42 0", "0 ".repeat(13));
            let found = parse(pid, line.as_bytes()).unwrap();
            assert_eq!((found.threads, found.started, found.is_alive()), (threads, 42, is_alive));
            assert_eq!(found.ended().is_none(), is_alive);
        }
    }

    #[test]
    fn we_find_ourselves() {
        let own = Pid::new(std::process::id() as i32).unwrap();
        assert!(every_that(|s| Ok(s.is_alive())).unwrap().iter().any(|s| s.pid == own));
        assert_eq!(environment(own, "PATH"), Ok(std::env::var("PATH").ok()));
        assert!(!command_line(own).is_empty());
    }
}
