//! The fingerprint of a kernel's state: the same for two moments whose futures are the same, whatever way has led there.
//! A search prunes with it, so it must hold all that the future depends on: a new field of a process does not compile before it has
//! its place here.
//!
//! Processes go by their labels, not by their pids, and are summed, so that interleavings of independent steps meet. Instants are
//! distances from now. What only counts (steps, drawn durations, bytes for the oracles) is left out: a search answers such draws alike.

use super::pipe::{Pipe, PipeId};
use super::process::{Frame, Inherited, Life, Process, Progress, Role, Wait};
use super::rare::Rare;
use super::unit::Unit;
use super::walk::walk_of;
use super::{HOST, INIT, Kernel};
use shakedown_core::digest::Digest;
use shakedown_core::ids::ProcId;
use shakedown_core::puppet::{PORT_TAKEN, Verb};
use shakedown_core::site::Label;
use shakedown_core::time::nanos;
use std::hash::Hash;
use std::sync::Arc;

impl Kernel {
    /// What processes, pipes, groups and the waits of the host amount to.
    pub fn fingerprint(&self) -> u64 {
        let mut sum = 0u64;
        for at in HOST.index() + 1..self.born {
            let process = &self.procs[at];
            // What is reaped is gone, but for its numbers: those who still bear them tell.
            if !matches!(process.life, Life::Reaped(_)) {
                sum = sum.wrapping_add(self.of_process(process));
            }
        }
        for unit in self.units.every() {
            sum = sum.wrapping_add(self.of_unit(unit));
        }
        for pipe in self.pipes.every() {
            let mut digest = Digest::of(pipe_name(pipe));
            pipe.digest(&mut digest);
            sum = sum.wrapping_add(digest.value());
        }
        let mut net = Digest::of(0);
        self.net.digest(self.now, &mut net);
        sum.wrapping_add(self.of_surroundings()).wrapping_add(net.value())
    }

    /// The label of the process that bears this number, or was the last to bear it.
    pub fn bearer(&self, number: i32) -> Option<Label> {
        let born = &self.procs[..self.born];
        born.iter().rev().find(|process| process.pid == number).map(|process| process.label)
    }

    /// The name of a process, the worker's included.
    pub(crate) fn full_name(&self, id: ProcId) -> &Arc<str> {
        &self.entry(id).name
    }

    /// The name of whoever takes a step: a process, for a thread that of its process; for a walk the worker to whom the signal goes.
    pub(crate) fn name_of(&self, id: ProcId) -> String {
        match walk_of(id) {
            Some(unit) => {
                let worker = self.units.get(unit).map_or("somebody", |of| &*of.worker);
                format!("a signal on its way through {worker}")
            }
            None => self.entry(self.process_of(id)).name.to_string(),
        }
    }

    /// The label of a process.
    pub(crate) fn label_of(&self, id: ProcId) -> Label {
        self.entry(id).label
    }

    /// The label of a process of today; init and the host have none of their own.
    fn name(&self, id: ProcId) -> u64 {
        match id {
            INIT | HOST => Label::ROOT.0 ^ u64::from(id.0),
            _ => self.entry(id).label.0,
        }
    }

    /// Whose number this is or was last.
    fn whose(&self, number: i32) -> u64 {
        let bears = |at: &usize| self.procs[*at].pid == number;
        (0..self.born).rev().find(bears).map_or(0, |at| self.name(ProcId(at as u32)))
    }

