//! What a process opens beside its standard descriptors: files, their locks (flock(2)), listening sockets (listen(2)).
//! An open file description is shared by every process that inherited it, so a grandchild holds a lock or a port as it holds a pipe.

use super::Kernel;
use super::process::Wait;
use shakedown_core::digest::Digest;
use shakedown_core::ids::ProcId;
use std::collections::BTreeSet;
use std::hash::Hash;
use std::sync::Arc;

/// An open file description.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct FileId(u32);

/// What was opened.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Opened {
    /// A file, for its lock; `held` while this description has the lock.
    Lock { file: Arc<str>, held: bool },
    /// A socket that listens on this port.
    Listener { port: u16 },
}

/// One open file description, and how many descriptors refer to it.
struct Description {
    what: Opened,
    holders: u32,
    /// Threads that wait for its lock; some may have gone on since.
    waiters: Vec<ProcId>,
}

/// The files of a run, and what is open.
#[derive(Default)]
pub(super) struct FileTable {
    names: BTreeSet<Arc<str>>,
    open: Vec<Description>,
}

/// What asking for a lock has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Locked {
    /// It is held.
    Yes,
    /// Another description has it; the caller waits.
    NotYet(FileId),
}

impl FileTable {
    pub(super) fn reset(&mut self) {
        if !self.names.is_empty() || !self.open.is_empty() {
            self.names.clear();
            self.open.clear();
        }
    }

    fn holder(&self, file: &str) -> Option<FileId> {
        let has = |d: &Description| matches!(&d.what, Opened::Lock { file: of, held: true } if **of == *file);
        self.open.iter().position(|d| d.holders > 0 && has(d)).map(|at| FileId(at as u32))
    }

    /// What a description is, for whoever compares states: what was opened, and what of it is held.
    pub(super) fn digest(&self, id: FileId, digest: &mut Digest) {
        let Description { what, holders, waiters: _ } = &self.open[id.0 as usize];
        what.hash(digest);
        digest.number(u64::from(*holders));
    }

    fn at(&mut self, id: FileId) -> &mut Description {
        &mut self.open[id.0 as usize]
    }
}

impl Kernel {
    /// Whether a file was made (open(2) with O_CREAT) by any process.
    pub fn file_exists(&self, name: &str) -> bool {
        self.files.names.contains(name)
    }

    /// Whether any process holds the lock of a file (flock(2)).
    pub fn is_locked(&self, name: &str) -> bool {
        self.files.holder(name).is_some()
    }

    /// Whether any process holds a socket that listens on the port. A connection would be accepted, by whoever holds it.
    pub fn is_listening(&self, port: u16) -> bool {
        let is = |d: &Description| matches!(d.what, Opened::Listener { port: of } if of == port);
        self.files.open.iter().any(|d| d.holders > 0 && is(d)) || self.net.is_listening(port)
    }

