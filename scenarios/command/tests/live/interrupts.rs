//! Sweeps that somebody interrupts: what was found until then is told.

use crate::tests;

tests! {}
