//! Plays puppet scripts (SCENARIOS, section 2): one verb a step, but that `hang` comes with what stands before it; a verb that blocks is tried
//! again when it is woken.
//! The same verbs run for real in puppets; what they mean is told by the man pages, not here.

mod children;
mod output;
mod time;

use super::Kernel;
use super::fd::Io;
use super::file::Locked;
use super::pipe::Source;
use super::process::{Frame, Progress, Role};
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::ids::ProcId;
use shakedown_core::puppet::{Handler, Out, PORT_TAKEN, Verb, port_taken};
use shakedown_core::signal::Signal;
use shakedown_core::site::{Kind, Site, hash_name};
use shakedown_core::vocab::{Deed, ExitStatus, Sender};
use std::sync::Arc;

/// What became of a verb in one step.
enum Played {
    /// It is over: the next verb is next.
    Done,
    /// It goes on in a later step.
    Unfinished,
    /// It was the last of its thread, or another program stands in its place.
    Gone,
}

impl Kernel {
    /// The next verb of a thread, or more of the one it was at. The end of a program is `exit 0`, in a step of its own; that of a
    /// further thread is its own end alone.
    pub(super) fn play(&mut self, id: ProcId, choose: &mut impl Choose) {
        let played = loop {
            let frame = self.entry(id).frames.last().expect("a living thread has a program");
            // Most steps need nothing of the program but one word, and its count of owners is not theirs to move.
            match frame.block.get(frame.at) {
                None => {
                    self.end_of_program(id, choose);
                    break Played::Gone;
                }
                Some(Verb::Hang) => break self.hang(id),
                Some(&Verb::Exit(code)) => break self.exit_verb(id, code, choose),
                Some(_) => {}
            }
            let (block, at) = (frame.block.clone(), frame.at);
            match &block[at] {
                // Entering a loop is no step. A loop without rounds or verbs is one, so that every step comes to an end.
                Verb::Repeat { times, body } if *times > 0 && !body.is_empty() => {
                    let role = Role::Repeat { left: *times };
                    let frame = Frame { block: body.clone(), at: 0, role, progress: Progress::Fresh };
                    self.entry_mut(id).frames.push(frame);
                }
                verb => break self.verb(id, verb, choose),
            }
        };
        match played {
            Played::Done => {
                self.advance(id);
                self.hang_at_once(id);
            }
            Played::Unfinished | Played::Gone => {}
        }
    }

    fn end_of_program(&mut self, id: ProcId, choose: &mut impl Choose) {
        if self.entry(id).is_thread(id) {
            self.end_thread(id);
        } else {
            self.exit_unless_slow(id, ExitStatus::Exited(0), choose);
        }
    }

    fn exit_verb(&mut self, id: ProcId, code: u8, choose: &mut impl Choose) -> Played {
        self.exit_unless_slow(self.process_of(id), ExitStatus::Exited(code), choose);
        Played::Gone
    }

    fn exit_unless_slow(&mut self, process: ProcId, status: ExitStatus, choose: &mut impl Choose) {
        match self.ends_slowly(process, choose) {
            Some(until) => self.linger(process, status, until),
            None if self.closes_first(process, status, choose) => {}
            None => self.exit(process, status),
        }
    }

    /// One call more. A write(2) looks for a signal only where the pipe is full (pipe_write() of Linux), and whoever reads meanwhile may keep
    /// it from ever being so: it may go on when there is room again. Whether it may, because it has written something.
    pub(super) fn play_late(&mut self, id: ProcId, choose: &mut impl Choose) -> bool {
        let written = |kernel: &Kernel| {
            let frames = &kernel.entry(id).frames;
            match frames.last().map(|frame| frame.progress) {
                Some(Progress::Wrote(bytes)) => (frames.len(), bytes),
                Some(_) | None => (frames.len(), 0),
            }
        };
        let before = written(self);
        self.play(id, choose);
        let after = written(self);
        after.0 == before.0 && after.1 > before.1
    }

