//! Pseudoterminals: a terminal whose other end, the master, a program holds (pty(7)); here it is the host.
//! Their ends are told otherwise than those of pipes: who reads the master gets EIO, and closing it hangs up.
//!
//! The line discipline is that of a shell's terminal without ECHO and OPOST: lines, and the characters ^C, ^\, ^Z and ^D.

use super::Kernel;
use super::tty::TtyId;
use shakedown_core::ids::ProcId;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::Errno;
use std::collections::VecDeque;

/// The two buffers of a pseudoterminal, and who holds its slave.
#[derive(Default, Hash)]
pub(super) struct Pty {
    /// Written to the slave, for the master.
    output: VecDeque<u8>,
    /// Typed lines that are complete, each with its newline; an end of file (^D) is a line without.
    lines: VecDeque<Vec<u8>>,
    /// The line being typed.
    line: Vec<u8>,
    /// A process for each descriptor of the slave that it has.
    holders: Vec<ProcId>,
    /// The slave has been open.
    opened: bool,
    master_closed: bool,
}

impl Pty {
    /// Bytes of output that nobody has read; more would block. Linux takes 12 to 20 KiB, depending on the sizes of the writes: this is
    /// what it takes of small ones (probed).
    const OUTPUT_MAX: usize = 19_456;
    /// Bytes of a line, without its newline: the rest of a longer one is lost (termios(3), MAX_CANON).
    const LINE_MAX: usize = 4_095;

    pub(super) fn master_is_closed(&self) -> bool {
        self.master_closed
    }

    /// A process ends: its descriptors are closed.
    pub(super) fn close_all(&mut self, holder: ProcId) {
        self.holders.retain(|other| *other != holder);
    }

    /// fork(2): the child has the descriptors of its parent.
    fn inherit(&mut self, parent: ProcId, child: ProcId) {
        let copies = self.holders.iter().filter(|holder| **holder == parent).count();
        self.holders.extend(std::iter::repeat_n(child, copies));
    }

    fn holds(&self, proc: ProcId) -> Result<(), Errno> {
        if self.holders.contains(&proc) { Ok(()) } else { Err(Errno::EBADF) }
    }

    fn end_line(&mut self) {
        self.lines.push_back(std::mem::take(&mut self.line));
    }
}

impl Kernel {
    /// A new pseudoterminal, whose master the host holds (posix_openpt(3)).
    pub fn open_pty(&mut self) -> TtyId {
        self.ttys.create()
    }

    /// A process opens the slave, without making it its controlling terminal (O_NOCTTY).
    ///
    /// # Errors
    /// EIO once the master is closed.
    pub fn open_slave(&mut self, proc: ProcId, tty: TtyId) -> Result<(), Errno> {
        let pty = &mut self.ttys.at(tty).pty;
        if pty.master_closed {
            return Err(Errno::EIO);
        }
        pty.opened = true;
        pty.holders.push(proc);
        Ok(())
    }

    /// A process closes one descriptor of the slave; without effect where it has none.
    pub fn close_slave(&mut self, proc: ProcId, tty: TtyId) {
        let holders = &mut self.ttys.at(tty).pty.holders;
        if let Some(at) = holders.iter().position(|holder| *holder == proc) {
            holders.remove(at);
        }
    }

    /// A process writes to the slave, as much as there is room for. The answer is how much that was.
    ///
    /// # Errors
    /// EAGAIN where a write would block. EIO once the master is closed, and with TOSTOP in the background of an orphaned group; EINTR
    /// where the caller's group was sent TTOU instead. EBADF where it has not opened the slave.
    pub fn write_tty(&mut self, proc: ProcId, tty: TtyId, bytes: &[u8]) -> Result<usize, Errno> {
        let terminal = self.ttys.get(tty);
        terminal.pty.holds(proc)?;
        if terminal.tostop {
            self.check_job(proc, tty, Signal::TTOU)?;
        }
        let pty = &mut self.ttys.at(tty).pty;
        if pty.master_closed {
            return Err(Errno::EIO);
        }
        let taken = bytes.len().min(Pty::OUTPUT_MAX - pty.output.len());
        if taken == 0 && !bytes.is_empty() {
            return Err(Errno::EAGAIN);
        }
        pty.output.extend(&bytes[..taken]);
        Ok(taken)
    }

