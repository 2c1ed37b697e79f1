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
        let of = self.units.at(unit);
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
        let Some(id) = self.units.at(unit).host_ends[Fd::Stdin as usize] else { return TryWrite::Broken };
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

    /// Whether a write to stdin would not block.
    pub(super) fn is_writable(&self, unit: UnitId) -> bool {
        match self.host_end(unit, Fd::Stdin) {
            Some(id) => !self.pipes.get(id).is_full() || self.pipes.get(id).readers == 0,
            None => true,
        }
    }

    /// write(2) by a process.
    pub(super) fn write_by(&mut self, id: ProcId, out: Out, source: Source<'_>) -> Io {
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
            self.generate(id, Signal::PIPE, Sender::Kernel);
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
        self.block_on(id, pipe_id);
        Io::Blocked(n)
    }

    /// read(2) by a process, which throws away what it reads.
    pub(super) fn read_by(&mut self, id: ProcId, until: ReadUntil) -> Io {
        let Some(pipe_id) = self.entry(id).fds[Fd::Stdin as usize] else { return Io::Failed };
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
        self.block_on(id, pipe_id);
        Io::Blocked(0)
    }

    /// close(2) by a process; a closed descriptor is closed without effect.
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

    fn close_host_end(&mut self, unit: UnitId, fd: Fd) {
        if let Some(pipe) = self.units.at(unit).host_ends[fd as usize].take() {
            self.drop_end(pipe, fd != Fd::Stdin);
        }
    }

    /// One holder less of a pipe's read or write end. The last one's leaving is news for the other side.
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

    fn block_on(&mut self, id: ProcId, pipe: PipeId) {
        self.pipes.at(pipe).waiters.push(id);
        self.entry_mut(id).wait = Wait::Pipe(pipe);
    }

    /// Lets everybody who is blocked on a pipe try again, in the order in which they blocked.
    fn wake_waiters(&mut self, id: PipeId) {
        let mut waiters = std::mem::take(&mut self.pipes.at(id).waiters);
        for &waiter in &waiters {
            let process = self.entry_mut(waiter);
            // Others have been interrupted or have died since.
            if process.wait == Wait::Pipe(id) {
                process.wait = Wait::Nothing;
                self.announce(waiter);
            }
        }
        waiters.clear();
        self.pipes.at(id).waiters = waiters;
    }

    /// Tells the host that its end of a descriptor has become ready.
    fn fire_fd(&mut self, unit: UnitId, fd: Fd) {
        self.fire(
            unit,
            match fd {
                Fd::Stdin => What::Writable,
                Fd::Stdout => What::Readable(Stream::Stdout),
                Fd::Stderr => What::Readable(Stream::Stderr),
            },
        );
    }
}

fn fd_of(stream: Stream) -> Fd {
    match stream {
        Stream::Stdout => Fd::Stdout,
        Stream::Stderr => Fd::Stderr,
    }
}
