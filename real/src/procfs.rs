//! What /proc says of processes: who lives, whose child, which group and session, who holds which pipe.
//! Everything read here is a snapshot; whoever acts on it pins the process by a pidfd first and looks again.
//!
//! Sources: proc_pid_stat(5), proc_pid_environ(5), proc_pid_fd(5), proc_tid_children(5).

use crate::errno;
use shakedown_core::ids::Pid;
use shakedown_core::vocab::{Errno, ExitStatus};
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::OnceLock;

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
    /// How it ended, in the form of wait(2); meaningful for a zombie that we may trace.
    pub exit_code: i32,
}

impl Stat {
    /// Neither a zombie nor dead.
    pub fn is_alive(&self) -> bool {
        !matches!(self.state, b'Z' | b'X' | b'x')
    }

    /// How it ended, where it is a zombie.
    pub fn ended(&self) -> Option<ExitStatus> {
        if self.is_alive() { None } else { Some(crate::pidfd::status_of_wait(self.exit_code)) }
    }
}

/// One process; `None` where there is none of this pid.
pub fn stat(pid: Pid) -> Option<Stat> {
    parse(pid, &read_stat(pid).ok()?)
}

/// Every process of our namespace, in the order of /proc.
///
/// # Errors
/// Where /proc cannot be listed (EMFILE, or not mounted). A process that ends meanwhile is left out.
pub fn every() -> Result<Vec<Stat>, Errno> {
    let mut found = Vec::new();
    for pid in pids()? {
        match read_stat(pid) {
            Ok(text) => found.extend(parse(pid, &text)),
            Err(e) => gone(&e)?,
        }
    }
    Ok(found)
}

/// Every pid of our namespace.
///
/// # Errors
/// Where /proc cannot be listed.
pub fn pids() -> Result<Vec<Pid>, Errno> {
    let listing = fs::read_dir("/proc").map_err(|e| errno::of_std(&e))?;
    let mut found = Vec::new();
    for entry in listing {
        let entry = entry.map_err(|e| errno::of_std(&e))?;
        found.extend(entry.file_name().to_str().and_then(|n| n.parse().ok()).and_then(Pid::new));
    }
    Ok(found)
}

/// Children of our first thread, zombies included; `None` where the kernel keeps no list (CONFIG_PROC_CHILDREN). Orphans come to
/// the first thread of a subreaper that is not exiting (`find_new_reaper` in kernel/exit.c), and that is this one as long as
/// the program runs, so this list has every orphan that we adopted. It is short even where other threads have many children.
pub fn children_of_first_thread() -> Option<Vec<Pid>> {
    // Kept open: this is asked at every exit.
    static LIST: OnceLock<Option<fs::File>> = OnceLock::new();
    let pid = std::process::id();
    let list = LIST.get_or_init(|| fs::File::open(format!("/proc/self/task/{pid}/children")).ok()).as_ref()?;
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
    let mut every = every()?;
    every.retain(|s| s.ppid == own);
    Ok(every)
}

/// The value of a variable in the environment that a process was given; `None` where it has none or we may not look.
/// A zombie has no environment any more.
pub fn environment(pid: Pid, name: &str) -> Option<String> {
    let block = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let wanted = block
        .split(|b| *b == 0)
        .find_map(|entry| entry.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"=")))?;
    Some(String::from_utf8_lossy(wanted).into_owned())
}

/// The command line, arguments joined by spaces; the name in brackets where it has none.
pub fn command_line(pid: Pid) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    if line.is_empty() {
        return stat(pid).map_or_else(|| "(gone)".into(), |s| format!("[{}]", s.comm));
    }
    let words: Vec<_> = line.split(|b| *b == 0).filter(|w| !w.is_empty()).map(String::from_utf8_lossy).collect();
    words.join(" ")
}

/// Processes other than ourselves that hold the write end of one of these pipes, by the pipes' inodes.
///
/// # Errors
/// Where /proc cannot be listed. A process whose descriptors we may not see is left out.
pub fn writers_of(inodes: &[u64]) -> Result<Vec<Pid>, Errno> {
    let own = std::process::id();
    let names: Vec<String> = inodes.iter().map(|inode| format!("pipe:[{inode}]")).collect();
    let mut found = Vec::new();
    for pid in pids()? {
        if u32::try_from(pid.as_raw()) == Ok(own) || inodes.is_empty() {
            continue;
        }
        let Ok(listing) = fs::read_dir(format!("/proc/{pid}/fd")) else { continue };
        let holds = listing.filter_map(Result::ok).any(|entry| {
            let path = entry.path();
            let named =
                fs::read_link(&path).is_ok_and(|to| names.iter().any(|n| to.as_os_str().as_bytes() == n.as_bytes()));
            // The link's own mode bits tell how the descriptor was opened: proc_pid_fd(5).
            named && fs::symlink_metadata(&path).is_ok_and(|meta| meta.mode() & 0o200 != 0)
        });
        if holds {
            found.push(pid);
        }
    }
    Ok(found)
}

/// In one read: proc makes the text anew for each open, and `fs::read` would fetch it in half a dozen pieces.
fn read_stat(pid: Pid) -> std::io::Result<Vec<u8>> {
    let mut text = vec![0; STAT_BYTES];
    let read = fs::File::open(format!("/proc/{pid}/stat"))?.read(&mut text)?;
    text.truncate(read);
    Ok(text)
}

/// A read that failed because its process ended is no error.
fn gone(error: &std::io::Error) -> Result<(), Errno> {
    match errno::of_std(error) {
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
        exit_code: small(EXIT_CODE).unwrap_or(0),
    })
}

const CHILDREN_BYTES: usize = 4096;
/// 52 numbers of at most 21 bytes each, and a name.
const STAT_BYTES: usize = 2048;
/// Field 22 of proc_pid_stat(5), counted from the state, which is field 3.
const STARTED: usize = 22 - 3;
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
    fn we_find_ourselves() {
        let own = Pid::new(std::process::id() as i32).unwrap();
        assert!(every().unwrap().iter().any(|s| s.pid == own && s.is_alive()));
        assert_eq!(environment(own, "PATH"), std::env::var("PATH").ok());
        assert!(!command_line(own).is_empty());
    }
}
