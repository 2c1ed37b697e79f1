//! Is a break noticed? An ordinary `cargo test` holds that every mutant of `sim/mutants.toml` and every break of `core/breaks.toml` still
//! applies, and that the table of bugs in `scenarios/regress/README.md` is whole. `just mutants` (`-- run`) applies the mutants of the
//! kernel one after the other to a copy of the tree, and says who notices: the kernel's own tests, or conformance alone. `just breaks`
//! (`-- breaks`) does so with the breaks of the machines, which scenarios must notice.

mod breaks;
mod bugs;
mod copy;
mod list;
mod run;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mutants = list::read(&root);
    let breaks = breaks::read(&root);
    let bugs = match &breaks {
        Ok(breaks) => bugs::check(&root, breaks),
        Err(_) => Ok(0),
    };
    match (args.split_first(), mutants, breaks, bugs) {
        (Some((word, rest)), Ok(mutants), _, _) if word == "run" => run::all(&root, &mutants, rest),
        (Some((word, rest)), _, Ok(breaks), _) if word == "breaks" => breaks::all(&root, &breaks, rest),
        (_, mutants, breaks, bugs) => {
            println!("running 3 tests");
            let mutants = tell("every_mutant_applies", mutants.map(|all| format!("{} mutants", all.len())));
            let breaks = tell("every_break_applies", breaks.map(|all| format!("{} breaks", all.len())));
            let bugs = tell("every_bug_has_its_place", bugs.map(|all| format!("{all} bugs")));
            let failed = [mutants, breaks, bugs].iter().filter(|held| !**held).count();
            let verdict = if failed == 0 { "ok" } else { "FAILED" };
            println!(
                "\ntest result: {verdict}. {} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out",
                3 - failed
            );
            if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
    }
}

fn tell(name: &str, held: Result<String, Vec<String>>) -> bool {
    match held {
        Ok(what) => println!("test {name} ... ok ({what})"),
        Err(wrong) => {
            wrong.iter().for_each(|wrong| eprintln!("error: {wrong}"));
            println!("test {name} ... FAILED");
            return false;
        }
    }
    true
}
