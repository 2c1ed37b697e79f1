//! Ring 0: pure machines, one event at a time. Exhaustively, where the model is small enough to be seen as a whole; by properties beyond.

mod laws;
mod properties;
mod session;
mod worker;
mod world;
