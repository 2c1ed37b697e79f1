//! A digest of everything that oracles and expectations have seen of a run, in its order: two runs with the same trail have been judged
//! alike so far.

use shakedown_core::digest::Digest;
use std::fmt::{Debug, Write};

pub(super) struct Trail(Digest);

impl Trail {
    pub(super) fn new() -> Trail {
        Trail(Digest::of(0))
    }

    pub(super) fn add(&mut self, seen: &impl Debug) {
        write!(self, "{seen:?}").expect("a digest takes any text");
        self.0.number(0);
    }

    pub(super) fn value(&self) -> u64 {
        self.0.value()
    }
}

impl Write for Trail {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.bytes(text.as_bytes());
        Ok(())
    }
}
