//! [`Command`] and [`Child`] with the shape of `tokio::process`, over a [`TaskCx`](crate::prelude::TaskCx): a supervisor that was written against tokio is tried in
//! the simulator in minutes, and the same code then runs real processes.
//!
//! What is different, and why:
//!
//! - `Command::new(&cx, "server")` and `spawn().await`: there is no ambient runtime, and a start takes its time.
//! - In the simulator the machine has the programs that the test installs: `Config::program`. Any other is not found (ENOENT).
//! - Every child leads a process group of its own; `process_group(0)` makes it the child's scope.
//! - [`Child::signal`] and [`Child::signal_group`] are what people write with `nix::sys::signal::kill(Pid::from_raw(child.id()))`, without its
//!   danger: a pidfd names the child, and no stranger.
//! - A child belongs to the task that started it. What still lives when that task has ended is killed *and reported*: in the simulator it
//!   is a failure of `no-orphan`. [`Child::detach`] says that it is meant to.
//!
//! ```
//! use shakedown::prelude::*;
//! use shakedown::process::Command;
//!
//! async fn serve_for_a_while(cx: TaskCx) -> std::io::Result<()> {
//!     let mut server = Command::new(&cx, "server").arg("--port=80").process_group(0).spawn().await?;
//!     cx.sleep(Duration::from_secs(1)).await;
//!     server.signal_group(Signal::TERM)?;
//!     if cx.timeout(Duration::from_secs(3), server.group_empty()).await.is_err() {
//!         server.signal_group(Signal::KILL)?;
//!         server.group_empty().await;
//!     }
//!     server.wait().await?;
//!     Ok(())
//! }
//!
//! let config = shakedown::Config::new("doc").seeds(50).program("server", "on TERM exit 0 after 1ms..9s; hang");
//! shakedown::check(config, serve_for_a_while);
//! ```

mod child;
mod command;
mod pipes;

pub use child::Child;
pub use command::{Command, Stdio};
pub use pipes::{ChildStderr, ChildStdin, ChildStdout, Lines};
pub use std::process::{ExitStatus, Output};

use shakedown_core::vocab::{Errno, ExitStatus as Known};
use std::io;
use std::os::unix::process::ExitStatusExt;

fn error(errno: Errno) -> io::Error {
    io::Error::from_raw_os_error(errno.raw())
}

/// The status as wait(2) tells it.
///
/// # Errors
/// ECHILD where nobody knows: somebody else has reaped it.
fn status(known: Known) -> io::Result<ExitStatus> {
    match known {
        Known::Exited(code) => Ok(ExitStatus::from_raw(i32::from(code) << 8)),
        Known::Signalled { signal, core } => {
            Ok(ExitStatus::from_raw(signal.number() | if core { CORE_DUMPED } else { 0 }))
        }
        Known::Unknown => Err(error(Errno::ECHILD)),
    }
}

/// `WCOREFLAG` of wait(2).
const CORE_DUMPED: i32 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_core::signal::Signal;

    #[test]
    fn a_status_is_what_the_standard_library_makes_of_it() {
        let exited = status(Known::Exited(7)).unwrap();
        assert_eq!((exited.code(), exited.signal(), exited.success()), (Some(7), None, false));
        assert!(status(Known::Exited(0)).unwrap().success());
        let killed = status(Known::Signalled { signal: Signal::KILL, core: false }).unwrap();
        assert_eq!((killed.code(), killed.signal(), killed.core_dumped()), (None, Some(9), false));
        let dumped = status(Known::Signalled { signal: Signal::SEGV, core: true }).unwrap();
        assert_eq!((dumped.signal(), dumped.core_dumped()), (Some(11), true));
        assert_eq!(status(Known::Unknown).unwrap_err().raw_os_error(), Some(10));
    }
}