    fn of_process(&self, process: &Process) -> u64 {
        // Lists are told by their members; names, counts and unborn fields decide nothing.
        let Process {
            process: of,
            forked_by,
            over,
            busy,
            in_flight,
            hold,
            started: _,
            mask,
            rare,
            pid,
            pgid,
            sid,
            parent,
            unit: _,
            name: _,
            called: _,
            label,
            life,
            wait,
            announced,
            steps: _,
            spans: _,
            timer,
            links: _,
            children: _,
            zombies: _,
            fds,
            signals,
            frames,
            births,
            inherited,
        } = process;
        let mut digest = Digest::of(label.0);
        digest.number(self.whose(*pgid)).number(self.whose(*sid)).number(self.name(*parent));
        if self.config.pid_max <= SMALL_PID_SPACE {
            digest.number(*pid as u64);
        }
        digest.number(self.name(*of));
        for flag in [over, busy, in_flight, &hold.disk, &hold.frozen] {
            digest.number(u64::from(*flag));
        }
        // Which thread of a parent it hangs on.
        digest.number(self.name(*forked_by));
        mask.hash(&mut digest);
        if let Some(rare) = rare {
            self.put_rare(rare, &mut digest);
        }
        life.hash(&mut digest);
        match wait {
            Wait::Pipe(id) => digest.number(self.pipe_name(*id)),
            Wait::Nothing => digest.number(0),
            Wait::Timer => digest.number(1),
            Wait::Ever => digest.number(2),
            Wait::Child => digest.number(3),
            Wait::Lock(_) => digest.number(4),
        };
        digest.number(u64::from(*announced)).number(u64::from(*timer != 0));
        for fd in fds {
            digest.number(fd.map_or(0, |id| self.pipe_name(id)));
        }
        if *inherited != Inherited::default() {
            inherited.hash(&mut digest);
        }
        signals.digest(&mut digest);
        frames.iter().for_each(|frame| self.put_frame(frame, &mut digest));
        let counted = |(called, count): &(u64, u32)| Digest::of(*called).number(u64::from(*count)).value();
        digest.number(births.iter().map(counted).fold(0, u64::wrapping_add));
        // Which of several children of a name is the latest, and which zombie is the first.
        for list in [process.children, process.zombies] {
            list.iter(&self.procs, super::list::Chain::Siblings).for_each(|child| {
                digest.number(self.name(child));
            });
        }
        digest.value()
    }

    fn put_rare(&self, rare: &Rare, digest: &mut Digest) {
        let Rare { threads, threads_born, subreaper, pdeathsig, ending, unmapped, continued, files } = rare;
        threads.iter().for_each(|&thread| {
            digest.number(self.name(thread));
        });
        digest.number(u64::from(*threads_born)).number(u64::from(*subreaper));
        (pdeathsig, ending, unmapped, continued).hash(digest);
        // A description that nobody else holds is told by what it is; a shared one by who shares it, as all do who hold it.
        files.iter().for_each(|&file| self.files.digest(file, digest));
    }

    fn put_frame(&self, frame: &Frame, digest: &mut Digest) {
        // A scenario's blocks are the same in all of its runs. Those of a double fork and of a port that is taken are made anew, but
        // who plays them is told by its label and by the frame before.
        let Frame { block, at, role, progress } = frame;
        let made_here = matches!(**block, [Verb::Setsid, Verb::Spawn { .. }, Verb::Exit(0)])
            || matches!(**block, [Verb::Print { .. }, Verb::Exit(PORT_TAKEN)]);
        digest.number(if made_here { 0 } else { block.as_ptr().addr() as u64 }).number(*at as u64);
        match role {
            Role::Program => digest.number(0),
            Role::Repeat { left } => digest.number(1).number(u64::from(*left)),
            Role::Handler { blocked } => {
                blocked.hash(digest);
                digest.number(2)
            }
        };
        match progress {
            Progress::Fresh => digest.number(0),
            Progress::Until(at) => digest.number(1).instant(self.now, *at),
            Progress::Hanging => digest.number(2),
            Progress::Wrote(bytes) => digest.number(3).number(*bytes),
            Progress::Awaiting(child) => digest.number(4).number(self.name(*child)),
            Progress::Left(left) => digest.number(5).number(nanos(*left)),
            Progress::Locking(file) => {
                self.files.digest(*file, digest);
                digest.number(6)
            }
        };
    }

    fn of_unit(&self, unit: &Unit) -> u64 {
        let Unit {
            leader,
            worker: _,
            leader_name: _,
            minds_a_continue: _,
            hears_children: _,
            scope: _,
            cgroup,
            pid: _,
            generation: _,
            host_ends,
            living: _,
            writers: _,
            written: _,
            read: _,
            said_ready,
            detached,
            watches,
        } = unit;
        let Some(leader) = leader else { return 0 };
        let mut digest = Digest::of(self.name(*leader));
        cgroup.hash(&mut digest);
        for end in host_ends {
            digest.number(u64::from(end.is_some()));
        }
        let waited = |what: &super::What| {
            let mut digest = Digest::of(4);
            what.hash(&mut digest);
            digest.value()
        };
        (said_ready, detached).hash(&mut digest);
        digest.number(watches.iter().map(|(_, what)| waited(what)).fold(0, u64::wrapping_add));
        digest.value()
    }

