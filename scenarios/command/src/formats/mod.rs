//! The forms in which a failure, or a whole sweep, is handed to other programs. Each is a pure function from the report's data to text.

pub(crate) mod github;
pub(crate) mod html;
pub(crate) mod junit;
pub(crate) mod mermaid;
pub(crate) mod perfetto;

#[cfg(test)]
mod sample;
