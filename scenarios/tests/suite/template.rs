//! The test that `shakedown init` writes into a new project: it compiles as it stands there, and holds.

#[path = "../../command/src/init/lifecycle.rs"]
mod lifecycle;
