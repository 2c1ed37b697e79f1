//! Instants as numbers of nanoseconds, for serde: what is written down needs no type of ours to be read.

use serde::{Deserialize, Deserializer, Serializer};
use shakedown_core::time::Instant;

pub(super) fn serialize<S: Serializer>(at: &Instant, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(at.as_nanos())
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Instant, D::Error> {
    u64::deserialize(from).map(Instant::from_nanos)
}