    /// Whether a thread that was running when a signal was generated gets through one more system call before it acts on it. A fork
    /// does not (it is restarted after the handler, copy_process() of Linux), nor does what waits: both come back at once. Whoever was
    /// within its exit_group(2) is past acting on signals, fatal ones included, and ends as it said.
    pub(super) fn is_late(&mut self, id: ProcId, choose: &mut impl Choose) -> bool {
        let own = self.entry(id);
        if !own.in_flight || own.over || own.mask.starting {
            return false;
        }
        let gets_through = self.is_about_to_exit(id) || self.next_verb(id).is_some_and(is_one_call);
        let own = self.entry(id);
        let site = Site { kind: Kind::Lag, label: own.label, nth: own.steps };
        gets_through && choose.draw(site, Ask::Pick { of: 2 }) == 1
    }

    /// Whether the next step of a thread ends its process by exit_group(2).
    pub(super) fn is_about_to_exit(&self, id: ProcId) -> bool {
        let is_at_end = || self.entry(id).frames.last().is_some_and(|frame| frame.at >= frame.block.len());
        match self.next_verb(id) {
            Some(verb) => matches!(verb, Verb::Exit(_)),
            None => !self.entry(id).is_thread(id) && is_at_end(),
        }
    }

    /// What a thread plays next, if it is no loop.
    pub(super) fn next_verb(&self, id: ProcId) -> Option<&Verb> {
        let mut next = self.entry(id).frames.last().and_then(|frame| frame.block.get(frame.at));
        while let Some(Verb::Repeat { times: 1.., body }) = next {
            next = body.first();
        }
        next
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
            Verb::Busy(range) => self.busy(id, range, choose),
            Verb::Hang => self.hang(id),
            Verb::Repeat { .. } => Played::Done,
            Verb::Spawn { name, body } => {
                // Without a free pid there is no child (EAGAIN), and the program goes on.
                if !self.fork_fault(self.process_of(id), name, choose) {
                    self.fork_puppet(id, name, body);
                }
                Played::Done
            }
            Verb::Daemonize { name, body } => self.daemonize(id, name, body),
            Verb::Wait(name) => self.wait_named(id, name),
            Verb::WaitAll => self.wait_all(id),
            Verb::Lock(file) => self.lock_file(id, file),
            Verb::Listen(port) => self.listen_on(id, *port),
            Verb::Exec(body) => {
                let first = self.become_only_thread(id);
                self.exec(first, body);
                self.announce(first);
                Played::Gone
            }
            Verb::LeaderExit => {
                self.end_thread(id);
                Played::Gone
            }
            Verb::Exit(code) => self.exit_verb(id, *code, choose),
            Verb::Die(signal) => {
                self.raise(id, *signal);
                Played::Done
            }
            Verb::On { .. } | Verb::Block(_) | Verb::Unblock(_) | Verb::Kill { .. } | Verb::Setsid | Verb::Setpgid => {
                self.prompt(id, verb)
            }
            Verb::Close(_) | Verb::Subreaper | Verb::Pdeathsig(_) | Verb::Thread(_) | Verb::Freeze => {
                self.prompt(id, verb)
            }
            Verb::NotifyReady | Verb::Touch(_) => self.prompt(id, verb),
        }
    }

    /// A verb that is one system call and never waits.
    fn prompt(&mut self, id: ProcId, verb: &Verb) -> Played {
        let process = self.process_of(id);
        match verb {
            Verb::On { signal, then } => self.on(process, *signal, then),
            Verb::Block(signal) => self.entry_mut(id).mask.blocked.insert(*signal),
            Verb::Unblock(signal) => self.entry_mut(id).mask.blocked.remove(*signal),
            Verb::Kill { name, signal } => {
                // Without such a child it is ESRCH, with one of another user EPERM, and the program goes on.
                if let Some(child) = self.child_called(process, hash_name(name)) {
                    let _ = self.send(child, *signal, Sender::Process(process));
                }
            }
            Verb::Setsid => self.setsid(process),
            Verb::Setpgid => self.setpgid(process),
            Verb::Close(fd) => self.close(process, *fd),
            Verb::Subreaper => self.become_subreaper(process),
            Verb::Pdeathsig(signal) => self.set_pdeathsig(process, *signal),
            Verb::Thread(body) => self.start_thread(id, body),
            Verb::Freeze => self.generate(process, Signal::STOP, Sender::Process(process)),
            Verb::Touch(file) => self.touch(file),
            Verb::NotifyReady => self.say_ready(process),
            other => unreachable!("{other:?} is not one system call"),
        }
        Played::Done
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
                Role::Handler { blocked } => {
                    let blocked = *blocked;
                    frames.pop();
                    return self.leave_handler(id, blocked);
                }
            }
        }
    }

    fn progress(&mut self, id: ProcId) -> &mut Progress {
        &mut self.entry_mut(id).frames.last_mut().expect("a living thread has a program").progress
    }

    /// sigaction(2). KILL and STOP are refused (EINVAL) and the program goes on.
    fn on(&mut self, process: ProcId, signal: Signal, then: &Handler) {
        if !signal.can_be_caught() {
            return;
        }
        self.entry_mut(process).signals.install(signal, then);
        if self.entry(process).signals.discards(super::sigset::Mask::default(), signal) {
            for thread in self.each_thread(process) {
                self.entry_mut(thread).mask.own.remove(signal);
            }
        }
        self.deeds.push(Deed::Installed { by: process, signal });
    }

    /// flock(2), and the wait for it.
    fn lock_file(&mut self, id: ProcId, file: &Arc<str>) -> Played {
        let opened = match *self.progress(id) {
            Progress::Locking(own) => Some(own),
            Progress::Fresh | Progress::Until(_) | Progress::Left(_) => None,
            Progress::Hanging | Progress::Wrote(_) | Progress::Awaiting(_) => None,
        };
        match self.lock(id, file, opened) {
            Locked::Yes => Played::Done,
            Locked::NotYet(own) => {
                *self.progress(id) = Progress::Locking(own);
                Played::Unfinished
            }
        }
    }

    /// bind(2) and listen(2). Where the port is taken the verb becomes a message and an exit.
    fn listen_on(&mut self, id: ProcId, port: u16) -> Played {
        if self.listen(id, port) {
            return Played::Done;
        }
        let said = Verb::Print { to: Out::Stderr, bytes: port_taken(port).into_bytes().into() };
        let block = Arc::new([said, Verb::Exit(PORT_TAKEN)]);
        let role = Role::Repeat { left: 1 };
        self.entry_mut(id).frames.push(Frame { block, at: 0, role, progress: Progress::Fresh });
        Played::Unfinished
    }

    /// Default disposition, and so not held by a handler; unblocked; raised: it acts in the next step.
    fn raise(&mut self, id: ProcId, signal: Signal) {
        let process = self.process_of(id);
        if signal.can_be_caught() {
            self.entry_mut(process).signals.install(signal, &Handler::Default);
            self.entry_mut(id).mask.blocked.remove(signal);
        }
        self.generate_for(id, signal, Sender::Process(process));
    }
}

/// Whether a verb is a system call that a pending signal does not keep from being made.
fn is_one_call(verb: &Verb) -> bool {
    match verb {
        Verb::Print { .. } | Verb::Write { .. } | Verb::Flood | Verb::Read(_) | Verb::On { .. } => true,
        Verb::Block(_) | Verb::Unblock(_) | Verb::Wait(_) | Verb::WaitAll | Verb::Kill { .. } => true,
        Verb::Setsid | Verb::Setpgid | Verb::Close(_) | Verb::Subreaper | Verb::Pdeathsig(_) => true,
        Verb::Exec(_) | Verb::NotifyReady | Verb::Touch(_) | Verb::Lock(_) | Verb::Listen(_) | Verb::Exit(_) => true,
        Verb::Spawn { .. } | Verb::Daemonize { .. } | Verb::Thread(_) => false,
        Verb::Sleep(_) | Verb::Busy(_) | Verb::Hang | Verb::Repeat { .. } => false,
        Verb::LeaderExit | Verb::Die(_) | Verb::Freeze => false,
    }
}

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
