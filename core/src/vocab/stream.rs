//! The outputs of a unit, and sets of them.

use core::fmt;

/// One of a unit's outputs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stream {
    /// Descriptor 1.
    Stdout,
    /// Descriptor 2.
    Stderr,
}

impl Stream {
    /// Both, in the order of their numbers.
    pub const BOTH: [Stream; 2] = [Stream::Stdout, Stream::Stderr];

    /// Its descriptor.
    pub const fn fd(self) -> usize {
        match self {
            Stream::Stdout => 1,
            Stream::Stderr => 2,
        }
    }

    /// Its place in [`BOTH`](Self::BOTH).
    pub const fn index(self) -> usize {
        self.fd() - 1
    }

    /// `stdout` or `stderr`.
    pub const fn word(self) -> &'static str {
        match self {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        }
    }
}

/// Some of a unit's outputs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Streams(u8);

impl Streams {
    /// None of them.
    pub const NONE: Streams = Streams(0);
    /// All of them.
    pub const BOTH: Streams = Streams(0b11);

    /// This one alone.
    pub const fn of(stream: Stream) -> Streams {
        Streams(1 << stream.index())
    }

    /// Whether it is one of them.
    pub const fn contains(self, stream: Stream) -> bool {
        self.0 & Streams::of(stream).0 != 0
    }

    /// These, and this one.
    #[must_use]
    pub const fn with(self, stream: Stream) -> Streams {
        Streams(self.0 | Streams::of(stream).0)
    }

    /// Those that are not among the others.
    #[must_use]
    pub const fn without(self, others: Streams) -> Streams {
        Streams(self.0 & !others.0)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// In the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Stream> {
        Stream::BOTH.into_iter().filter(move |stream| self.contains(*stream))
    }

    /// Those for which it holds.
    #[must_use]
    pub fn only(self, holds: impl FnMut(&Stream) -> bool) -> Streams {
        self.iter().filter(holds).fold(Streams::NONE, Streams::with)
    }
}

impl From<Stream> for Streams {
    fn from(stream: Stream) -> Streams {
        Streams::of(stream)
    }
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