    /// The living processes that hold a socket which listens on this port, the oldest first.
    pub(super) fn listeners_at(&self, port: u16) -> impl Iterator<Item = ProcId> + '_ {
        let is = move |id: &FileId| self.files.open[id.0 as usize].what == Opened::Listener { port };
        let holds = move |process: &ProcId| {
            let process = self.entry(*process);
            process.life.is_living() && process.rare.as_ref().is_some_and(|rare| rare.files.iter().any(is))
        };
        (0..self.born as u32).map(ProcId).filter(holds)
    }

    /// open(2) with O_CREAT, and close(2).
    pub(super) fn touch(&mut self, name: &Arc<str>) {
        self.files.names.insert(name.clone());
    }

    /// open(2) and flock(2) with LOCK_EX. The description is open from the first try on, also while its lock is waited for.
    pub(super) fn lock(&mut self, thread: ProcId, name: &Arc<str>, opened: Option<FileId>) -> Locked {
        let own = opened.unwrap_or_else(|| {
            self.touch(name);
            self.open(thread, Opened::Lock { file: name.clone(), held: false })
        });
        match self.files.holder(name) {
            Some(other) if other != own => {
                self.files.at(other).waiters.push(thread);
                self.entry_mut(thread).wait = Wait::Lock(own);
                Locked::NotYet(own)
            }
            Some(_) | None => {
                if let Opened::Lock { held, .. } = &mut self.files.at(own).what {
                    *held = true;
                }
                Locked::Yes
            }
        }
    }

    /// bind(2) and listen(2) with SO_REUSEADDR; false where another socket listens there (EADDRINUSE).
    pub(super) fn listen(&mut self, thread: ProcId, port: u16) -> bool {
        let is_free = !self.is_listening(port);
        if is_free {
            self.open(thread, Opened::Listener { port });
        }
        is_free
    }

    fn open(&mut self, thread: ProcId, what: Opened) -> FileId {
        let id = FileId(self.files.open.len() as u32);
        self.files.open.push(Description { what, holders: 1, waiters: Vec::new() });
        let process = self.process_of(thread);
        self.entry_mut(process).rare_mut().files.push(id);
        id
    }

    /// fork(2): the child's descriptors refer to the same descriptions.
    pub(super) fn share_files(&mut self, child: ProcId) {
        let Some(rare) = &self.procs[child.index()].rare else { return };
        for &id in &rare.files {
            self.files.at(id).holders += 1;
        }
    }

    /// Whether somebody waits for a lock that goes with this process.
    pub(super) fn is_lock_awaited(&self, process: ProcId) -> bool {
        let waits = |waiter: &ProcId| matches!(self.entry(*waiter).wait, Wait::Lock(_));
        self.entry(process).rare.as_ref().is_some_and(|rare| {
            let mut own = rare.files.iter().map(|id| &self.files.open[id.0 as usize]);
            own.any(|description| description.holders == 1 && description.waiters.iter().any(waits))
        })
    }

    /// A process closes all of its files. The last holder's leaving frees a port, and a lock for whoever waits.
    pub(super) fn close_files(&mut self, process: ProcId) {
        let Some(rare) = &mut self.entry_mut(process).rare else { return };
        for id in std::mem::take(&mut rare.files) {
            let description = self.files.at(id);
            description.holders -= 1;
            if description.holders > 0 {
                continue;
            }
            for waiter in std::mem::take(&mut description.waiters) {
                let thread = self.entry_mut(waiter);
                // Others have been interrupted or have died since.
                if let Wait::Lock(_) = thread.wait {
                    thread.wait = Wait::Nothing;
                    self.announce(waiter);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::KernelReady;
    use super::super::check::{Answers, exited, play};
    use shakedown_core::signal::Signal;

    /// SEMANTICS C33, flock(2): the lock is the description's, so whoever inherited it holds it too.
    #[test]
    fn a_lock_is_held_until_its_last_inheritor_has_ended() {
        let script = "spawn a { lock l; spawn b { sleep 20ms }; exit 0 }; wait a; spawn c { lock l; print got }; wait all; exit 3";
        let mut check = play(script);
        check.pass(19);
        assert!(check.kernel.is_locked("l") && check.kernel.file_exists("l"));
        assert_eq!(check.stdout(), "");
        check.pass(5);
        assert_eq!((check.stdout().as_str(), check.status("w/main")), ("got\n", exited(3)));
        assert!(!check.kernel.is_locked("l"));
    }

    /// flock(2): a second description of the same process is a stranger to the first.
    #[test]
    fn a_process_that_locks_twice_waits_for_itself() {
        let mut check = play("lock l; print one; lock l; print two");
        check.pass(100);
        assert_eq!(check.stdout(), "one\n");
        assert!(check.alive("w/main"));
        check.kill("w/main", Signal::KILL);
        assert!(!check.kernel.is_locked("l"));
    }

    /// flock(2) is restarted after a handler, as with SA_RESTART.
    #[test]
    fn a_handler_interrupts_a_wait_for_a_lock_and_the_wait_goes_on() {
        let mut check = play("spawn a { lock l; sleep 50ms }; sleep 1ms; on USR1 print usr1; lock l; print got; hang");
        check.pass(9);
        check.kill("w/main", Signal::USR1);
        assert_eq!(check.stdout(), "usr1\n");
        check.pass(50);
        assert_eq!(check.stdout(), "got\n");
    }

    /// SEMANTICS C5, C33: do_exit() closes descriptors before it tells the parent, who may have gone on with the lock by then.
    #[test]
    fn a_lock_may_be_had_some_time_before_its_holders_end_is_told() {
        for (answer, printed) in [(0, ""), (1, "got\n")] {
            for end in ["exit 0", "die TERM"] {
                let script = format!(
                    "on CHLD exit 3; spawn a {{ lock l; sleep 5ms; {end} }}; sleep 1ms; lock l; print got; hang"
                );
                let mut check = play(&script);
                check.pass(4);
                check.kernel.set_now(check.kernel.next_timer().expect("it sleeps"));
                check.kernel.fire_timers();
                let (main, a) = (check.find("w/main"), check.find("w/a"));
                let mut ready = std::collections::BTreeSet::new();
                loop {
                    while let Some(KernelReady::Step { proc, .. }) = check.kernel.next_ready() {
                        ready.insert(proc);
                    }
                    // As soon as it can its parent goes on.
                    let next = if ready.contains(&main) { main } else { a };
                    if !ready.remove(&next) {
                        break;
                    }
                    check.kernel.run(next, &mut Answers(answer));
                }
                assert_eq!((check.stdout().as_str(), check.status("w/main")), (printed, exited(3)), "{answer}, {end}");
            }
        }
    }

    /// SEMANTICS C33: mongoose#1302, the port stays taken while a child holds the socket.
    #[test]
    fn a_port_is_taken_while_a_child_holds_the_socket() {
        let mut check = play(
            "spawn a { listen 8080; spawn b { sleep 20ms }; exit 0 }; wait a; spawn c { listen 8080 }; wait c; hang",
        );
        check.pass(9);
        assert_eq!(check.status("w/c"), exited(98));
        assert!(check.kernel.is_listening(8080));
        check.pass(20);
        assert!(!check.kernel.is_listening(8080));
    }

    /// SEMANTICS C4: what is not close-on-exec stays open.
    #[test]
    fn exec_keeps_locks_and_sockets() {
        let mut check = play("lock l; listen 8080; exec { sleep 5ms }");
        check.settle();
        assert!(check.kernel.is_locked("l") && check.kernel.is_listening(8080));
        check.pass(9);
        assert!(!check.kernel.is_locked("l") && !check.kernel.is_listening(8080));
    }
}