    /// A process reads from the slave: a line, or the rest of one, at most `max` bytes, appended to `into`. Zero is the end of file, by
    /// ^D or because the master is closed.
    ///
    /// # Errors
    /// EAGAIN where a read would block. In the background: EINTR where the caller's group was sent TTIN instead, and EIO where it
    /// ignores or blocks TTIN or is orphaned. EBADF where it has not opened the slave.
    pub fn read_tty(&mut self, proc: ProcId, tty: TtyId, into: &mut Vec<u8>, max: usize) -> Result<usize, Errno> {
        self.ttys.get(tty).pty.holds(proc)?;
        self.check_job(proc, tty, Signal::TTIN)?;
        let pty = &mut self.ttys.at(tty).pty;
        let Some(line) = pty.lines.front_mut() else {
            return if pty.master_closed { Ok(0) } else { Err(Errno::EAGAIN) };
        };
        let n = line.len().min(max);
        into.extend(line.drain(..n));
        if line.is_empty() {
            pty.lines.pop_front();
        }
        Ok(n)
    }

    /// The host types: bytes go into the line, and ^C, ^\ and ^Z signal the foreground group and throw away what was typed before.
    pub fn type_in(&mut self, tty: TtyId, bytes: &[u8]) {
        for &byte in bytes {
            let pty = &mut self.ttys.at(tty).pty;
            let signal = match byte {
                0x03 => Signal::INT,
                0x1c => Signal::QUIT,
                0x1a => Signal::TSTP,
                0x04 => {
                    pty.end_line();
                    continue;
                }
                b'\n' => {
                    pty.line.push(byte);
                    pty.end_line();
                    continue;
                }
                other => {
                    if pty.line.len() < Pty::LINE_MAX {
                        pty.line.push(other);
                    }
                    continue;
                }
            };
            pty.lines.clear();
            pty.line.clear();
            self.signal_foreground(tty, signal);
        }
    }

    /// The host reads what was written to the slave, at most `max` bytes, appended to `into`.
    ///
    /// # Errors
    /// EAGAIN where a read would block; EIO where everything was read and nobody has the slave any more, until it is opened again. That
    /// is how Linux says "end of output" here.
    pub fn read_master(&mut self, tty: TtyId, into: &mut Vec<u8>, max: usize) -> Result<usize, Errno> {
        let pty = &mut self.ttys.at(tty).pty;
        if pty.output.is_empty() {
            let ended = pty.opened && pty.holders.is_empty();
            return Err(if ended { Errno::EIO } else { Errno::EAGAIN });
        }
        let n = pty.output.len().min(max);
        into.extend(pty.output.drain(..n));
        Ok(n)
    }

    /// The host closes the master, which hangs up.
    pub fn close_master(&mut self, tty: TtyId) {
        let pty = &mut self.ttys.at(tty).pty;
        pty.master_closed = true;
        pty.lines.clear();
        pty.line.clear();
        self.hang_up(tty);
    }

