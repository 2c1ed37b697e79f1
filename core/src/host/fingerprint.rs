//! The fingerprint of a host's state: the same for two moments whose futures are the same, whatever way has led there.
//! A search by re-execution prunes with it. It costs nothing where nobody asks.

use super::Host;
use super::mail::Mail;
use crate::digest::Digest;
use crate::ids::ActorId;
use crate::machine::{Command, Event, Machine};
use crate::reactor::{Owner, UnitKind};
use crate::time::Instant;
use crate::vocab::{Completion, Survey};
use crate::world::World;
use core::hash::Hash;
use core::mem::discriminant;

impl<W: World, A: Machine> Host<W, A> {
    /// What its machines, their mailboxes and their ticks amount to; the world has a fingerprint of its own. `None` where the state
    /// cannot be told: a future is opaque, so a host with tasks has none, and neither has one with a machine that does not tell.
    ///
    /// Operations are not numbered in it, instants are distances from now, and the order in which things became enabled does not
    /// count: with a chooser that picks it decides nothing.
    pub fn fingerprint(&mut self) -> Option<u64> {
        self.alternatives();
        let opaque = |kind: &UnitKind| matches!(kind, UnitKind::Task(_));
        let has_tasks = self.reactor.tasks.borrow().living_count() > 0
            || self.reactor.units.borrow().iter().any(|unit| opaque(&unit.kind));
        if has_tasks {
            return None;
        }
        let now = self.now();
        let mut sum = 0u64;
        for (at, entry) in self.actors.iter().enumerate() {
            let mut digest = Digest::of(entry.label.0);
            if !entry.machine.digest(now, &mut digest) {
                return None;
            }
            digest.number(u64::from(entry.tick_enabled));
            for mail in self.letters.of(entry.mailbox) {
                self.digest_mail(ActorId(at as u32), mail, now, &mut digest);
            }
            sum = sum.wrapping_add(digest.value());
        }
        Some(sum)
    }

    fn digest_mail(&self, to: ActorId, mail: &Mail, now: Instant, into: &mut Digest) {
        match mail {
            Mail::Event(event) => digest_event(event, now, into),
            Mail::Done { op, completion } => {
                let mut ops = self.reactor.ops.borrow_mut();
                let open = ops.get(*op).map(|open| (open.owner == Owner::Actor(to), open.streams));
                (open, discriminant(completion)).hash(into);
                digest_completion(completion, into);
            }
        }
    }
}

fn digest_completion(completion: &Completion, into: &mut Digest) {
    match completion {
        Completion::Spawned(result) => result.as_ref().err().hash(into),
        Completion::SignalFailed(errno) => errno.hash(into),
        Completion::Exited(notice) => notice.hash(into),
        Completion::Written(bytes) => bytes.hash(into),
        Completion::Surveyed(survey) => {
            let Survey { members, holders, exit } = &**survey;
            let names = |of: &[crate::vocab::Survivor], into: &mut Digest| {
                into.number(
                    of.iter().map(|who| Digest::of(0).bytes(who.name.as_bytes()).value()).fold(0, u64::wrapping_add),
                );
            };
            names(members, into);
            names(holders, into);
            exit.hash(into);
        }
        Completion::Readable(streams) => streams.hash(into),
        Completion::Connected(accepted) => accepted.hash(into),
        Completion::Answered(status) => status.hash(into),
        Completion::Traffic(traffic) => traffic.hash(into),
        Completion::Ran(status) => status.hash(into),
        Completion::Filed(answer) => answer.hash(into),
        Completion::Notified | Completion::TaskStarted | Completion::Empty | Completion::Writable => {}
    }
}

/// What can stand in a mailbox: the rest is told within the turn, or comes as an answer.
fn digest_event(event: &Event, now: Instant, into: &mut Digest) {
    discriminant(event).hash(into);
    match event {
        Event::Command(command) => digest_command(command, now, into),
        // How long ago it was decides when what it sets off is due.
        Event::Observed(seen) => {
            (&seen.name, seen.what).hash(into);
            into.instant(seen.at, now);
        }
        Event::Tick
        | Event::Heard { .. }
        | Event::Spawned { .. }
        | Event::SignalFailed { .. }
        | Event::Exited { .. }
        | Event::Empty { .. } => {}
        Event::Output { .. } | Event::Written { .. } | Event::Surveyed { .. } | Event::Ended { .. } => {}
        Event::Traffic { .. } | Event::Answered { .. } | Event::OutputOver { .. } => {}
        Event::Notified { .. } | Event::Connected { .. } | Event::Ran { .. } | Event::News { .. } => {}
    }
}

fn digest_command(command: &Command, now: Instant, into: &mut Digest) {
    discriminant(command).hash(into);
    match command {
        Command::Start | Command::CloseInput => {}
        Command::StartBy(at) | Command::Again { at } => {
            into.instant(now, *at);
        }
        Command::Restart(by) | Command::Hold { by } => by.hash(into),
        Command::GiveUp { on } => on.hash(into),
        Command::Adopt { worker, .. } | Command::Forget(worker) => worker.hash(into),
        Command::Stop { by, deadline }
        | Command::StopWith { by, deadline, policy: _ }
        | Command::Kill { by, deadline } => {
            by.hash(into);
            into.instant(now, *deadline);
        }
        Command::Signal(signal) => signal.hash(into),
        Command::Visit(visit) => visit.hash(into),
        Command::Input(bytes) => {
            into.bytes(bytes);
        }
        Command::Worker(worker, command) => {
            worker.hash(into);
            digest_command(command, now, into);
        }
    }
}
