//! How a puppet's program begins: a short name, no core files, and pipes that never block.
//! Sources: proc_pid_comm(5), getrlimit(2), pipe(7).

use super::player::Player;
use super::process::{self, Process};
use super::report::{Reporter, What};
use super::signals;
use super::sigset::SigSet;
use crate::errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::stat::fstat;
use shakedown_core::puppet::Block;
use shakedown_core::vocab::Errno;

/// Plays a script as the leading process of a worker.
pub(super) fn begin(base: String, reporter: Reporter, block: &Block) -> ! {
    let name = format!("{base}/main");
    let prepared = prepare().and_then(|()| SigSet::of_thread());
    let process = process::begin(Process::new(base, name, reporter));
    process.reporter.say(&process.name, process.pid, What::Started);
    let mut player = Player::new(process, prepared.unwrap_or_default(), false);
    player.must("set up the process", prepared.map(drop));
    player.play_all(block)
}

/// What every program of a puppet needs. A `die SEGV` would leave a core wherever it runs, and a pipe that blocks would keep
/// signals from acting while we wait for it.
pub(super) fn prepare() -> Result<(), Errno> {
    nix::sys::prctl::set_name(super::PROCESS_NAME).map_err(errno::of_nix)?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(errno::of_nix)?;
    for number in 0..=2 {
        // SAFETY: one of the standard numbers, which nobody closes meanwhile.
        let fd = unsafe { signals::borrow(number) };
        let is_pipe = fstat(fd).is_ok_and(|meta| meta.st_mode & libc::S_IFMT == libc::S_IFIFO);
        if is_pipe {
            let flags = fcntl(fd, FcntlArg::F_GETFL).map_err(errno::of_nix)?;
            let flags = OFlag::from_bits_retain(flags) | OFlag::O_NONBLOCK;
            fcntl(fd, FcntlArg::F_SETFL(flags)).map_err(errno::of_nix)?;
        }
    }
    Ok(())
}
