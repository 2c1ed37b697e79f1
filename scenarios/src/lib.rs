//! placeholder
pub mod format;
pub mod pattern;
