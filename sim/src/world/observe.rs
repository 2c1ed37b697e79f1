//! What is seen of processes, for whoever waits for it or tells it: the deeds of the kernel in the words of a run that is real.

use super::{Moment, SimWorld, scene};
use shakedown_core::choose::Choose;
use shakedown_core::ids::ProcId;
use shakedown_core::journal::{SinkCounts, SinkSpec, WhenFull};
use shakedown_core::oracle::Names;
use shakedown_core::vocab::{Completion, Deed, ProcessEvent, ProcessWhat, Truth};
use shakedown_core::world::Ready;

impl<C: Choose + 'static> SimWorld<C> {
    /// Keeps a deed for whoever asks for it. Out of line: most simulations keep none.
    #[inline(never)]
    pub(super) fn watch(&mut self, deed: &Deed) {
        self.witness.deed(deed);
        if self.config.trail {
            self.trail.add(&(self.clock, deed));
        }
        if let Deed::Born { child, .. } = *deed {
            let name = self.kernel.full_name(child);
            self.witness.named(child, name);
            if self.config.trail {
                self.trail.add(name);
            }
        }
        if self.chooser.picks() {
            self.touch(deed);
        }
        if self.config.history || self.config.observed {
            self.observe(deed);
        }
    }

    /// Tells the chooser whom a deed was done to.
    fn touch(&mut self, deed: &Deed) {
        let whom = match *deed {
            Deed::Born { child, .. } => child,
            Deed::Signalled { to, .. } | Deed::Delivered { to, .. } => to,
            Deed::Reaped { who, .. } | Deed::Died { who, .. } => who,
            Deed::Adopted { .. } | Deed::Execed { .. } | Deed::Installed { .. } | Deed::Wrote { .. } => return,
        };
        self.chooser.touched(self.kernel.label_of(whom));
    }

    fn observe(&mut self, deed: &Deed) {
        let (who, what) = match *deed {
            Deed::Born { child, .. } => {
                if self.names.len() <= child.index() {
                    self.names.resize(child.index() + 1, "".into());
                }
                self.names[child.index()] = self.kernel.full_name(child).clone();
                (child, ProcessWhat::Started)
            }
            Deed::Delivered { to, signal } => (to, ProcessWhat::Signalled(signal)),
            Deed::Installed { by, signal } => (by, ProcessWhat::Installed(signal)),
            // The supervisor itself is nobody's worker.
            Deed::Died { who, .. } if who == self.kernel.host() => return,
            Deed::Died { who, status } => (who, ProcessWhat::Exited(status)),
            Deed::Signalled { .. } | Deed::Execed { .. } | Deed::Reaped { .. } => return,
            Deed::Adopted { .. } | Deed::Wrote { .. } => return,
        };
        self.note(who, what);
    }

    fn note(&mut self, who: ProcId, what: ProcessWhat) {
        let Some(name) = self.names.get(who.index()) else { return };
        let pid = self.kernel.process(who).pid.as_raw();
        let event = ProcessEvent { at: self.clock, name: name.clone(), pid, what };
        if self.config.observed {
            self.answers.push_back(Ready::Observed(event.clone()));
        }
        if self.config.history && !self.history_over {
            self.history.push(Moment::Process(event));
        }
    }

    /// Before time passes, once a file was slow or has failed: whether output fills its pipe and nobody waits to read it. Where the
    /// journal is to be waited for, somebody may well do so; and a notice that is late was waited for.
    pub(super) fn look_at_pumps(&mut self) {
        let waits = |sink: &SinkSpec| sink.when_full == WhenFull::Block;
        let is_late = |ready: &Ready| matches!(ready, Ready::Done { completion: Completion::Readable(_), .. });
        if self.plan.plan().and_then(|plan| plan.journal.as_deref()).is_some_and(waits)
            || self.late.values().any(is_late)
        {
            return;
        }
        if let Some(unit) = self.kernel.stalled_output() {
            self.audit.stalled(unit, &scene!(self));
        }
    }

    /// The session is over, and this is what its journal says that it has done.
    pub(crate) fn journal_ended(&mut self, counts: &SinkCounts) {
        self.audit.journal_ended(counts, &scene!(self));
    }

    /// After whatever was done to a file: what whoever reads the session's status file would find.
    pub(super) fn look_at_status(&mut self) {
        let Some(path) = self.plan.plan().and_then(|plan| plan.status.clone()) else { return };
        let (now, after_crash) = (self.disk.content(&path), self.disk.after_crash(&path));
        self.audit.looked_at_status(now, &after_crash, &scene!(self));
    }
}
