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

#[cfg(test)]
mod tests {
    use crate::kernel::KernelReady;
    use crate::kernel::check::{Answers, U, exited, play};
    use shakedown_core::signal::Signal;
    use shakedown_core::vocab::Stream;

    /// SEMANTICS C20, C25. A signal that finds a write under way is seen where the pipe is full, and not before: conformance/read-while-it-writes.
    #[test]
    fn a_write_that_a_signal_finds_under_way_goes_on_while_somebody_reads() {
        for (is_read, is_late, written) in [(true, 1, 70_000), (false, 1, 65_536), (true, 0, 0)] {
            let mut check = play("on USR1 exit 3; write 70000; hang");
            assert!(check.step(), "the handler is installed");
            let pid = check.pid("w/main");
            check.kernel.kill(pid, Signal::USR1).expect("it lives");
            let mut read = Vec::new();
            while let Some(KernelReady::Step { proc, .. }) = check.kernel.next_ready() {
                check.kernel.run(proc, &mut Answers(is_late));
                if is_read {
                    check.kernel.read(U, Stream::Stdout, &mut read, usize::MAX);
                }
            }
            check.kernel.read(U, Stream::Stdout, &mut read, usize::MAX);
            assert_eq!((read.len(), check.status("w/main")), (written, exited(3)), "read {is_read}, late {is_late}");
        }
    }
}
