//! read(2), write(2) and close(2) on the standard descriptors, by processes and by the host, and whom they wake.
//! An end counts as held by every process that inherited it: that is how a grandchild keeps an output open.

use super::Kernel;
use super::pipe::{PipeId, Source};
use super::poll::What;
use super::process::Wait;
use shakedown_core::ids::{ProcId, UnitId};
use shakedown_core::puppet::{Fd, Out, ReadUntil};
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Deed, Sender, Stream, TryRead, TryWrite};

/// What a blocking read or write of a process has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Io {
    /// So many bytes were written and all is done, or a read is.
    Done,
    /// So many bytes were written, and now it blocks.
    Blocked(usize),
    /// EPIPE or EBADF. SIGPIPE has been sent where it is due.
    Failed,
}

impl Kernel {
    /// Reads at most `max` bytes of a unit's output, appended to `into`.
    pub fn read(&mut self, unit: UnitId, stream: Stream, into: &mut Vec<u8>, max: usize) -> TryRead {
        let of = self.units.claim(unit);
        let Some(id) = of.host_ends[fd_of(stream) as usize] else { return TryRead::Eof };
        let pipe = self.pipes.at(id);
        if pipe.is_empty() {
            return if pipe.writers == 0 { TryRead::Eof } else { TryRead::WouldBlock };
        }
        let n = pipe.read(into, max);
        of.read += n as u64;
        if !pipe.is_full() {
            self.wake_waiters(id);
        }
        TryRead::Data(n)
    }

    /// Writes what fits to a unit's stdin: all or nothing up to a page. An empty write takes nothing and succeeds.
    pub fn write(&mut self, unit: UnitId, bytes: &[u8]) -> TryWrite {
        let Some(id) = self.units.claim(unit).host_ends[Fd::Stdin as usize] else { return TryWrite::Broken };
        let pipe = self.pipes.at(id);
        if pipe.readers == 0 {
            return TryWrite::Broken;
        }
        let n = pipe.write(Source::Bytes(bytes));
        if n == 0 && !bytes.is_empty() {
            return TryWrite::WouldBlock;
        }
        self.wake_waiters(id);
        TryWrite::Wrote(n)
    }

    /// Closes the host's end of a unit's stdin.
    pub fn close_input(&mut self, unit: UnitId) {
        self.close_host_end(unit, Fd::Stdin);
    }

    /// Closes the host's end of an output: whoever writes to it from now on gets SIGPIPE.
    pub fn close_output(&mut self, unit: UnitId, stream: Stream) {
        self.close_host_end(unit, fd_of(stream));
    }

    /// Whether a read of the output would not block.
    pub(super) fn is_readable(&self, unit: UnitId, stream: Stream) -> bool {
        match self.host_end(unit, fd_of(stream)) {
            Some(id) => !self.pipes.get(id).is_empty() || self.pipes.get(id).writers == 0,
            None => true,
        }
    }

    /// A unit whose output fills its pipe, so that whoever writes more waits, while the host does not wait to read it.
    pub fn stalled_output(&self) -> Option<UnitId> {
        let stalls = |unit: &UnitId, stream: Stream| {
            let full = self.host_end(*unit, fd_of(stream)).is_some_and(|id| self.pipes.get(id).is_full());
            full && !self.is_watched(*unit, stream)
        };
        self.units.ids().find(|unit| Stream::BOTH.iter().any(|stream| stalls(unit, *stream)))
    }

    /// Whether a write to stdin would not block.
    pub(super) fn is_writable(&self, unit: UnitId) -> bool {
        match self.host_end(unit, Fd::Stdin) {
            Some(id) => !self.pipes.get(id).is_full() || self.pipes.get(id).readers == 0,
            None => true,
        }
    }

    /// write(2) by a thread.
    pub(super) fn write_by(&mut self, thread: ProcId, out: Out, source: Source<'_>) -> Io {
        let id = self.process_of(thread);
        let process = self.entry(id);
        let unit = process.unit.expect("init and the host play no scripts");
        let fd = match out {
            Out::Stdout => Fd::Stdout,
            Out::Stderr => Fd::Stderr,
        };
        let Some(pipe_id) = process.fds[fd as usize] else { return Io::Failed };
        if source.len() == 0 {
            return Io::Done;
        }
        let pipe = self.pipes.at(pipe_id);
        if pipe.readers == 0 {
            self.generate_for(thread, Signal::PIPE, Sender::Kernel);
            return Io::Failed;
        }
        let n = pipe.write(source);
        if n > 0 {
            self.units.at(unit).written += n as u64;
            self.deeds.push(Deed::Wrote { who: id, bytes: n as u64 });
            self.fire_fd(unit, fd);
        }
        if n == source.len() {
            return Io::Done;
        }
        self.block_on(thread, pipe_id);
        Io::Blocked(n)
    }

