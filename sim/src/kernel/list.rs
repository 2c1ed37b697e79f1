//! Intrusive lists of processes: children, zombies, groups, sessions, units.
//! A process joins and leaves each in constant time, in order of arrival, without an allocation.

use super::process::Process;
use shakedown_core::ids::ProcId;

/// Which of a process's links a list runs through.
#[derive(Clone, Copy)]
pub(super) enum Chain {
    /// The living children of a parent, or its zombies: a process is in one of the two.
    Siblings,
    /// The members of a process group, zombies included.
    Group,
    /// The members of a session, zombies included.
    Session,
    /// The living descendants of a unit, by birth.
    Unit,
    /// The living members of a control group other than the root.
    Cgroup,
}

/// A process or nobody, in four bytes: each process has ten of them.
#[derive(Clone, Copy, Hash)]
struct Link(u32);

impl Link {
    const NOBODY: Link = Link(u32::MAX);

    fn to(id: ProcId) -> Link {
        Link(id.0)
    }

    fn get(self) -> Option<ProcId> {
        if self.0 == u32::MAX { None } else { Some(ProcId(self.0)) }
    }
}

impl Default for Link {
    fn default() -> Link {
        Link::NOBODY
    }
}

/// The neighbours of a process in one list.
#[derive(Clone, Copy, Default)]
pub(super) struct Links {
    prev: Link,
    next: Link,
}

impl Links {
    pub(super) fn next(self) -> Option<ProcId> {
        self.next.get()
    }
}

/// A list; its links live in the processes.
#[derive(Clone, Copy, Default, Hash)]
pub(super) struct List {
    head: Link,
    tail: Link,
    pub(super) len: u32,
}

impl List {
    /// The list with `id` at its end.
    #[must_use]
    pub(super) fn push(self, procs: &mut [Process], chain: Chain, id: ProcId) -> List {
        procs[id.index()].links[chain as usize] = Links { prev: self.tail, next: Link::NOBODY };
        match self.tail.get() {
            Some(tail) => procs[tail.index()].links[chain as usize].next = Link::to(id),
            None => return List { head: Link::to(id), tail: Link::to(id), len: 1 },
        }
        List { head: self.head, tail: Link::to(id), len: self.len + 1 }
    }

    /// The list without `id`, which must be in it.
    #[must_use]
    pub(super) fn remove(self, procs: &mut [Process], chain: Chain, id: ProcId) -> List {
        let Links { prev, next } = procs[id.index()].links[chain as usize];
        if let Some(prev) = prev.get() {
            procs[prev.index()].links[chain as usize].next = next;
        }
        if let Some(next) = next.get() {
            procs[next.index()].links[chain as usize].prev = prev;
        }
        List {
            head: if prev.get().is_none() { next } else { self.head },
            tail: if next.get().is_none() { prev } else { self.tail },
            len: self.len - 1,
        }
    }

    /// Whether nobody is in it.
    pub(super) fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Who came first.
    pub(super) fn head(self) -> Option<ProcId> {
        self.head.get()
    }

    /// Its members, first come first. For walks that change processes follow [`Process::next`] instead.
    pub(super) fn iter(self, procs: &[Process], chain: Chain) -> impl Iterator<Item = ProcId> + '_ {
        core::iter::successors(self.head(), move |id| procs[id.index()].next(chain))
    }

    /// Its members, last come first.
    pub(super) fn iter_back(self, procs: &[Process], chain: Chain) -> impl Iterator<Item = ProcId> + '_ {
        core::iter::successors(self.tail.get(), move |id| procs[id.index()].links[chain as usize].prev.get())
    }
}