    /// fork(2): the child has its parent's descriptors of slaves.
    pub(super) fn share_slaves(&mut self, parent: ProcId, child: ProcId) {
        for terminal in self.ttys.each() {
            terminal.pty.inherit(parent, child);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::KernelConfig;
    use super::super::check::{Check, play_with, signalled};
    use super::*;
    use shakedown_core::vocab::Scope;

    /// A session whose leader has a terminal; it forks `kid` at 5 ms.
    fn terminal() -> (Check, TtyId, ProcId) {
        let script = "sleep 5ms; spawn kid { setpgid; sleep 10ms }; hang";
        let mut check = play_with(KernelConfig::DEFAULT, Scope::PosixSession, script);
        let tty = check.kernel.open_pty();
        let main = check.settle().find("w/main");
        check.kernel.acquire_tty(main, tty).expect("it leads a session");
        check.kernel.open_slave(main, tty).expect("the master is open");
        (check, tty, main)
    }

    /// SEMANTICS C27. Probed.
    #[test]
    fn after_the_last_slave_is_closed_the_rest_is_read_and_then_eio() {
        let (mut check, tty, main) = terminal();
        let fresh = check.kernel.open_pty();
        let mut bytes = Vec::new();
        assert_eq!(check.kernel.read_master(fresh, &mut bytes, 9), Err(Errno::EAGAIN), "nobody has opened it yet");
        assert_eq!(check.kernel.write_tty(main, tty, b"rest"), Ok(4));
        check.pass(5);
        check.kernel.close_slave(main, tty);
        assert_eq!(check.kernel.read_master(tty, &mut bytes, 3), Ok(3));
        assert_eq!(check.kernel.read_master(tty, &mut bytes, 9), Ok(1));
        assert_eq!(check.kernel.read_master(tty, &mut bytes, 9), Err(Errno::EAGAIN), "the kid has it by fork");
        check.pass(10);
        assert_eq!(check.kernel.read_master(tty, &mut bytes, 9), Err(Errno::EIO), "until it ended");
        assert_eq!(check.kernel.write_tty(main, tty, b"x"), Err(Errno::EBADF));
        check.kernel.open_slave(main, tty).expect("the master is open");
        assert_eq!((check.kernel.read_master(tty, &mut bytes, 9), bytes), (Err(Errno::EAGAIN), b"rest".to_vec()));
    }

    /// SEMANTICS C27. Probed.
    #[test]
    fn closing_the_master_hangs_up() {
        let (mut check, tty, main) = terminal();
        let reader = check.pass(5).find("w/kid");
        check.kernel.type_in(tty, b"lost\n");
        check.kernel.close_master(tty);
        assert_eq!(check.kernel.write_tty(main, tty, b"x"), Err(Errno::EIO));
        assert_eq!(check.kernel.read_tty(reader, tty, &mut Vec::new(), 9), Ok(0));
        assert_eq!(check.kernel.open_slave(main, tty), Err(Errno::EIO));
        assert_eq!(check.settle().status("w/main"), signalled(Signal::HUP));
    }

    /// SEMANTICS C14, tty_ioctl(4). Probed.
    #[test]
    fn the_background_is_stopped_by_a_read_and_with_tostop_by_a_write() {
        for (tostop, write) in [(false, Ok(1)), (true, Err(Errno::EINTR))] {
            let (mut check, tty, main) = terminal();
            let kid = check.pass(5).find("w/kid");
            check.kernel.set_tostop(tty, tostop);
            check.kernel.type_in(tty, b"a\n");
            assert_eq!(check.kernel.read_tty(kid, tty, &mut Vec::new(), 9), Err(Errno::EINTR));
            assert_eq!(check.kernel.write_tty(kid, tty, b"x"), write, "{tostop}");
            assert_eq!(check.kernel.write_tty(main, tty, b"x"), Ok(1), "the foreground");
            assert!(check.pass(100).alive("w/kid"), "it is stopped");
            assert_eq!(check.kernel.read_tty(main, tty, &mut Vec::new(), 9), Ok(2));
        }
    }

    /// SEMANTICS C14. Probed.
    #[test]
    fn who_ignores_or_blocks_ttin_is_told_no_instead_of_stopped() {
        for deaf in ["on TTIN ignore", "block TTIN"] {
            let script = format!("{deaf}; sleep 5ms; spawn kid {{ setpgid; hang }}; hang");
            let mut check = play_with(KernelConfig::DEFAULT, Scope::PosixSession, &script);
            let tty = check.kernel.open_pty();
            let main = check.settle().find("w/main");
            check.kernel.acquire_tty(main, tty).expect("it leads a session");
            check.kernel.open_slave(main, tty).expect("the master is open");
            let kid = check.pass(5).find("w/kid");
            assert_eq!(check.kernel.read_tty(kid, tty, &mut Vec::new(), 9), Err(Errno::EIO), "{deaf}");
        }
    }

    /// termios(3), canonical mode. Probed.
    #[test]
    fn input_comes_in_lines() {
        let (mut check, tty, main) = terminal();
        let mut read = |typed: &[u8], max: usize| {
            let mut bytes = Vec::new();
            check.kernel.type_in(tty, typed);
            check.kernel.read_tty(main, tty, &mut bytes, max).map(|_| String::from_utf8(bytes).expect("letters"))
        };
        assert_eq!(read(b"ab\ncd", 99), Ok("ab\n".into()));
        assert_eq!(read(b"", 99), Err(Errno::EAGAIN));
        assert_eq!(read(b"\x04", 1), Ok("c".into()));
        assert_eq!(read(b"", 99), Ok("d".into()));
        assert_eq!(read(b"\x04", 99), Ok(String::new()), "the end of file");
        assert_eq!(read(&[b'x'; 6_000], 99), Err(Errno::EAGAIN));
        assert_eq!(read(b"\n", 9_999).map(|line| line.len()), Ok(4_096));
        let (mut check, tty, main) = terminal();
        check.kernel.type_in(tty, b"gone\nand gone\x1agh\n");
        assert_eq!(check.kernel.read_tty(main, tty, &mut Vec::new(), 99), Ok(3), "^Z throws away what was typed");
    }

    #[test]
    fn a_terminal_that_nobody_reads_is_full_some_time() {
        let (mut check, tty, main) = terminal();
        let mut total = 0;
        while let Ok(n) = check.kernel.write_tty(main, tty, &[b'x'; 1_000]) {
            total += n;
        }
        assert_eq!((total, check.kernel.write_tty(main, tty, b"x")), (Pty::OUTPUT_MAX, Err(Errno::EAGAIN)));
    }
}
