//! Plays puppet scripts (SCENARIOS, section 2): one verb a step, and a verb that blocks is tried again when it is woken.
//! The same verbs run for real in puppets; what they mean is told by the man pages, not here.

use super::Kernel;
use super::fd::Io;
use super::pipe::{PAGE, Source};
use super::process::{Frame, Progress, Role, Wait};
use super::wait::Waited;
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::ids::ProcId;
use shakedown_core::puppet::{Block, Handler, Out, Verb};
use shakedown_core::signal::Signal;
use shakedown_core::site::{Kind, Site, hash_name};
use shakedown_core::time::{Duration, DurationRange};
use shakedown_core::vocab::{Deed, ExitStatus, Sender};
use std::sync::Arc;

/// What became of a verb in one step.
enum Played {
    /// It is over: the next verb is next.
    Done,
    /// It goes on in a later step.
    Unfinished,
    /// It was the last of its process.
    Gone,
}

impl Kernel {
    /// The next verb of a process, or more of the one it was at. The end of a program is `exit 0`, in a step of its own.
    pub(super) fn play(&mut self, id: ProcId, choose: &mut impl Choose) {
        let played = loop {
            let frame = self.entry(id).frames.last().expect("a living process has a program");
            let (block, at) = (frame.block.clone(), frame.at);
            match block.get(at) {
                None => {
                    self.exit(id, ExitStatus::Exited(0));
                    break Played::Gone;
                }
                // Entering a loop is no step. A loop without rounds or verbs is one, so that every step comes to an end.
                Some(Verb::Repeat { times, body }) if *times > 0 && !body.is_empty() => {
                    let role = Role::Repeat { left: *times };
                    let frame = Frame { block: body.clone(), at: 0, role, progress: Progress::Fresh };
                    self.entry_mut(id).frames.push(frame);
                }
                Some(verb) => break self.verb(id, verb, choose),
            }
        };
        match played {
            Played::Done => self.advance(id),
            Played::Unfinished | Played::Gone => {}
        }
    }

    fn verb(&mut self, id: ProcId, verb: &Verb, choose: &mut impl Choose) -> Played {
        match verb {
            Verb::Print { to, bytes } => self.print(id, *to, Source::Bytes(bytes)),
            Verb::Write { to, bytes } => {
                self.print(id, *to, Source::Pattern { from: 0, len: usize::try_from(*bytes).unwrap_or(usize::MAX) })
            }
            Verb::Flood => self.flood(id),
            Verb::Read(until) => match self.read_by(id, *until) {
                Io::Done | Io::Failed => Played::Done,
                Io::Blocked(_) => Played::Unfinished,
            },
            Verb::Sleep(range) => self.sleep(id, range, choose),
            Verb::Hang => self.hang(id),
            Verb::Repeat { .. } => Played::Done,
            Verb::On { signal, then } => self.on(id, *signal, then),
            Verb::Spawn { name, body } => {
                // Without a free pid there is no child (EAGAIN), and the program goes on.
                self.fork_puppet(id, name, body);
                Played::Done
            }
            Verb::Daemonize { name, body } => self.daemonize(id, name, body),
            Verb::Wait(name) => self.wait_named(id, name),
            Verb::WaitAll => match self.wait_for_any(id) {
                Waited::Child => Played::Unfinished,
                Waited::Echild => Played::Done,
                Waited::NotYet => self.await_child(id, Progress::Fresh),
            },
            Verb::Kill { name, signal } => {
                // Without such a child it is ESRCH, and the program goes on.
                if let Some(child) = self.child_called(id, hash_name(name)) {
                    self.generate(child, *signal, Sender::Process(id));
                }
                Played::Done
            }
            Verb::Setsid => {
                self.setsid(id);
                Played::Done
            }
            Verb::Setpgid => {
                self.setpgid(id);
                Played::Done
            }
            Verb::Close(fd) => {
                self.close(id, *fd);
                Played::Done
            }
            Verb::Exit(code) => {
                self.exit(id, ExitStatus::Exited(*code));
                Played::Gone
            }
            Verb::Die(signal) => self.raise(id, *signal),
            // As a real puppet does that cannot play a verb.
            Verb::Busy(_)
            | Verb::Block(_)
            | Verb::Unblock(_)
            | Verb::Subreaper
            | Verb::Pdeathsig(_)
            | Verb::Exec(_)
            | Verb::Thread(_)
            | Verb::LeaderExit
            | Verb::NotifyReady
            | Verb::Touch(_)
            | Verb::Lock(_)
            | Verb::Listen(_)
            | Verb::Freeze => {
                self.exit(id, ExitStatus::Exited(125));
                Played::Gone
            }
        }
    }

