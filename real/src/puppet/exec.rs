//! `exec`: the same program again, with another script. The kernel keeps what execve(2) keeps; what only our memory knows is handed
//! over in the environment: the process's name, its mask, its children, and what the start-up of a Rust program would undo.
//!
//! What had a handler is blocked from before the execve until the new image is ready, so that a signal acts before it by the old
//! disposition or after it by the new one; what ends a process by default does so meanwhile, too. One exception: PIPE is ignored by Rust's start-up for an instant, so one that is
//! *sent* between the exec and the first verb is lost; one that is pending before is raised again.
//!
//! Sources: execve(2), signal(7), credentials(7), proc_pid_exe(5).

use super::player::Player;
use super::process::{self, Process};
use super::report::Reporter;
use super::signals::{self, Disposition};
use super::sigset::SigSet;
use super::{KEPT_VARIABLE, SCRIPT_VARIABLE, start};
use crate::errno;
use shakedown_core::ids::Pid;
use shakedown_core::puppet::{Block, Script};
use shakedown_core::signal::Signal;
use shakedown_core::vocab::Errno;
use std::convert::Infallible;
use std::ffi::{CString, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt;

/// What a process takes through an exec, apart from what the kernel keeps. As text: a line each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Kept {
    /// `server/helper`.
    name: String,
    mask: SigSet,
    ignored: SigSet,
    /// Whether PIPE is pending behind the mask.
    pipe_is_pending: bool,
    /// The standard descriptors that are closed: the start-up opens /dev/null in their place.
    closed: Vec<i32>,
    children: Vec<(Pid, String)>,
}

impl Player {
    /// Only the calling thread goes on, and takes over the process's pid.
    pub(super) fn exec(&mut self, body: &Block) -> ! {
        let failed = match self.execute(body) {
            Ok(never) => match never {},
            Err(errno) => errno,
        };
        self.fail("exec /proc/thread-self/exe", failed)
    }

    fn execute(&mut self, body: &Block) -> Result<Infallible, Errno> {
        let open = self.own().handlers.keys().filter_map(|n| Signal::from_number(*n)).filter(|s| !self.mask.has(*s));
        let mut held = self.mask;
        open.clone().for_each(|signal| held.insert(signal));
        // Rust's start-up ignores it for an instant.
        held.insert(Signal::PIPE);
        held.block_only()?;
        // From here on nobody may start a handler that the exec would then cut off: who could, meets the default that comes anyway.
        open.clone().try_for_each(|signal| signals::install(signal, Disposition::Default))?;
        // Other threads have taken these, and will not come to act on them.
        signals::taken_anywhere().try_for_each(signals::raise)?;
        let own = self.own();
        let kept = Kept {
            name: own.name.clone(),
            mask: self.mask,
            ignored: own.ignored,
            pipe_is_pending: signals::is_pending(Signal::PIPE),
            closed: (0..=2).filter(|fd| !is_open(*fd)).collect(),
            children: own.children.every().map(|child| (child.pid, child.name.clone())).collect(),
        };
        let set = [(SCRIPT_VARIABLE, Script(body).to_string()), (KEPT_VARIABLE, kept.to_string())];
        let set: Vec<(OsString, OsString)> = set.into_iter().map(|(name, text)| (name.into(), text.into())).collect();
        let environment = crate::spawn::environment(set, &[]);
        let pairs = environment.iter().map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes()].concat());
        let environment = pairs.map(text).collect::<Result<Vec<_>, _>>()?;
        let arguments = std::env::args_os().map(|a| text(a.as_bytes().to_vec())).collect::<Result<Vec<_>, _>>()?;
        // Not /proc/self: that is the main thread's, which shows nothing once it has ended.
        nix::unistd::execve(c"/proc/thread-self/exe", &arguments, &environment).map_err(errno::of_nix)
    }
}

/// Plays on in the new image. What had a handler before, and PIPE, is blocked until now.
pub(super) fn resume(kept: Kept, base: String, reporter: Reporter, block: &Block) -> ! {
    let Kept { name, mask, ignored, pipe_is_pending, closed, children } = kept;
    for fd in closed {
        let _ = nix::unistd::close(fd);
    }
    let mut own = Process::new(base, name, reporter);
    own.ignored = ignored;
    let mut prepared = start::prepare().and_then(|()| start::meet_start_up(ignored));
    if pipe_is_pending {
        prepared = prepared.and_then(|()| signals::raise(Signal::PIPE));
    }
    for (pid, name) in children {
        prepared = prepared.and_then(|()| own.children.enter_again(name, pid));
    }
    let mut player = Player::new(process::begin(own), mask, false);
    player.must("go on after an exec", prepared);
    player.play_all(block)
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Kept { name, mask, ignored, pipe_is_pending, closed, children } = self;
        writeln!(f, "{name}\n{} {} {pipe_is_pending}", mask.0, ignored.0)?;
        closed.iter().try_for_each(|fd| write!(f, "{fd} "))?;
        children.iter().try_for_each(|(pid, name)| write!(f, "\n{pid} {name}"))
    }
}

impl Kept {
    /// Reads what was written; `None` where that makes no sense.
    pub(super) fn parse(text: &str) -> Option<Kept> {
        let mut lines = text.split('\n');
        let name = lines.next()?.to_owned();
        let [mask, ignored, pipe] = lines.next()?.split(' ').collect::<Vec<_>>().try_into().ok()?;
        let closed = lines.next()?.split_ascii_whitespace().map(|fd| fd.parse().ok()).collect::<Option<_>>()?;
        let child = |line: &str| {
            let (pid, name) = line.split_once(' ')?;
            Some((Pid::new(pid.parse().ok()?)?, name.to_owned()))
        };
        Some(Kept {
            name,
            mask: SigSet(mask.parse().ok()?),
            ignored: SigSet(ignored.parse().ok()?),
            pipe_is_pending: pipe.parse().ok()?,
            closed,
            children: lines.map(child).collect::<Option<_>>()?,
        })
    }
}

fn is_open(fd: i32) -> bool {
    // SAFETY: asks for a flag, which a closed number refuses.
    unsafe { libc::fcntl(fd, libc::F_GETFD) >= 0 }
}

fn text(bytes: Vec<u8>) -> Result<CString, Errno> {
    CString::new(bytes).map_err(|_| Errno::EINVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_reads_back() {
        let pid = |n| Pid::new(n).unwrap();
        let mut kept = Kept {
            name: "server/helper".into(),
            mask: SigSet(1 << 14),
            ignored: SigSet::NONE,
            pipe_is_pending: true,
            closed: vec![0, 2],
            children: vec![(pid(7), "server/a".into()), (pid(9), "server/b c".into())],
        };
        assert_eq!(Kept::parse(&kept.to_string()), Some(kept.clone()));
        (kept.closed, kept.children) = (Vec::new(), Vec::new());
        assert_eq!(Kept::parse(&kept.to_string()), Some(kept));
        for wrong in ["", "a", "a\n1 2", "a\n1 2 maybe\n", "a\n1 2 true\n\n-3 x"] {
            assert_eq!(Kept::parse(wrong), None, "{wrong:?}");
        }
    }
}
