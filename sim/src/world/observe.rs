//! What is seen of processes, for whoever waits for it or tells it: the deeds of the kernel in the words of a run that is real.

use super::{Moment, SimWorld};
use shakedown_core::choose::Choose;
use shakedown_core::ids::ProcId;
use shakedown_core::vocab::{Deed, ProcessEvent, ProcessWhat, Truth};
use shakedown_core::world::Ready;

impl<C: Choose + 'static> SimWorld<C> {
    /// Tells the chooser whom a deed was done to.
    pub(super) fn touch(&mut self, deed: &Deed) {
        let whom = match *deed {
            Deed::Born { child, .. } => child,
            Deed::Signalled { to, .. } | Deed::Delivered { to, .. } => to,
            Deed::Reaped { who, .. } | Deed::Died { who, .. } => who,
            Deed::Adopted { .. } | Deed::Execed { .. } | Deed::Installed { .. } | Deed::Wrote { .. } => return,
        };
        self.chooser.touched(self.kernel.label_of(whom));
    }

    pub(super) fn observe(&mut self, deed: &Deed) {
        let (who, what) = match *deed {
            Deed::Born { child, ref name, .. } => {
                if self.names.len() <= child.index() {
                    self.names.resize(child.index() + 1, "".into());
                }
                self.names[child.index()] = name.clone();
                (child, ProcessWhat::Started)
            }
            Deed::Delivered { to, signal } => (to, ProcessWhat::Signalled(signal)),
            Deed::Installed { by, signal } => (by, ProcessWhat::Installed(signal)),
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
}