    /// read(2) by a thread, which throws away what it reads.
    pub(super) fn read_by(&mut self, thread: ProcId, until: ReadUntil) -> Io {
        let Some(pipe_id) = self.entry(self.process_of(thread)).fds[Fd::Stdin as usize] else { return Io::Failed };
        let pipe = self.pipes.at(pipe_id);
        let had_newline = match until {
            ReadUntil::Line => pipe.skip_line(),
            ReadUntil::Eof => {
                pipe.skip_all();
                false
            }
        };
        let (unit, ended, has_room) = (pipe.unit, pipe.is_empty() && pipe.writers == 0, !pipe.is_full());
        if has_room {
            self.fire_fd(unit, Fd::Stdin);
        }
        if had_newline || ended {
            return Io::Done;
        }
        self.block_on(thread, pipe_id);
        Io::Blocked(0)
    }

    /// A descriptor of a unit that is no pipe to the host: its leader has just been forked, and nobody else holds it.
    pub fn disconnect(&mut self, unit: UnitId, fd: Fd) {
        if let Some(leader) = self.units.at(unit).leader {
            self.close(leader, fd);
        }
        self.close_host_end(unit, fd);
    }

    /// close(2) by a process; a closed descriptor is closed without effect.
    #[inline(always)]
    pub(super) fn close(&mut self, id: ProcId, fd: Fd) {
        let process = self.entry_mut(id);
        let unit = process.unit.expect("init and the host play no scripts");
        let Some(pipe) = process.fds[fd as usize].take() else { return };
        if fd != Fd::Stdin {
            self.units.at(unit).writers -= 1;
        }
        self.drop_end(pipe, fd == Fd::Stdin);
    }

    /// Closes all descriptors of a process.
    pub(super) fn close_all(&mut self, id: ProcId) {
        for fd in [Fd::Stdin, Fd::Stdout, Fd::Stderr] {
            self.close(id, fd);
        }
    }

    fn host_end(&self, unit: UnitId, fd: Fd) -> Option<PipeId> {
        self.units.get(unit)?.host_ends[fd as usize]
    }

    #[inline(always)]
    pub(super) fn close_host_end(&mut self, unit: UnitId, fd: Fd) {
        if let Some(pipe) = self.units.claim(unit).host_ends[fd as usize].take() {
            self.drop_end(pipe, fd != Fd::Stdin);
        }
    }

    /// One holder less of a pipe's read or write end. The last one's leaving is news for the other side.
    #[inline(always)]
    fn drop_end(&mut self, id: PipeId, read_end: bool) {
        let pipe = self.pipes.at(id);
        let ends = if read_end { &mut pipe.readers } else { &mut pipe.writers };
        *ends -= 1;
        if *ends > 0 {
            return;
        }
        let (unit, fd) = (pipe.unit, pipe.fd);
        if pipe.readers == 0 && pipe.writers == 0 {
            self.pipes.release(id);
            return;
        }
        self.wake_waiters(id);
        self.fire_fd(unit, fd);
    }

    fn block_on(&mut self, thread: ProcId, pipe: PipeId) {
        self.pipes.at(pipe).wait(thread);
        self.entry_mut(thread).wait = Wait::Pipe(pipe);
    }

    /// Lets everybody who is blocked on a pipe try again, in the order in which they blocked.
    fn wake_waiters(&mut self, id: PipeId) {
        for waiter in self.pipes.at(id).take_waiters() {
            let process = self.entry_mut(waiter);
            // Others have been interrupted or have died since.
            if process.wait == Wait::Pipe(id) {
                process.wait = Wait::Nothing;
                self.announce(waiter);
            }
        }
    }

    /// Tells the host that its end of a descriptor has become ready.
    fn fire_fd(&mut self, unit: UnitId, fd: Fd) {
        self.fire(
            unit,
            match fd {
                Fd::Stdin => What::Writable,
                Fd::Stdout => What::Readable(Stream::Stdout.into()),
                Fd::Stderr => What::Readable(Stream::Stderr.into()),
            },
        );
    }
}

