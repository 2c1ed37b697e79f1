//! Where a choice is asked: (kind, label, n-th). Answers keyed so survive unrelated edits of the program under test.

/// What kind of question a site asks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Kind {
    /// The order of a task's poll among the enabled actions.
    Poll,
    /// The order of the delivery of a machine's next event.
    Mail,
    /// The order of a machine's deadline.
    Tick,
    /// The order of a step of the world: a simulated process runs.
    Step,
    /// How late a timer fires, or whether a signal reaches a running process only after its next system call.
    Lag,
    /// A duration drawn from a range.
    Span,
    /// A branch of `select!`, a user's `choose`, a drawn limit.
    Pick,
    /// Whether a fault strikes.
    Fault,
    /// Random bits asked by a user's task.
    Random,
    /// The next deadline comes, although something is enabled. Only where the chooser picks.
    Clock,
    /// How many earlier answers a world's answer overtakes on its way to a machine.
    Arrival,
    /// With which deadline a drawn duration ends, of those that fall into its range; 0 with none.
    Tie,
    /// Whether a process crashes instead of taking its next step.
    Crash,
    /// Whether a limit of the world is as small as it can be.
    Limit,
    /// Whether a program does something rare that it is allowed to do.
    Buggify,
}

impl Kind {
    /// All of them, with their names in files.
    pub const ALL: [(&'static str, Kind); 15] = [
        ("poll", Kind::Poll),
        ("mail", Kind::Mail),
        ("tick", Kind::Tick),
        ("step", Kind::Step),
        ("lag", Kind::Lag),
        ("span", Kind::Span),
        ("pick", Kind::Pick),
        ("fault", Kind::Fault),
        ("random", Kind::Random),
        ("clock", Kind::Clock),
        ("arrival", Kind::Arrival),
        ("tie", Kind::Tie),
        ("crash", Kind::Crash),
        ("limit", Kind::Limit),
        ("buggify", Kind::Buggify),
    ];

    /// Its name in a file.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Kind> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }
}

/// The name of an actor, task or process, hashed together with the names of its ancestors.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Label(pub u64);

impl Label {
    /// The root of all labels.
    pub const ROOT: Label = Label(0x5a17_ed0c_0ffe_e000);

    /// The label of the `nth` child of this name.
    #[must_use]
    pub fn child(self, name: &str, nth: u32) -> Label {
        self.child_hashed(hash_name(name), nth)
    }

    /// As [`child`](Self::child), where the name's hash is at hand.
    #[must_use]
    pub const fn child_hashed(self, name: u64, nth: u32) -> Label {
        Label(mix(self.0.rotate_left(17) ^ name ^ (nth as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }
}

/// The place of one choice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Site {
    /// What is asked.
    pub kind: Kind,
    /// Who asks.
    pub label: Label,
    /// How often this label has asked this kind before.
    pub nth: u32,
}

impl Site {
    /// A number that is the same for the same site in every run, on every machine and in every version of the format.
    pub const fn hash(self) -> u64 {
        self.label.0 ^ ((self.kind as u64) << 56) ^ (self.nth as u64).wrapping_mul(0xd1b5_4a32_d192_ed03)
    }
}

/// FNV-1a, 64 bits: the hash of names in labels. Part of the file format.
pub const fn hash_name(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let mut h = 0xcbf2_9ce4_8422_2325u64;
    let mut i = 0;
    while i < bytes.len() {
        h = (h ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    h
}

/// A finaliser of 64 bits (splitmix64's, Steele, Lea and Flood 2014): every input bit reaches every output bit.
pub const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name() {
        for (name, kind) in Kind::ALL {
            assert_eq!((kind.name(), Kind::parse(name)), (name, Some(kind)));
        }
        assert_eq!(Kind::parse("pole"), None);
    }
}
