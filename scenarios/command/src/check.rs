//! `shakedown check`: read the files, say all that is wrong with them.

use crate::cli::{Files, load};
use crate::exit::Exit;
use clap::Args;

/// The arguments of `check`.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    files: Files,
}

pub(crate) fn run(args: &CheckArgs) -> Exit {
    match load(&args.files) {
        Ok(scenarios) => {
            let cases: usize = scenarios.iter().map(|s| s.cases().len()).sum();
            say!("{} scenarios, {cases} cases: no mistakes", scenarios.len());
            Exit::Held
        }
        Err(exit) => exit,
    }
}
