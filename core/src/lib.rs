//! # shakedown-core
//!
//! The lifecycle logic of Shakedown, without any I/O: vocabulary, machines, the host that drives them, the one executor,
//! the puppet language and the oracles. `no_std` with `alloc`, no dependencies, no unsafe code. The simulator and the real
//! backend run what stands here, unmodified.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod actions;
pub mod actor;
mod children;
pub mod choose;
pub mod counts;
pub mod digest;
pub mod files;
pub mod glob;
pub mod host;
pub mod ids;
pub mod journal;
pub mod machine;
pub mod oracle;
pub mod outside;
pub mod pipe;
pub mod proxy;
pub mod puppet;
mod reactor;
pub mod recovery;
pub mod restart;
pub mod runner;
pub mod session;
pub mod signal;
pub mod site;
pub mod snapshot;
pub mod solo;
pub mod status;
pub mod supervisor;
pub mod sync;
pub mod task;
pub mod tie;
pub mod time;
pub mod vocab;
pub mod worker;
pub mod world;