    /// What stands beside the processes: the ends of uninterruptible sleeps, terminals, control groups and limits.
    fn of_surroundings(&self) -> u64 {
        let mut digest = Digest::of(5);
        for (at, sleeper) in self.uninterruptible.each() {
            digest.number(self.name(sleeper)).instant(self.now, at);
        }
        for (unit, signals, next, reached) in self.walks.every() {
            let [signal, then] = signals.map(|signal| signal.map_or(0, |signal| signal.number() as u64));
            digest.number(u64::from(unit.0)).number(signal).number(then);
            next.iter().for_each(|&listed| {
                digest.number(self.name(listed));
            });
            digest.number(reached.iter().map(|&id| self.name(id)).fold(0, u64::wrapping_add));
        }
        self.ttys.hash(&mut digest);
        self.cgroups.hash(&mut digest);
        self.limits.hash(&mut digest);
        self.processor.hash(&mut digest);
        digest.value()
    }

    fn pipe_name(&self, id: PipeId) -> u64 {
        pipe_name(self.pipes.get(id))
    }
}

/// Above the numbers that stand for other things.
fn pipe_name(pipe: &Pipe) -> u64 {
    8 + 4 * u64::from(pipe.unit.0) + pipe.fd as u64
}

/// In a space of at most this many numbers it matters which are taken.
const SMALL_PID_SPACE: i32 = 1024;

#[cfg(test)]
mod tests {
    use super::super::check::{Check, U, play, play_block};
    use shakedown_core::ids::OpId;
    use shakedown_core::puppet::parse;
    use shakedown_core::signal::Signal;
    use shakedown_core::time::Instant;
    use shakedown_core::vocab::{Scope, Stream};

    use super::super::{KernelConfig, Resource, What};

    type Change = fn(&mut Check);

    /// A moment of a script's life.
    fn at(script: &str, ms: u64) -> Check {
        let mut check = play(script);
        check.settle();
        if ms > 0 {
            check.pass(ms);
        }
        check
    }

    #[test]
    fn whatever_the_future_depends_on_is_in_it() {
        let script = "on USR1 print a; spawn helper { print b; sleep 9s }; sleep 9s";
        let changes: [(&str, Change); 9] = [
            ("nothing", |_| {}),
            ("time", |check| {
                check.pass(1);
            }),
            ("a pending signal", |check| {
                let pid = check.pid("w/main");
                check.kernel.kill(pid, Signal::USR1).expect("it lives");
            }),
            ("output that was read", |check| {
                check.stdout();
            }),
            ("an end", |check| {
                check.kill("w/helper", Signal::KILL);
            }),
            ("a wait", |check| check.kernel.watch(OpId(1), U, What::Exit)),
            ("an uninterruptible sleep", |check| {
                let main = check.find("w/main");
                check.kernel.sleep_uninterruptibly(main, Instant::from_nanos(1));
            }),
            ("its later end", |check| {
                let main = check.find("w/main");
                check.kernel.sleep_uninterruptibly(main, Instant::from_nanos(2));
            }),
            ("a limit", |check| {
                let main = check.find("w/main");
                check.kernel.set_limit(main, Resource::Nproc, Some(9));
            }),
        ];
        let mut seen = Vec::new();
        for (what, change) in changes {
            let mut check = at(script, 0);
            let before = check.kernel.fingerprint();
            change(&mut check);
            let after = check.kernel.fingerprint();
            assert_eq!(before == after, what == "nothing", "{what}");
            assert!(!seen.contains(&after), "{what}");
            seen.push(after);
        }
    }

    #[test]
    fn a_pipe_that_holds_less_is_another_though_both_are_empty() {
        let script = parse("hang").expect("a script without mistakes");
        let of = |pipe_capacity| {
            let config = KernelConfig { pipe_capacity, ..KernelConfig::default() };
            play_block(config, Scope::Group, script.clone()).kernel.fingerprint()
        };
        assert_eq!(of(65_536), of(65_536));
        assert_ne!(of(65_536), of(4_096));
    }

    #[test]
    fn a_withdrawn_wait_and_a_signal_without_effect_leave_it_as_it_was() {
        let mut check = at("on TERM ignore; hang", 0);
        let before = check.kernel.fingerprint();
        check.kernel.watch(OpId(1), U, What::Readable(Stream::Stderr.into()));
        check.kernel.unwatch(OpId(1), U);
        check.kill("w/main", Signal::TERM);
        assert_eq!(check.kernel.fingerprint(), before);
    }
}