    /// Goes past the verb that is done, out of every block that ends with it.
    fn advance(&mut self, id: ProcId) {
        let frames = &mut self.procs[id.index()].frames;
        while let Some(frame) = frames.last_mut() {
            frame.at += 1;
            frame.progress = Progress::Fresh;
            if frame.at < frame.block.len() {
                return;
            }
            match &mut frame.role {
                Role::Program => return,
                Role::Repeat { left } if *left > 1 => {
                    *left -= 1;
                    frame.at = 0;
                    return;
                }
                // The loop's verb is done in the frame around it.
                Role::Repeat { .. } => drop(frames.pop()),
                Role::Handler => {
                    frames.pop();
                    return self.leave_handler(id);
                }
            }
        }
    }

    fn progress(&mut self, id: ProcId) -> &mut Progress {
        &mut self.entry_mut(id).frames.last_mut().expect("a living process has a program").progress
    }

    /// Writes all of it, as far as anybody reads.
    fn print(&mut self, id: ProcId, to: Out, all: Source<'_>) -> Played {
        let done = match *self.progress(id) {
            Progress::Wrote(done) => done,
            Progress::Fresh | Progress::Until(_) | Progress::Hanging | Progress::Awaiting(_) => 0,
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
    fn flood(&mut self, id: ProcId) -> Played {
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

    fn sleep(&mut self, id: ProcId, range: &DurationRange, choose: &mut impl Choose) -> Played {
        let until = match *self.progress(id) {
            Progress::Until(until) => until,
            Progress::Fresh | Progress::Hanging | Progress::Wrote(_) | Progress::Awaiting(_) => {
                let length = self.draw_span(id, range, choose);
                self.now.after(length)
            }
        };
        if until <= self.now {
            return Played::Done;
        }
        *self.progress(id) = Progress::Until(until);
        self.sleep_until(id, until);
        Played::Unfinished
    }

    fn draw_span(&mut self, id: ProcId, range: &DurationRange, choose: &mut impl Choose) -> Duration {
        let steps = range.steps();
        if steps == 0 {
            return range.min;
        }
        let process = self.entry_mut(id);
        let site = Site { kind: Kind::Span, label: process.label, nth: process.spans };
        process.spans += 1;
        range.at(choose.draw(site, Ask::Span { steps }))
    }

    fn hang(&mut self, id: ProcId) -> Played {
        *self.progress(id) = Progress::Hanging;
        self.entry_mut(id).wait = Wait::Ever;
        Played::Unfinished
    }

    /// sigaction(2). KILL and STOP are refused (EINVAL) and the program goes on.
    fn on(&mut self, id: ProcId, signal: Signal, then: &Handler) -> Played {
        if signal.can_be_caught() {
            self.entry_mut(id).signals.install(signal, then);
            self.deeds.push(Deed::Installed { by: id, signal });
        }
        Played::Done
    }

    /// The double fork. The first child leads a session of its own, forks the daemon and exits; the caller reaps it.
    fn daemonize(&mut self, id: ProcId, name: &Arc<str>, body: &Block) -> Played {
        if let Progress::Awaiting(child) = *self.progress(id) {
            return self.wait_one(id, child);
        }
        let spawn = Verb::Spawn { name: name.clone(), body: body.clone() };
        let between: Block = Arc::new([Verb::Setsid, spawn, Verb::Exit(0)]);
        match self.fork_puppet(id, BETWEEN, &between) {
            Some(child) => self.wait_one(id, child),
            None => Played::Done,
        }
    }

    fn wait_named(&mut self, id: ProcId, name: &str) -> Played {
        let child = match *self.progress(id) {
            Progress::Awaiting(child) => Some(child),
            Progress::Fresh | Progress::Until(_) | Progress::Hanging | Progress::Wrote(_) => {
                self.child_called(id, hash_name(name))
            }
        };
        child.map_or(Played::Done, |child| self.wait_one(id, child))
    }

    fn wait_one(&mut self, id: ProcId, child: ProcId) -> Played {
        match self.wait_for(id, child) {
            Waited::Child | Waited::Echild => Played::Done,
            Waited::NotYet => self.await_child(id, Progress::Awaiting(child)),
        }
    }

    fn await_child(&mut self, id: ProcId, progress: Progress) -> Played {
        *self.progress(id) = progress;
        self.entry_mut(id).wait = Wait::Child;
        Played::Unfinished
    }

    /// Default disposition, and so not held by a handler; raised: it acts in the next step.
    fn raise(&mut self, id: ProcId, signal: Signal) -> Played {
        let signals = &mut self.entry_mut(id).signals;
        if signal.can_be_caught() {
            signals.install(signal, &Handler::Default);
        }
        self.generate(id, signal, Sender::Process(id));
        Played::Done
    }
}

/// What the first child of a daemonize is called: no name of a script, and no real puppet reports it.
const BETWEEN: &str = "(daemonize)";
/// The pause between two pages of `flood`.
const FLOOD_EVERY: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::super::check::{exited, play, signalled};
    use super::*;

    /// What a script prints and how it ends, within a second.
    #[test]
    fn verbs_mean_what_the_puppet_language_says() {
        for (script, printed, status) in [
            ("print a; eprint b; print c", "a\nc\n", exited(0)),
            ("repeat 3 { print a }; print b", "a\na\na\nb\n", exited(0)),
            ("repeat 2 { repeat 2 { print a }; print b }", "a\na\nb\na\na\nb\n", exited(0)),
            ("write 3; exit 2", "xxx", exited(2)),
            ("sleep 10ms..20ms; print woke", "woke\n", exited(0)),
            ("die TERM", "", signalled(Signal::TERM)),
            ("on TERM ignore; die TERM", "", signalled(Signal::TERM)),
            ("on TERM { die TERM }; die USR1", "", signalled(Signal::USR1)),
            ("spawn a { print child }; wait a; print parent", "child\nparent\n", exited(0)),
            ("on USR1 { }; sleep 2ms; exit 1", "", exited(1)),
            ("hang; print never", "", None),
            ("read eof; print never", "", None),
        ] {
            let mut check = play(script);
            check.pass(1000);
            assert_eq!((check.stdout().as_str(), check.status("w/main")), (printed, status), "{script}");
        }
    }

    struct Longest(Vec<(Site, Ask)>);

    impl Choose for Longest {
        fn rank(&mut self, _: Site) -> u16 {
            0
        }

        fn draw(&mut self, site: Site, ask: Ask) -> u32 {
            self.0.push((site, ask));
            ask.max()
        }
    }

    #[test]
    fn only_a_range_is_a_choice() {
        let mut check = play("sleep 1ms; sleep 1ms..5ms; sleep 2ms..4ms; hang");
        let mut asked = Longest(Vec::new());
        for _ in 0..9 {
            while let Some(super::super::KernelReady::Step { proc, .. }) = check.kernel.next_ready() {
                check.kernel.run(proc, &mut asked);
            }
            if let Some(at) = check.kernel.next_timer() {
                check.kernel.set_now(at);
                check.kernel.fire_timers();
            }
        }
        let asked: Vec<_> = asked.0.iter().map(|(site, ask)| (site.kind, site.nth, *ask)).collect();
        assert_eq!(asked, [(Kind::Span, 0, Ask::Span { steps: 4 }), (Kind::Span, 1, Ask::Span { steps: 2 })]);
        assert_eq!(check.kernel.now.as_nanos(), 10_000_000);
    }
}
