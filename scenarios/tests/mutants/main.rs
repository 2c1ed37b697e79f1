//! Is a break of the kernel noticed? An ordinary `cargo test` holds that every mutant of `sim/mutants.toml` still applies; `just mutants`
//! (`-- run`) applies one after the other to a copy of the tree, and says who notices: the kernel's own tests, or conformance alone.

mod list;
mod run;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mutants = match list::read(&root) {
        Ok(mutants) => mutants,
        Err(wrong) => {
            wrong.iter().for_each(|wrong| eprintln!("error: {wrong}"));
            println!("test every_mutant_applies ... FAILED\n\ntest result: FAILED. 0 passed; 1 failed; 0 ignored");
            return ExitCode::FAILURE;
        }
    };
    match args.split_first() {
        Some((word, rest)) if word == "run" => run::all(&root, &mutants, rest),
        Some(_) | None => {
            println!("running 1 test\ntest every_mutant_applies ... ok ({} mutants)", mutants.len());
            println!("\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
            ExitCode::SUCCESS
        }
    }
}
