//! What programs may still come to. A search that knows what must yet be seen gives a run up here, once nobody is left who could show it.

use super::fd::stream_of;
use super::pipe::Pipe;
use super::process::Life;
use super::sigset::SignalSet;
use super::{HOST, Kernel};
use shakedown_core::ids::ProcId;
use shakedown_core::puppet::{Handler, Out, Verb};
use shakedown_core::signal::Signal;
use shakedown_core::vocab::Stream;
use std::sync::Arc;

/// Something that a program may still do, and need not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ahead<'a> {
    /// It lives, and may not have been seen yet.
    Lives {
        /// Its name, as it is seen: `server/helper`.
        name: &'a str,
    },
    /// A process may be born.
    Birth {
        /// Its worker.
        worker: &'a str,
        /// What the script calls it.
        called: &'a Arc<str>,
    },
    /// More may be written to an output.
    Output {
        /// Its worker.
        worker: &'a str,
        /// Which of the two.
        stream: Stream,
    },
    /// A process may send this, or the kernel because it was asked to.
    Sends {
        /// Its worker.
        worker: &'a str,
        /// What.
        signal: Signal,
    },
    /// A process has a handler for this, or may have one.
    Handles {
        /// Its name.
        name: &'a str,
        /// What for.
        signal: Signal,
    },
    /// A process may act on this: it was sent.
    Sent {
        /// To whom, by its name.
        name: &'a str,
        /// What.
        signal: Signal,
    },
}

impl Kernel {
    /// Shows all that may still come of those who live, more rather than less. Of a worker that has not started nothing is known.
    pub fn ahead<'a>(&'a self, see: &mut dyn FnMut(Ahead<'a>)) {
        for at in HOST.index() + 1..self.born {
            let (id, process) = (ProcId(at as u32), &self.procs[at]);
            if process.is_thread(id) {
                continue;
            }
            let worker = process.name.split_once('/').map_or("", |(worker, _)| worker);
            match process.life {
                Life::Alive | Life::Stopped => self.script_ahead(id, worker, see),
                // It may get through one more call, and no call of a script forks.
                Life::Dying(signal) => {
                    see(Ahead::Sent { name: &process.name, signal });
                    let late = self.each_thread(id).filter(|thread| self.entry(*thread).in_flight);
                    late.filter_map(|thread| self.next_verb(thread)).for_each(|verb| verb_ahead(verb, worker, see));
                }
                Life::Zombie(_) | Life::Reaped(_) => continue,
            }
            see(Ahead::Lives { name: &process.name });
            let pending =
                self.each_thread(id).map(|thread| self.entry(thread).mask.own).chain([process.signals.pending()]);
            pending.flat_map(SignalSet::each).for_each(|signal| see(Ahead::Sent { name: &process.name, signal }));
            if let Some(signal) = process.rare.as_ref().and_then(|rare| rare.pdeathsig) {
                see(Ahead::Sends { worker, signal });
            }
        }
        for (unit, signals, ..) in self.walks.every() {
            let worker = self.units.get(unit).map_or("", |unit| &*unit.worker);
            signals.into_iter().flatten().for_each(|signal| see(Ahead::Sends { worker, signal }));
        }
    }

    /// How many bytes were ever written to an output of this worker; `None` unless somebody may still read it.
    pub fn written(&self, worker: &str, stream: Stream) -> Option<u64> {
        let is_it = |pipe: &&Pipe| {
            let of = self.units.get(pipe.unit);
            stream_of(pipe.fd) == Some(stream) && pipe.readers > 0 && of.is_some_and(|unit| *unit.worker == *worker)
        };
        self.pipes.every().find(is_it).map(Pipe::carried)
    }

    fn script_ahead<'a>(&'a self, id: ProcId, worker: &'a str, see: &mut dyn FnMut(Ahead<'a>)) {
        let name = &*self.entry(id).name;
        for thread in self.each_thread(id) {
            for frame in &self.entry(thread).frames {
                block_ahead(&frame.block[frame.at.min(frame.block.len())..], Some(name), worker, see);
            }
        }
        for (signal, block) in self.entry(id).signals.handlers() {
            see(Ahead::Handles { name, signal: *signal });
            block_ahead(block, Some(name), worker, see);
        }
    }
}

/// `name` is who plays it, where it is born already.
fn block_ahead<'a>(block: &'a [Verb], name: Option<&'a str>, worker: &'a str, see: &mut dyn FnMut(Ahead<'a>)) {
    for verb in block {
        verb_ahead(verb, worker, see);
        if let (Verb::On { signal, .. }, Some(name)) = (verb, name) {
            see(Ahead::Handles { name, signal: *signal });
        }
        if let Verb::Spawn { name: called, body } | Verb::Daemonize { name: called, body } = verb {
            see(Ahead::Birth { worker, called });
            block_ahead(body, None, worker, see);
        }
        if let Verb::Repeat { body, .. }
        | Verb::Exec(body)
        | Verb::Thread(body)
        | Verb::On { then: Handler::Run(body), .. } = verb
        {
            block_ahead(body, name, worker, see);
        }
    }
}

