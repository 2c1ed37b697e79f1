//! The verbs of signals: dispositions, masks, and what a process does to itself; and the playing of handlers.
//! A handler's block is played where its signal interrupted the script, with what is handled held off, and then the mask is as
//! before, as sigreturn(2) leaves it.
//!
//! Sources: sigaction(2), sigprocmask(2), raise(3), prctl(2).

use super::player::Player;
use super::report::What;
use super::signals::{self, Disposition};
use crate::errno;
use shakedown_core::puppet::Handler;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::Errno;
use std::time::Instant;

impl Player {
    /// Acts on what this thread has taken, the lowest number first. What came while a handler ran acts when that returns (sigreturn(2)
    /// opens the mask), and not only when the script waits again: what the handler has interrupted need not wait any more.
    pub(super) fn act(&mut self) {
        while !self.held
            && let Some(signal) = signals::take()
        {
            self.handle(signal);
            self.wait(&mut [], Some(Instant::now()));
        }
    }

    fn handle(&mut self, signal: Signal) {
        let handler = self.own().handlers.get(&signal.number()).cloned();
        let Some(body) = handler.filter(|_| !self.mask.has(signal)) else {
            // Another thread has changed the disposition since, or a handler before this one has blocked it: as if it came only now.
            return self.must("meet a signal again", signals::raise(signal));
        };
        self.say(What::Signalled(signal));
        let before = self.mask;
        self.held = true;
        self.play_block(&body);
        self.held = false;
        self.mask = before;
        self.settle();
    }

    pub(super) fn install(&mut self, signal: Signal, then: &Handler) {
        let own = self.own_mut();
        own.handlers.remove(&signal.number());
        own.ignored.remove(signal);
        let disposition = match then {
            Handler::Ignore => {
                own.ignored.insert(signal);
                Disposition::Ignored
            }
            Handler::Default => Disposition::Default,
            Handler::Run(body) => {
                own.handlers.insert(signal.number(), body.clone());
                Disposition::Noted
            }
        };
        self.dispose(signal, disposition);
        self.say(What::Installed(signal));
    }

    /// A handled signal is blocked before it is noted, so that it waits for the next pause; any other is opened after, so that
    /// one already pending meets its new disposition.
    fn dispose(&mut self, signal: Signal, disposition: Disposition) {
        if disposition == Disposition::Noted {
            self.own_mut().handled.insert(signal);
            self.settle();
        }
        self.must("install a disposition", signals::install(signal, disposition));
        if disposition != Disposition::Noted {
            self.own_mut().handled.remove(signal);
            self.settle();
        }
    }

    pub(super) fn block(&mut self, signal: Signal) {
        self.mask.insert(signal);
        self.settle();
    }

    /// One that is pending has acted when this returns (sigprocmask(2)).
    pub(super) fn unblock(&mut self, signal: Signal) {
        self.mask.remove(signal);
        self.settle();
        self.checkpoint();
    }

    /// Where the default action does not end a process (CHLD, CONT, a stop), the script goes on.
    pub(super) fn die(&mut self, signal: Signal) {
        if signal.can_be_caught() {
            let own = self.own_mut();
            own.handlers.remove(&signal.number());
            own.ignored.remove(signal);
            self.mask.remove(signal);
            self.dispose(signal, Disposition::Default);
        }
        self.must("raise a signal", signals::raise(signal));
    }

    /// All its threads stop.
    pub(super) fn freeze(&self) {
        self.must("stop itself", signals::raise(Signal::STOP));
    }

    /// Without a look at whether the parent still lives: one that is gone never sends it.
    pub(super) fn pdeathsig(&self, signal: Signal) {
        // SAFETY: this option takes a number and touches no memory.
        let answer = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal.number() as libc::c_ulong) };
        let armed: Result<(), Errno> = if answer == 0 { Ok(()) } else { Err(errno::last()) };
        self.must("ask for a signal at its parent's end", armed);
    }
}
