//! What every peer includes: the command line, the generator, the counters and the heap meter.
//! The peers are separate programs, so that one's global state can neither slow nor seed another.
#![allow(dead_code)]

pub mod cli;
pub mod heap;
pub mod rng;
pub mod stats;
