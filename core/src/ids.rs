//! Identities as types: none of them is a bare number that could be taken for another.

use core::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($int:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub $int);

        impl $name {
            /// The number as an index.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id! {
    /// A slot of the executor: one async task. Slots are reused, labels are not.
    TaskId(u32)
}
id! {
    /// A machine on a host. Never reused within one host.
    ActorId(u32)
}
id! {
    /// One submitted effect, from its submission to its completion. Never reused within one host.
    OpId(u64)
}
id! {
    /// One incarnation of a unit: given by whoever asks for the spawn, before it happens. Never reused within one host.
    UnitId(u32)
}
id! {
    /// A worker of a session, in the order of the plan.
    WorkerId(u32)
}
id! {
    /// An open file of a host, as its world numbers them. Never reused within one world.
    FileId(u32)
}
id! {
    /// A process of the simulated kernel, or one that reported itself for real: unlike a [`Pid`] it is never reused.
    ProcId(u32)
}

/// A process id as the kernel numbers them; it may be reused as soon as its holder is reaped, so it names nobody by itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Pid(i32);

impl Pid {
    /// A pid from a number; `None` unless it is positive (0 and negative numbers mean groups to kill(2)).
    pub const fn new(n: i32) -> Option<Pid> {
        if n > 0 { Some(Pid(n)) } else { None }
    }

    /// The number.
    pub const fn as_raw(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
