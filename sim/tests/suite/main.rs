//! Tests of the simulator through its public face, by subject: tasks and channels, files, choosing and replaying, searching.
//! One program, because each would compile the whole simulator anew.

mod actions;
mod bridge;
mod channels;
mod explore;
mod files;
mod first;
mod journal;
mod outputs;
mod ownership;
mod pick;
mod proxied;
mod quiescence;
mod recovery;
mod replay;
mod runner;
mod search;
mod sink;
mod status;