/// Which of the outputs a descriptor is, if it is one.
pub(super) fn stream_of(fd: Fd) -> Option<Stream> {
    match fd {
        Fd::Stdin => None,
        Fd::Stdout => Some(Stream::Stdout),
        Fd::Stderr => Some(Stream::Stderr),
    }
}

fn fd_of(stream: Stream) -> Fd {
    match stream {
        Stream::Stdout => Fd::Stdout,
        Stream::Stderr => Fd::Stderr,
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{U, exited, play, signalled};
    use super::*;
    use shakedown_core::vocab::Truth;

    /// SEMANTICS C25.
    #[test]
    fn a_grandchild_keeps_the_output_open() {
        let mut check = play("spawn helper { sleep 1s; print late }; exit 0");
        check.settle();
        assert_eq!(check.kernel.read(U, Stream::Stdout, &mut Vec::new(), 9), TryRead::WouldBlock);
        assert_eq!(check.kernel.holders(U).len(), 1);
        assert_eq!(check.kernel.writers(U), 2);
        assert_eq!(check.pass(1000).stdout(), "late\n");
        assert_eq!(check.kernel.read(U, Stream::Stdout, &mut Vec::new(), 9), TryRead::Eof);
        assert_eq!((check.kernel.writers(U), check.kernel.output(U)), (0, (5, 5)));
    }

    /// SEMANTICS C25.
    #[test]
    fn a_writer_without_readers_gets_sigpipe_or_else_epipe() {
        for (script, status) in [
            ("read eof; print lost; exit 3", signalled(Signal::PIPE)),
            ("on PIPE ignore; read eof; print lost; exit 3", exited(3)),
            ("on PIPE exit 4; read eof; print lost; exit 3", exited(4)),
            ("write 70000", signalled(Signal::PIPE)),
            ("close stdout; print nowhere; exit 3", exited(3)),
        ] {
            let mut check = play(script);
            check.settle().kernel.close_output(U, Stream::Stdout);
            check.kernel.close_input(U);
            assert_eq!(check.settle().status("w/main"), status, "{script}");
        }
    }

    /// SEMANTICS C25.
    #[test]
    fn a_full_pipe_blocks_its_writer_until_a_page_is_read() {
        let mut check = play("write 100000; exit 0");
        assert!(check.settle().alive("w/main"));
        assert_eq!(check.kernel.output(U), (65_536, 0));
        assert_eq!(check.stdout().len(), 100_000);
        assert_eq!(check.status("w/main"), exited(0));
    }

    #[test]
    fn flood_writes_a_page_each_millisecond() {
        let mut check = play("flood");
        check.pass(9);
        assert_eq!(check.kernel.output(U).0, 10 * 4096);
        assert_eq!(check.pass(500).kernel.output(U).0, 65_536);
        check.stdout();
        assert_eq!(check.kernel.output(U).0, 65_536 + 4096, "it was waiting with one page");
    }

    #[test]
    fn lines_are_read_one_by_one_and_the_rest_stays() {
        let mut check = play("read line; print one; read line; print two; read eof; print end");
        check.settle();
        for (input, output) in [("a", ""), ("\nb", "one\n"), ("\nc\nd", "two\n")] {
            assert_eq!(check.kernel.write(U, input.as_bytes()), TryWrite::Wrote(input.len()));
            assert_eq!(check.settle().stdout(), output);
        }
        check.kernel.close_input(U);
        assert_eq!(check.settle().stdout(), "end\n");
        assert_eq!(check.kernel.write(U, b"x"), TryWrite::Broken);
    }

    #[test]
    fn a_host_that_writes_more_than_fits_is_told_so() {
        let mut check = play("sleep 1ms; read eof");
        let page = vec![b'x'; 4096];
        check.settle();
        for _ in 0..16 {
            assert_eq!(check.kernel.write(U, &page), TryWrite::Wrote(4096));
        }
        assert_eq!(check.kernel.write(U, &page), TryWrite::WouldBlock);
        check.kernel.watch(shakedown_core::ids::OpId(1), U, What::Writable);
        assert!(check.done.is_empty());
        check.pass(1);
        assert_eq!(check.done.len(), 1);
        check.kill("w/main", Signal::KILL);
        assert_eq!(check.kernel.write(U, &page), TryWrite::Broken);
    }
}
