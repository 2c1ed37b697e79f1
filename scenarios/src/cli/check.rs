//! `shakedown check`: read the files, say all that is wrong with them.

use super::{Exit, Files, load};
use clap::Args;

/// The arguments of `check`.
#[derive(Args, Debug)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    files: Files,
}

pub(super) fn run(args: &CheckArgs) -> Exit {
    match load(&args.files) {
        Ok(scenarios) => {
            let cases: usize = scenarios.iter().map(|s| s.cases().len()).sum();
            println!("{} scenarios, {cases} cases: no mistakes", scenarios.len());
            Exit::Held
        }
        Err(exit) => exit,
    }
}
