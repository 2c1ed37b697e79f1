//! What each process waits for, in words (the `wchan` of proc(5)): the kernel's part of the report of a run that is stuck.

use super::process::{Life, Process, Wait};
use super::sigset::Disposition;
use super::{HOST, Kernel};
use shakedown_core::host::Waiter;
use shakedown_core::ids::ProcId;
use shakedown_core::puppet::Fd;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::ExitStatus;

impl Kernel {
    /// Every process that is not over, and what it waits for; a zombie waits for its parent. A process that ignores TERM says so, and
    /// one that holds an output, because these two keep most stops from ending.
    pub fn waiters(&self) -> Vec<Waiter> {
        let every = self.procs[..self.born].iter().enumerate().skip(HOST.index() + 1);
        let processes = every.filter(|(at, entry)| !entry.is_thread(ProcId(*at as u32)));
        processes.filter_map(|(_, process)| self.waiter(process)).collect()
    }

    fn waiter(&self, process: &Process) -> Option<Waiter> {
        let waits_for = match process.life {
            Life::Reaped(_) => return None,
            Life::Zombie(status) => self.zombie_waits(process, status),
            Life::Alive if process.hold.disk => DISK.to_string(),
            Life::Dying(signal) if process.hold.disk => format!("{DISK}, and {signal} is pending"),
            Life::Stopped => "CONT or KILL: it is stopped".to_string(),
            Life::Dying(signal) => format!("its end by {signal}"),
            Life::Alive => self.living_waits(process),
        };
        Some(Waiter { who: format!("process {} (pid {})", process.name, process.pid), waits_for })
    }

    fn zombie_waits(&self, process: &Process, status: ExitStatus) -> String {
        let parent = if process.parent == HOST { "the supervisor" } else { &self.entry(process.parent).name };
        format!("{parent} to reap it: it is a zombie, {status}")
    }

    fn living_waits(&self, process: &Process) -> String {
        let further = process.rare.as_ref().map_or(0, |rare| rare.threads.len());
        let mut text = match process.wait {
            _ if process.over => format!("the last of its {further} further threads to end: its first one has"),
            Wait::Nothing => "its turn".to_string(),
            Wait::Timer => "its timer".to_string(),
            Wait::Ever => "a signal".to_string(),
            Wait::Child => "a child to end".to_string(),
            Wait::Lock(_) => "a lock that another holds".to_string(),
            Wait::Pipe(id) => match self.pipes.get(id).fd {
                Fd::Stdin => "input on stdin".to_string(),
                Fd::Stdout => "room in the pipe of stdout".to_string(),
                Fd::Stderr => "room in the pipe of stderr".to_string(),
            },
        };
        if matches!(process.signals.disposition(Signal::TERM), Disposition::Ignored) {
            text += ", and ignores TERM";
        } else if process.mask.blocked.has(Signal::TERM) {
            text += ", and blocks TERM";
        }
        if process.fds[1..].iter().any(Option::is_some) {
            text += ", holding an output";
        }
        text
    }
}

/// What keeps a process in uninterruptible sleep.
const DISK: &str = "its uninterruptible sleep (D) to end: no signal reaches it before";

#[cfg(test)]
mod tests {
    use crate::kernel::check::play;

    #[test]
    fn each_process_says_what_it_waits_for() {
        let script = "on TERM ignore; spawn a { exit 3 }; spawn b { close stdout; close stderr; read eof }; spawn c { write 70000 }; hang";
        let told: Vec<String> = play(script).settle().kernel.waiters().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "process w/main (pid 3) waits for a signal, and ignores TERM, holding an output",
                "process w/a (pid 4) waits for w/main to reap it: it is a zombie, exited(3)",
                "process w/b (pid 5) waits for input on stdin, and ignores TERM",
                "process w/c (pid 6) waits for room in the pipe of stdout, and ignores TERM, holding an output",
            ]
        );
    }
}
