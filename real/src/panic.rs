//! Panics of handlers: caught, and told in their own words. (The simulator has its own; core knows no std.)

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Does `act`; what a panic of it said, where it panics. What it leaves behind is dropped or never looked at again by whoever asks.
pub(crate) fn contain<R>(act: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(act)).map_err(|panic| message(panic.as_ref()))
}

fn message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}
