//! The verbs that write: `print`, `eprint`, `write`, `flood`.

use super::{Kernel, Played};
use crate::kernel::fd::Io;
use crate::kernel::pipe::{PAGE, Source};
use crate::kernel::process::Progress;
use shakedown_core::ids::ProcId;
use shakedown_core::puppet::Out;
use shakedown_core::time::Duration;

impl Kernel {
    /// Writes all of it, as far as anybody reads.
    pub(super) fn print(&mut self, id: ProcId, to: Out, all: Source<'_>) -> Played {
        let done = match *self.progress(id) {
            Progress::Wrote(done) => done,
            Progress::Fresh | Progress::Until(_) | Progress::Left(_) => 0,
            Progress::Hanging | Progress::Awaiting(_) | Progress::Locking(_) => 0,
        };
        let rest = match all {
            Source::Bytes(bytes) => Source::Bytes(&bytes[done as usize..]),
            Source::Pattern { from, len } => Source::Pattern { from: from + done, len: len - done as usize },
        };
        match self.write_by(id, to, rest) {
            Io::Done | Io::Failed => Played::Done,
            Io::Blocked(n) => {
                *self.progress(id) = Progress::Wrote(done + n as u64);
                Played::Unfinished
            }
        }
    }

    /// A page, then a millisecond of sleep, for ever. Where nobody reads and SIGPIPE is ignored, the pages are lost.
    pub(super) fn flood(&mut self, id: ProcId) -> Played {
        match self.write_by(id, Out::Stdout, Source::Pattern { from: 0, len: PAGE }) {
            Io::Done | Io::Failed => {
                let until = self.now.after(FLOOD_EVERY);
                *self.progress(id) = Progress::Until(until);
                self.sleep_until(id, until);
                Played::Unfinished
            }
            Io::Blocked(_) => {
                *self.progress(id) = Progress::Fresh;
                Played::Unfinished
            }
        }
    }
}

/// The pause between two pages of `flood`.
const FLOOD_EVERY: Duration = Duration::from_millis(1);
