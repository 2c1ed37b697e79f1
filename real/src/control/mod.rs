//! The control protocol: how somebody outside speaks with a live session, over any stream of bytes. The command's `list`, `follow`, `stop`
//! and their like are clients of it; the session serves it without ever waiting for one of them.
//!
//! ```text
//! stream   = frame *frame
//! frame    = length (4 bytes, big-endian, at most FRAME_BYTES_MAX) payload
//! first    = "shakedown-control" version            both ways, before anything else
//! request  = id (8 bytes) verb (1 byte) fields       answered once, under the same id, in any order
//! reply    = id (8 bytes) kind (1 byte) fields       `follow` is answered again and again until `over`
//! ```

mod client;
mod codec;
mod frame;
mod message;
mod server;
mod wire;

pub use client::{Client, Lost};
pub use codec::{decode_reply, encode_reply};
pub use frame::{FRAME_BYTES_MAX, FrameError};
pub use message::{
    Command, Identity, LINE_BYTES_MAX, Malformed, Member, NAME_BYTES_MAX, Page, Past, RECORDS_MAX, Reply, Request,
    Start, TERMS_MAX, VARIABLES_MAX, VERSION, WORDS_MAX,
};
pub use server::{Accept, CONNECTIONS_MAX, DRAIN_MAX, GREETING_MAX, serve};
