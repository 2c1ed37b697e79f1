//! `exec`: the same program again, with another script. The kernel keeps what execve(2) keeps; what only our memory knows is handed
//! over in the environment: the process's name, what it ignores, its children.
//!
//! Right before the execve every signal that has a handler gets its default action, which is what the new image has: so a signal
//! meets the old disposition or the new one, and none waits meanwhile.
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
use shakedown_core::vocab::{Errno, Inherit};
use std::convert::Infallible;
use std::ffi::{CString, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt;

/// What a process takes through an exec, apart from what the kernel keeps. As text: a line each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Kept {
    /// `server/helper`.
    name: String,
    ignored: SigSet,
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
        // From here on nobody may start a handler that the exec would then cut off: who could, meets the default that comes anyway.
        let open = self.own().handlers.keys().filter_map(|n| Signal::from_number(*n)).filter(|s| !self.mask.has(*s));
        open.into_iter().try_for_each(|signal| signals::install(signal, Disposition::Default))?;
        self.mask.block_only()?;
        // Other threads have taken these, and will not come to act on them.
        signals::taken_anywhere().try_for_each(signals::raise)?;
        let own = self.own();
        let kept = Kept {
            name: own.name.clone(),
            ignored: own.ignored,
            children: own.children.every().map(|child| (child.pid, child.name.clone())).collect(),
        };
        let set = [(SCRIPT_VARIABLE, Script(body).to_string()), (KEPT_VARIABLE, kept.to_string())];
        let set: Vec<(OsString, OsString)> = set.into_iter().map(|(name, text)| (name.into(), text.into())).collect();
        let environment = crate::spawn::environment(&Inherit::All, set, &[]);
        let pairs = environment.iter().map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes()].concat());
        let environment = pairs.map(text).collect::<Result<Vec<_>, _>>()?;
        let arguments = std::env::args_os().map(|a| text(a.as_bytes().to_vec())).collect::<Result<Vec<_>, _>>()?;
        // Not /proc/self: that is the main thread's, which shows nothing once it has ended.
        nix::unistd::execve(c"/proc/thread-self/exe", &arguments, &environment).map_err(errno::of_nix)
    }
}

/// Plays on in the new image.
pub(super) fn resume(kept: Kept, base: String, reporter: Reporter, block: &Block) -> ! {
    let Kept { name, ignored, children } = kept;
    let mut own = Process::new(base, name, reporter);
    own.ignored = ignored;
    let mut prepared = start::prepare();
    for (pid, name) in children {
        prepared = prepared.and_then(|()| own.children.enter_again(name, pid));
    }
    let mask = prepared.and_then(|()| SigSet::of_thread());
    let mut player = Player::new(process::begin(own), mask.unwrap_or_default(), false);
    player.must("go on after an exec", mask.map(drop));
    player.play_all(block)
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Kept { name, ignored, children } = self;
        write!(f, "{name}\n{}", ignored.0)?;
        children.iter().try_for_each(|(pid, name)| write!(f, "\n{pid} {name}"))
    }
}

impl Kept {
    /// Reads what was written; `None` where that makes no sense.
    pub(super) fn parse(text: &str) -> Option<Kept> {
        let mut lines = text.split('\n');
        let name = lines.next()?.to_owned();
        let ignored = SigSet(lines.next()?.parse().ok()?);
        let child = |line: &str| {
            let (pid, name) = line.split_once(' ')?;
            Some((Pid::new(pid.parse().ok()?)?, name.to_owned()))
        };
        Some(Kept { name, ignored, children: lines.map(child).collect::<Option<_>>()? })
    }
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
            ignored: SigSet(1 << 14),
            children: vec![(pid(7), "server/a".into()), (pid(9), "server/b c".into())],
        };
        assert_eq!(Kept::parse(&kept.to_string()), Some(kept.clone()));
        kept.children = Vec::new();
        assert_eq!(Kept::parse(&kept.to_string()), Some(kept));
        for wrong in ["", "a", "a\nb", "a\n1\nb", "a\n2\n-3 x"] {
            assert_eq!(Kept::parse(wrong), None, "{wrong:?}");
        }
    }
}
