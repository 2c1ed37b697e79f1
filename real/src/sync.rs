//! The lock and the atomic that code of two threads is made of: where loom explores that code, loom's own stand here.

pub(crate) use std::sync::Mutex;
pub(crate) use std::sync::atomic::{AtomicBool, Ordering};
