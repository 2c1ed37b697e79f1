//! `scenarios!`: files as tests, with the command line of any test program. This program plays both parts: the tests of a user, where
//! `PATTERN` is set, and those who look at what such a program prints.

use shakedown::core::oracle::Names;
use shakedown::core::vocab::{ExitStatus, ProcessWhat};
use shakedown::oracle::{Oracle, Oracles};
use shakedown::sim::Moment;
use std::path::Path;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    if let Ok(pattern) = std::env::var("PATTERN") {
        return shakedown::harness::main(PACKAGE, env!("CARGO_CRATE_NAME"), &pattern, users_oracles());
    }
    make_package();
    let tests: &[(&str, fn())] = &[
        ("each_file_is_a_test_and_what_cannot_be_played_is_ignored", each_file_is_a_test),
        ("a_failure_ends_in_the_command_to_paste_and_that_works", a_failure_ends_in_the_command_to_paste),
        ("a_share_of_the_seeds_is_played_and_what_failed_is_kept", a_share_is_played_and_what_failed_is_kept),
        ("mistakes_of_a_file_are_that_files_failure", mistakes_of_a_file_are_its_failure),
        ("a_pattern_that_fits_nothing_is_red", a_pattern_that_fits_nothing_is_red),
        ("an_oracle_of_the_users_own_judges_the_files_that_name_it", an_oracle_of_ones_own_judges),
        ("an_oracle_that_nobody_knows_is_a_mistake_and_the_known_ones_are_told", an_unknown_oracle_is_a_mistake),
    ];
    println!("\nrunning {} tests", tests.len());
    for (name, test) in tests {
        test();
        println!("test {name} ... ok");
    }
    println!("\ntest result: ok. {} passed; 0 failed; 0 ignored; 0 measured", tests.len());
    ExitCode::SUCCESS
}

/// The package of a user. Its files are no part of our corpus, and so have another name here.
const PACKAGE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/harness");

fn make_package() {
    let files = [
        ("files/stubborn.toml", include_str!("files/stubborn.toml.txt")),
        ("files/deep/postgres.toml", include_str!("files/deep/postgres.toml.txt")),
        ("red/slow.toml", include_str!("red/slow.toml.txt")),
        ("bad/mistakes.toml", include_str!("bad/mistakes.toml.txt")),
        ("own/brief.toml", include_str!("own/brief.toml.txt")),
        ("own/long.toml", include_str!("own/long.toml.txt")),
        ("unknown/none.toml", include_str!("unknown/none.toml.txt")),
    ];
    for (name, text) in files {
        let path = Path::new(PACKAGE).join("tests").join(name);
        std::fs::create_dir_all(path.parent().expect("it is in a folder")).expect("the folder can be made");
        std::fs::write(path, text).expect("the file can be written");
    }
}

/// The oracles of that user.
fn users_oracles() -> Oracles {
    Oracles::new().with("nobody-ends-badly", || NobodyEndsBadly).with("silence", || Silence)
}

struct NobodyEndsBadly;

impl Oracle for NobodyEndsBadly {
    fn see(&mut self, moment: &Moment, _: &dyn Names) -> Result<(), String> {
        match moment {
            Moment::Process(event) if matches!(event.what, ProcessWhat::Exited(status) if status != ExitStatus::Exited(0)) => {
                Err(format!("{} has ended badly", event.name))
            }
            Moment::Process(_) | Moment::Fact(_) => Ok(()),
        }
    }
}

struct Silence;

impl Oracle for Silence {
    fn see(&mut self, _: &Moment, _: &dyn Names) -> Result<(), String> {
        Ok(())
    }
}