/// What a verb does by itself. A port that is taken is complained of.
fn verb_ahead<'a>(verb: &Verb, worker: &'a str, see: &mut dyn FnMut(Ahead<'a>)) {
    match verb {
        Verb::Print { to, .. } | Verb::Write { to, .. } => see(Ahead::Output { worker, stream: stream(*to) }),
        Verb::Flood => see(Ahead::Output { worker, stream: Stream::Stdout }),
        Verb::Listen(_) => see(Ahead::Output { worker, stream: Stream::Stderr }),
        Verb::Kill { signal, .. } | Verb::Die(signal) | Verb::Pdeathsig(signal) => {
            see(Ahead::Sends { worker, signal: *signal });
        }
        Verb::Read(_) | Verb::Sleep(_) | Verb::Busy(_) | Verb::Hang | Verb::Repeat { .. } | Verb::On { .. } => {}
        Verb::Block(_) | Verb::Unblock(_) | Verb::Spawn { .. } | Verb::Daemonize { .. } | Verb::Wait(_) => {}
        Verb::WaitAll | Verb::Setsid | Verb::Setpgid | Verb::Subreaper | Verb::Close(_) | Verb::Exec(_) => {}
        Verb::Thread(_) | Verb::LeaderExit | Verb::NotifyReady | Verb::Touch(_) | Verb::Lock(_) => {}
        Verb::Exit(_) | Verb::Freeze => {}
    }
}

fn stream(to: Out) -> Stream {
    match to {
        Out::Stdout => Stream::Stdout,
        Out::Stderr => Stream::Stderr,
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::play;
    use super::*;

    #[test]
    fn who_lives_may_do_what_is_left_of_its_script_and_who_dies_one_call_more() {
        let script = "print a; spawn b { eprint c }; on USR1 { print d }; kill b TERM; hang";
        let hang = "on USR1 { print d }; hang";
        for (script, is_settled, signal, births, outputs) in [
            (script, false, None, 1, 3),
            (script, true, None, 0, 1),
            (script, false, Some(Signal::TERM), 0, 1),
            (script, true, Some(Signal::KILL), 0, 0),
            (hang, true, None, 0, 1),
            (hang, true, Some(Signal::TERM), 0, 0),
            ("spawn b { hang }; hang", true, Some(Signal::TERM), 0, 0),
            ("repeat 2 { print a }; exec { print b }", false, None, 0, 2),
        ] {
            let mut check = play(script);
            if is_settled {
                check.settle();
            }
            let pid = check.pid("w/main");
            signal.into_iter().for_each(|signal| check.kernel.kill(pid, signal).expect("it lives"));
            let mut seen = (0, 0);
            check.kernel.ahead(&mut |ahead| match ahead {
                Ahead::Birth { .. } => seen.0 += 1,
                Ahead::Output { .. } => seen.1 += 1,
                Ahead::Lives { .. } | Ahead::Sends { .. } | Ahead::Handles { .. } | Ahead::Sent { .. } => {}
            });
            assert_eq!(seen, (births, outputs), "{script} {signal:?}");
        }
    }

    #[test]
    fn a_signal_comes_from_a_script_a_mask_or_a_dying_parent() {
        for (script, sends, sent) in [
            ("spawn b { hang }; sleep 1s; kill b TERM; hang", vec![Signal::TERM], vec![]),
            ("pdeathsig USR1; hang", vec![Signal::USR1], vec![]),
            ("sleep 1s; die INT", vec![Signal::INT], vec![]),
            ("block TERM; spawn b { hang }; kill b TERM; hang", vec![], vec![Signal::TERM]),
        ] {
            let mut check = play(script);
            check.settle();
            let mut seen = (Vec::new(), Vec::new());
            check.kernel.ahead(&mut |ahead| match ahead {
                Ahead::Sends { signal, .. } => seen.0.push(signal),
                Ahead::Sent { signal, .. } => seen.1.push(signal),
                Ahead::Lives { .. } | Ahead::Birth { .. } | Ahead::Output { .. } | Ahead::Handles { .. } => {}
            });
            assert_eq!(seen, (sends, sent), "{script}");
        }
    }

    /// Once the host has closed its end nothing is known of an output.
    #[test]
    fn what_was_written_is_known_while_somebody_reads() {
        let mut check = play("print a; print b; hang");
        assert_eq!(check.kernel.written("w", Stream::Stdout), Some(0));
        check.settle();
        check.stdout();
        assert_eq!(check.kernel.written("w", Stream::Stdout), Some(4));
        check.kernel.close_output(super::super::check::U, Stream::Stdout);
        assert_eq!(check.kernel.written("w", Stream::Stdout), None);
    }
}
