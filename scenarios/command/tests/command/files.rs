//! Scenario files as the command reads them: what is well is checked in a line, what is not is told with its place.

use crate::{folder, shakedown};
use std::fs;

/// A server that is asked to stop before, while or after it has its handler.
pub const GOOD: &str = "schema = 1\n[workers.server]\npuppet = \"sleep 0ms..9ms; on TERM exit 0; hang\"\n\
                    [[stimuli]]\nat = \"0ms..9ms\"\ndo = \"stop\"\n";

#[test]
fn a_good_file_is_checked_in_one_line() {
    let folder = folder("good");
    fs::write(folder.join("good.toml"), GOOD).expect("written");
    let out = shakedown(&folder, &["check", "."]);
    assert_eq!((out.code, out.err.as_str()), (Some(0), ""));
    assert_eq!(out.out.as_str(), "1 scenarios, 1 cases: no mistakes\n");
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
        let told = out.err.as_str();
        assert_eq!((out.code, out.out.as_str()), (Some(3), ""), "{command}: {told}");
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
            let told = out.err.as_str();
            assert_eq!((out.code, out.out.as_str()), (Some(code), ""), "{command} {file}: {told}");
            assert!(told.contains(says) && told.lines().count() <= 3, "{command} {file}: {told}");
        }
    }
}

#[test]
fn a_command_without_a_stand_in_is_refused_by_the_simulator_alone() {
    let folder = folder("stand-in");
    let command = "schema = 1\n[workers.a]\ncommand = [\"/no/such/program\"]\n";
    fs::write(folder.join("bare.toml"), command).expect("written");
    fs::write(folder.join("absent.toml"), format!("{command}sim = {{ exec-fails = \"ENOENT\" }}\n")).expect("written");
    assert_eq!(shakedown(&folder, &["check", "bare.toml"]).code, Some(0));
    let out = shakedown(&folder, &["sim", "bare.toml"]);
    assert_eq!(out.code, Some(3));
    assert!(out.err.as_str().contains("worker `a`") && out.err.as_str().contains("sim ="), "{}", out.err.as_str());
    assert_eq!(shakedown(&folder, &["sim", "absent.toml", "--seeds", "20"]).code, Some(0));
}