/// Whether a user's test program succeeds, and what it prints.
fn played(pattern: &str, arguments: &[&str], variables: &[(&str, &str)]) -> (bool, String) {
    let mut command = Command::new(std::env::current_exe().expect("we run"));
    command.args(arguments).env("PATTERN", pattern).env_remove("CI").envs(variables.iter().copied());
    let output = command.output().expect("it runs");
    (output.status.success(), [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat())
}

fn each_file_is_a_test() {
    let (ok, text) = played("tests/files/**/*.toml", &[], &[]);
    assert!(ok && text.contains("1 passed; 0 failed; 1 ignored"), "{text}");
    assert!(
        text.lines().any(|line| line.starts_with("test ") && line.contains(" stubborn ") && line.ends_with("ok")),
        "{text}"
    );
    assert!(text.contains("[no `sim` for db] deep/postgres"), "{text}");
    let (ok, text) = played("tests/files/**/*.toml", &["--list"], &[]);
    assert!(ok && text.contains("stubborn: test"), "{text}");
    let (ok, text) = played("tests/files/**/*.toml", &["--exact", "stub"], &[]);
    assert!(ok && text.contains("0 passed; 0 failed; 0 ignored"), "{text}");
}

fn a_failure_ends_in_the_command_to_paste() {
    let pattern = "tests/red/*.toml";
    let (ok, text) = played(pattern, &[], &[]);
    assert!(!ok && text.contains("FAIL slow · case 2 (grace=500ms)"), "{text}");
    let never =
        "inconclusive: in 400 runs it was never seen: sometimes = \"server killed before session stop-requested\"";
    assert!(text.contains(never), "{text}");
    let pasted = text.lines().find(|line| line.starts_with("SHAKEDOWN_SEED=")).expect("the command to paste");
    let (seed, rest) = pasted.split_once(' ').expect("several words");
    assert_eq!(rest, "SHAKEDOWN_CASE=2 cargo test --test harness -- --exact slow");
    let seed = seed.strip_prefix("SHAKEDOWN_SEED=").expect("it begins so");
    let (ok, again) = played(pattern, &["--exact", "slow"], &[("SHAKEDOWN_SEED", seed), ("SHAKEDOWN_CASE", "2")]);
    assert!(!ok && again.contains("FAIL slow · case 2 (grace=500ms)") && !again.contains("inconclusive"), "{again}");
    let (ok, calm) = played(pattern, &["--exact", "slow"], &[("SHAKEDOWN_SEED", seed), ("SHAKEDOWN_CASE", "1")]);
    assert!(ok, "the other case holds: {calm}");
}

/// How often the case failed, out of how many runs.
fn common(text: &str) -> (u64, u64) {
    let line = text.lines().find(|line| line.contains("How common")).unwrap_or_else(|| panic!("{text}"));
    let numbers: Vec<u64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    (numbers[0], numbers[1])
}

fn a_share_is_played_and_what_failed_is_kept() {
    let pattern = "tests/red/*.toml";
    let state = format!("{PACKAGE}/state");
    let seeds = ("SHAKEDOWN_SEEDS", "200");
    let (_, whole) = played(pattern, &[], &[seeds]);
    let shards = ["1/2", "2/2"].map(|shard| {
        let (_, text) = played(pattern, &[], &[seeds, ("SHAKEDOWN_SHARD", shard), ("SHAKEDOWN_STATE", &state)]);
        common(&text)
    });
    assert_eq!(common(&whole), (shards[0].0 + shards[1].0, shards[0].1 + shards[1].1), "{whole}");
    let kept = std::fs::read_to_string(Path::new(&state).join("latest.json")).expect("what failed is kept");
    let kept = shakedown::report::SweepReport::parse(&kept).expect("a report");
    assert_eq!((kept.failures.len(), kept.failures[0].scenario.as_str()), (1, "slow"));
    let (ok, text) = played(pattern, &[], &[("SHAKEDOWN_SHARD", "3/2")]);
    assert!(!ok && text.contains("SHAKEDOWN_SHARD: `3/2` is no share"), "{text}");
}

fn mistakes_of_a_file_are_its_failure() {
    let (ok, text) = played("tests/bad/*.toml", &[], &[]);
    assert!(!ok && text.contains("unknown key `grce`") && text.contains("0 passed; 1 failed"), "{text}");
}

fn a_pattern_that_fits_nothing_is_red() {
    let (ok, text) = played("tests/nothing/*.toml", &[], &[]);
    assert!(!ok && text.contains("must not pass for a green test"), "{text}");
}

fn an_oracle_of_ones_own_judges() {
    let pattern = "tests/own/*.toml";
    let (ok, text) = played(pattern, &[], &[]);
    assert!(!ok && text.contains("1 passed; 1 failed"), "{text}");
    assert!(text.contains("FAIL long · ") && text.contains("check = \"nobody-ends-badly\""), "{text}");
    assert!(text.contains("server/main has ended badly"), "{text}");
    let pasted = text.lines().find(|line| line.starts_with("SHAKEDOWN_SEED=")).expect("the command to paste");
    assert!(pasted.ends_with(" cargo test --test harness -- --exact long"), "{pasted}");
}

fn an_unknown_oracle_is_a_mistake() {
    let (ok, text) = played("tests/unknown/*.toml", &[], &[]);
    assert!(!ok && text.contains("unknown Rust oracle `peace`"), "{text}");
    assert!(text.contains("known are nobody-ends-badly, silence"), "{text}");
}
