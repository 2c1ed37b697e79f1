//! # shakedown-real
//!
//! The real backend of Shakedown: the machines of core on tokio and Linux processes. The only crate with wall time and unsafe
//! code, and the only one that sends signals: always through a pidfd, never by a bare number.
//!
//! A program that has no descriptor left (getrlimit(2) RLIMIT_NOFILE) can start nobody, and still finds and ends whom it has started:
//! a few are laid by for looking into /proc and for holding whom a signal is for. It is told in so many words where even they do not do.
//!
//! What it waits with and what it waits for are apart. The glue (`host`, `world`, `mailbox`, `handle`) is written against
//! [`world::System`]; Linux and tokio's runtime are its leaves, which `--cfg madsim` leaves out: there the glue, in these very files, is
//! explored on a simulator's runtime with simulated processes.

pub mod chooser;
pub mod control;
#[cfg(not(madsim))]
mod errno;
#[cfg(not(madsim))]
pub mod files;
#[cfg(not(madsim))]
mod fresh;
pub mod handle;
pub mod host;
#[cfg(not(madsim))]
mod linux;
pub mod mailbox;
#[cfg(not(madsim))]
pub mod namespace;
mod panic;
#[cfg(not(madsim))]
pub mod pidfd;
#[cfg(not(madsim))]
pub mod procfs;
#[cfg(all(feature = "proxy", not(madsim)))]
pub mod proxy;
#[cfg(not(madsim))]
pub mod puppet;
#[cfg(not(madsim))]
pub mod reaper;
#[cfg(not(madsim))]
mod reserve;
#[cfg(not(madsim))]
mod run;
#[cfg(not(madsim))]
pub mod scope;
#[cfg(not(madsim))]
pub mod session;
#[cfg(not(madsim))]
pub mod spawn;
#[cfg(not(madsim))]
pub mod subreaper;
mod sync;
#[cfg(not(madsim))]
mod threads;
mod wakers;
#[cfg(not(madsim))]
mod watch;
pub mod world;

#[cfg(not(madsim))]
pub use linux::control::{CannotDial, ControlClient, ControlSocket, Peer, dial};
#[cfg(not(madsim))]
pub use linux::{CannotBegin, Config, Linux, Tokio, within};
#[cfg(not(madsim))]
pub use run::{CannotRun, Ran, on_signal, run};
pub use world::RealWorld;
