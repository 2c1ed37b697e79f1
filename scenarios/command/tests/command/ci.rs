//! What CI runs: the recipe of the project plays a corpus with a bug planted in it, and everything by which CI notices turns red.

use crate::{command, folder, said};
use std::fs;
use std::path::Path;

/// The arguments that `.ci/run` plays the corpus with, at the end of a line of its own.
fn arguments() -> Vec<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.ci/run");
    let script = fs::read_to_string(script).expect("it is there");
    let line = script.lines().find_map(|line| line.trim().strip_prefix("shakedown sim ")).expect("a line that plays");
    line.replace("\"${sim_format[@]}\"", "--format github")
        .replace('"', "")
        .replace("$reports", "reports")
        .split(' ')
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_planted_bug_turns_what_ci_runs_red() {
    let folder = folder("ci");
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::create_dir_all(folder.join("scenarios")).expect("made");
    let well = fs::read_to_string(corpus.join("order/database-before-server.toml")).expect("it is there");
    let path = folder.join("scenarios/database-before-server.toml");
    let ran = || {
        let args = arguments();
        let args: Vec<&str> = ["sim"].into_iter().chain(args.iter().map(String::as_str)).collect();
        said(command(&folder, &args).env("SHAKEDOWN_SEEDS", "200"))
    };
    let report = || fs::read_to_string(folder.join("reports/sim.xml")).expect("a report");

    fs::write(&path, &well).expect("written");
    let green = ran();
    assert_eq!(green.code, Some(0), "{green:?}");
    assert!(report().contains("failures=\"0\"") && !green.out.contains("::error"), "{green:?}");

    // The bug: nobody waits for the database any more.
    let planted: Vec<&str> = well.lines().filter(|line| !line.starts_with("after =")).collect();
    fs::write(&path, planted.join("\n")).expect("written");
    let red = ran();
    assert_eq!(red.code, Some(1), "{red:?}");
    assert!(red.out.contains("\n::error file=scenarios/database-before-server.toml,"), "{red:?}");
    assert!(report().contains("<failure "), "{}", report());
}
