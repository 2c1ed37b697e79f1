//! The command itself, as a shell sees it: what it prints where, and its exit code.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of this test's own, new at each run.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("command-{name}"));
    let _absent = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("the target folder is ours to write");
    path
}

fn shakedown(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shakedown"));
    // What the caller's environment says is not this test's business.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SHAKEDOWN_") {
            command.env_remove(name);
        }
    }
    command.args(args).current_dir(folder).output().expect("the command runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the command speaks UTF-8")
}

const GOOD: &str = "schema = 1\n[workers.server]\npuppet = \"sleep 0ms..9ms; on TERM exit 0; hang\"\n\
                    [[stimuli]]\nat = \"0ms..9ms\"\ndo = \"stop\"\n";

#[test]
fn a_good_file_is_checked_in_one_line() {
    let folder = folder("good");
    fs::write(folder.join("good.toml"), GOOD).expect("written");
    let out = shakedown(&folder, &["check", "."]);
    assert_eq!((out.status.code(), text(&out.stderr)), (Some(0), ""));
    assert_eq!(text(&out.stdout), "1 scenarios, 1 cases: no mistakes\n");
}

#[test]
fn five_mistakes_are_told_at_once_each_at_its_place() {
    let folder = folder("five");
    let wrong = "schema = 1\n[workers.server]\npupet = \"hang\"\n[workers.other]\npuppet = \"slep 1s; hang\"\n\
                 stop = { grace = \"3 parsecs\" }\n[[stimuli]]\nat = \"10ms\"\ndo = \"stpo\"\n[[expect]]\n\
                 never = \"sever spawn after session stopped\"\n";
    fs::write(folder.join("five.toml"), wrong).expect("written");
    for command in ["check", "sim", "real"] {
        let out = shakedown(&folder, &[command, "five.toml"]);
        let told = text(&out.stderr);
        assert_eq!((out.status.code(), text(&out.stdout)), (Some(3), ""), "{command}: {told}");
        assert_eq!(told.matches("error: ").count(), 5, "{command}: {told}");
        for (place, hint) in [
            ("five.toml:3:1\n", "did you mean `puppet`?"),
            ("five.toml:5:11\n", "did you mean `sleep`?"),
            ("five.toml:6:18\n", "the units are ns, us, ms, s, m and h"),
            ("five.toml:9:6\n", "did you mean `stop`?"),
            ("five.toml:11:10\n", "did you mean `server`?"),
        ] {
            assert!(told.contains(place) && told.contains(hint), "{place} {hint}: {told}");
        }
    }
}

#[test]
fn what_is_no_scenario_is_refused_in_a_sentence() {
    let folder = folder("odd");
    fs::write(folder.join("empty.toml"), "").expect("written");
    fs::write(folder.join("binary.toml"), b"\x7fELF\x02\x01\x00\x00schema = 1").expect("written");
    fs::write(folder.join("latin1.toml"), b"schema = 1\n# caf\xe9\n").expect("written");
    fs::write(folder.join("big.toml"), format!("{GOOD}#{}\n", "x".repeat(1 << 20))).expect("written");
    fs::create_dir(folder.join("folder.toml")).expect("made");
    for (file, code, says) in [
        ("empty.toml", 3, "error: empty.toml is empty"),
        ("binary.toml", 3, "error: binary.toml is binary, not text"),
        ("latin1.toml", 3, "error: latin1.toml is not UTF-8: line 2 has byte 0xe9"),
        ("big.toml", 3, "bytes, a scenario at most 1048576"),
        ("none.toml", 3, "error: none.toml cannot be read: No such file or directory"),
        ("folder.toml", 4, "error: no scenario to play in folder.toml"),
    ] {
        for command in ["check", "sim", "real"] {
            let out = shakedown(&folder, &[command, file]);
            let told = text(&out.stderr);
            assert_eq!((out.status.code(), text(&out.stdout)), (Some(code), ""), "{command} {file}: {told}");
            assert!(told.contains(says) && told.lines().count() <= 3, "{command} {file}: {told}");
        }
    }
}

/// The lines of `sim --format json`, but for the time it took.
fn lines(folder: &Path, file: &str, jobs: &str) -> (Option<i32>, Vec<String>) {
    let out = shakedown(folder, &["sim", file, "--seeds", "0..200", "--format", "json", jobs]);
    let timeless = |line: &str| match line.split_once("\"real_ns\":") {
        None => line.to_owned(),
        Some((before, after)) => {
            format!("{before}\"real_ns\":0{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
    };
    (out.status.code(), text(&out.stdout).lines().map(timeless).collect())
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
        text(&out.stdout).lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    assert_eq!(out.status.code(), Some(1));
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
    assert_eq!(out.status.code(), Some(5), "{}", text(&out.stdout));
    assert!(text(&out.stdout).contains("server killed"));
}

#[test]
fn a_command_without_a_stand_in_is_refused_by_the_simulator_alone() {
    let folder = folder("stand-in");
    let command = "schema = 1\n[workers.a]\ncommand = [\"/no/such/program\"]\n";
    fs::write(folder.join("bare.toml"), command).expect("written");
    fs::write(folder.join("absent.toml"), format!("{command}sim = {{ exec-fails = \"ENOENT\" }}\n")).expect("written");
    assert_eq!(shakedown(&folder, &["check", "bare.toml"]).status.code(), Some(0));
    let out = shakedown(&folder, &["sim", "bare.toml"]);
    assert_eq!(out.status.code(), Some(3));
    assert!(text(&out.stderr).contains("worker `a`") && text(&out.stderr).contains("sim ="), "{}", text(&out.stderr));
    assert_eq!(shakedown(&folder, &["sim", "absent.toml", "--seeds", "20"]).status.code(), Some(0));
}
