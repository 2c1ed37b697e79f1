//! `shakedown real`: the same files with real processes.

use super::{Exit, Files};
use clap::Args;

/// The arguments of `real`.
#[derive(Args, Debug)]
pub(super) struct RealArgs {
    #[command(flatten)]
    files: Files,
}

pub(super) fn run(_: &RealArgs) -> Exit {
    Exit::Lacking
}
