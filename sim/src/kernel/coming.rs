//! What is settled in a kernel and has not shown yet. A search that knows what must not show cuts a run here, long before it does.

use super::fd::stream_of;
use super::pipe::Pipe;
use super::process::Life;
use super::{HOST, Kernel};
use shakedown_core::ids::ProcId;
use shakedown_core::puppet::Verb;
use shakedown_core::signal::Signal;
use shakedown_core::site::Label;
use shakedown_core::vocab::Stream;

/// Something that is certain to come, unless the run ends before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Coming<'a> {
    /// Bytes that stand in a pipe to the host.
    Output {
        /// Whose output.
        worker: &'a str,
        /// Which of the two.
        stream: Stream,
        /// How many bytes it has carried before these.
        from: u64,
        /// They, in two parts.
        bytes: [&'a [u8]; 2],
    },
    /// A process that a fatal signal has reached.
    Death {
        /// Its name.
        name: &'a str,
        /// Its label.
        label: Label,
        /// The signal: what is sent later cannot change it.
        signal: Signal,
    },
    /// A process that acts on a signal next, or dies before: a handler is about to run.
    Act {
        /// Its name.
        name: &'a str,
        /// Its label.
        label: Label,
    },
}

impl Kernel {
    /// Shows all that is coming, until `see` has seen enough and says false; whether it has not.
    pub fn coming(&self, see: &mut dyn FnMut(&Coming<'_>) -> bool) -> bool {
        let outputs = self.pipes.every().filter_map(|pipe| self.coming_output(pipe));
        let deaths = (HOST.index() + 1..self.born).filter_map(|at| self.coming_death(ProcId(at as u32)));
        let acts = (HOST.index() + 1..self.born).filter_map(|at| self.coming_act(ProcId(at as u32)));
        outputs.chain(deaths).chain(acts).all(|coming| see(&coming))
    }

    fn coming_output<'a>(&'a self, pipe: &'a Pipe) -> Option<Coming<'a>> {
        let stream = stream_of(pipe.fd)?;
        let (from, bytes) = pipe.unread();
        let worker = &self.units.get(pipe.unit)?.worker;
        (pipe.readers > 0 && !bytes[0].is_empty()).then_some(Coming::Output { worker, stream, from, bytes })
    }

    /// Whether the one call that a signal may find under way shows, or forestalls it: an installation, or the exit.
    fn may_show(&self, id: ProcId) -> bool {
        let installs = |thread| matches!(self.next_verb(thread), Some(Verb::On { .. }));
        let shows = |thread| self.entry(thread).in_flight && (installs(thread) || self.is_about_to_exit(thread));
        self.each_thread(id).any(shows)
    }

    /// Where one call is under way, that one must neither show nor change what the signal meets. Of several threads any may act.
    fn coming_act(&self, id: ProcId) -> Option<Coming<'_>> {
        let process = self.entry(id);
        let is_alone =
            !process.is_thread(id) && !process.over && process.rare.as_ref().is_none_or(|rare| rare.is_plain());
        if process.life != Life::Alive || !is_alone || !process.signals.is_about_to_be_caught(&process.mask) {
            return None;
        }
        let changes = matches!(self.next_verb(id), Some(Verb::On { .. } | Verb::Block(_) | Verb::Exec(_)));
        let may_differ = process.in_flight && (changes || self.is_about_to_exit(id));
        (!may_differ).then_some(Coming::Act { name: &process.name, label: process.label })
    }

    fn coming_death(&self, id: ProcId) -> Option<Coming<'_>> {
        let process = self.entry(id);
        match process.life {
            // Another one may have been faster, or one more disposition or its own exit comes first.
            Life::Dying(_) if !process.signals.perhaps_fatal().is_empty() || self.may_show(id) => None,
            Life::Dying(signal) => Some(Coming::Death { name: &process.name, label: process.label, signal }),
            Life::Alive | Life::Stopped | Life::Zombie(_) | Life::Reaped(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::play;
    use super::*;

    #[test]
    fn a_death_is_foreseen_once_nothing_can_come_before_it() {
        use Signal as S;
        for (script, is_settled, signals, foreseen) in [
            ("hang", true, &[S::TERM, S::KILL][..], Some(S::TERM)),
            ("print a; hang", false, &[S::TERM], Some(S::TERM)),
            // Which of the two it is depends on whether it runs.
            ("on USR1 print a; hang", true, &[S::USR1, S::TERM, S::KILL], None),
            // One call that is under way may still be made, and this one shows.
            ("on HUP ignore; hang", false, &[S::TERM], None),
            // It may be exiting already.
            ("exit 3", false, &[S::KILL], None),
        ] {
            let mut check = play(script);
            if is_settled {
                check.settle();
            }
            let pid = check.pid("w/main");
            signals.iter().for_each(|signal| check.kernel.kill(pid, *signal).expect("it lives"));
            let mut seen = None;
            check.kernel.coming(&mut |coming| {
                if let Coming::Death { signal, .. } = coming {
                    seen = Some(*signal);
                }
                true
            });
            assert_eq!(seen, foreseen, "{script} {signals:?}");
        }
    }

    #[test]
    fn an_act_is_foreseen_once_only_a_death_can_come_before_it() {
        use Signal as S;
        for (script, is_settled, signals, is_foreseen) in [
            ("on USR1 print a; hang", true, &[S::USR1][..], true),
            // Which of the two it is depends on whether it runs.
            ("on USR1 print a; hang", true, &[S::USR1, S::TERM], false),
            // A continue takes a stop away again.
            ("on TSTP print a; hang", true, &[S::TSTP], false),
            ("on USR1 print a; block USR1; hang", true, &[S::USR1], false),
            ("on USR1 print a; thread { hang }; hang", true, &[S::USR1], false),
            // It has installed nothing yet.
            ("on USR1 print a; hang", false, &[S::USR1], false),
        ] {
            let mut check = play(script);
            if is_settled {
                check.settle();
            }
            let pid = check.pid("w/main");
            signals.iter().for_each(|signal| check.kernel.kill(pid, *signal).expect("it lives"));
            let mut seen = false;
            check.kernel.coming(&mut |coming| {
                seen |= matches!(coming, Coming::Act { name: "w/main", .. });
                true
            });
            assert_eq!(seen, is_foreseen, "{script} {signals:?}");
        }
    }
}
