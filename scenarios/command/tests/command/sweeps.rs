//! Sweeps: their result depends on neither threads nor company, and what was never seen is no success.

use crate::files::GOOD;
use crate::{folder, shakedown};
use std::fs;
use std::path::Path;

/// The lines of `sim --format json`, but for the time it took.
fn lines(folder: &Path, file: &str, jobs: &str) -> (Option<i32>, Vec<String>) {
    let out = shakedown(folder, &["sim", file, "--seeds", "0..200", "--format", "json", jobs]);
    let timeless = |line: &str| match line.split_once("\"real_ns\":") {
        None => line.to_owned(),
        Some((before, after)) => {
            format!("{before}\"real_ns\":0{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
    };
    (out.code, out.out.lines().map(timeless).collect())
}

#[test]
fn the_result_does_not_depend_on_the_threads() {
    let folder = folder("threads");
    fs::write(folder.join("good.toml"), GOOD).expect("written");
    // Where TERM comes before the handler, this expectation breaks.
    let failing = format!("{GOOD}[[expect]]\nfinal = {{ \"server/main\" = \"exited(0)\" }}\n");
    fs::write(folder.join("failing.toml"), failing).expect("written");
    for (file, code, types) in
        [("good.toml", 0, &["case", "summary"][..]), ("failing.toml", 1, &["case", "failure", "summary"][..])]
    {
        let alone = lines(&folder, file, "-j1");
        assert_eq!(alone, lines(&folder, file, "-j2"), "{file}");
        let objects = alone.1.iter().map(|line| serde_json::from_str(line).expect("a line is JSON"));
        let objects: Vec<serde_json::Value> = objects.collect();
        let found: Vec<&str> = objects.iter().filter_map(|object| object["type"].as_str()).collect();
        assert_eq!((alone.0, found.as_slice()), (Some(code), types), "{file}");
    }
}

#[test]
fn a_failing_seed_fails_alone_as_it_did_among_others() {
    let folder = folder("alone");
    let failing = format!("{GOOD}[[expect]]\nfinal = {{ \"server/main\" = \"exited(0)\" }}\n");
    fs::write(folder.join("failing.toml"), failing).expect("written");
    let (_, all) = lines(&folder, "failing.toml", "-j2");
    let failure: serde_json::Value = serde_json::from_str(&all[1]).expect("a line is JSON");
    assert_eq!(failure["type"], "failure");
    let seed = failure["seed"].to_string();
    let out = shakedown(&folder, &["sim", "failing.toml", "--seed", &seed, "--format", "json"]);
    let alone: Vec<serde_json::Value> =
        out.out.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    assert_eq!(out.code, Some(1));
    for key in ["seed", "oracle", "subject", "at_ns", "message", "decisions", "surprises"] {
        assert_eq!(alone[1][key], failure[key], "{key}");
    }
}

#[test]
fn a_sometimes_that_is_never_seen_is_inconclusive() {
    let folder = folder("sometimes");
    let never = format!("{GOOD}[[expect]]\nsometimes = \"server killed\"\n");
    fs::write(folder.join("never.toml"), never).expect("written");
    let out = shakedown(&folder, &["sim", "never.toml", "--seeds", "200"]);
    assert_eq!(out.code, Some(5), "{}", out.out.as_str());
    assert!(out.out.as_str().contains("server killed"));
}
