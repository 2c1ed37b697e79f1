//! `compare` as a shell sees it.

use crate::{Said, folder_with, shakedown};

/// What `shakedown compare` says of a file, but for the time it took. `None`, printed, where the machine has no private pid
/// namespace: nothing that signals is played without one.
fn compared(name: &str, text: &str, args: &[&str]) -> Option<(Option<i32>, String)> {
    let folder = folder_with(&format!("compare-{name}"), "file.toml", text);
    let Said { code, out, err } = shakedown(&folder, &[&["compare", "file.toml"], args].concat());
    if code == Some(7) && err.contains("no private pid namespace") {
        println!("skipped: {err}");
        return None;
    }
    let timeless = out.lines().map(|line| if line.starts_with("in ") { "in no time" } else { line });
    Some((code, timeless.collect::<Vec<_>>().join("\n") + "\n" + &err))
}

/// Its stand-in is not what the shell does.
const LIAR: &str = "schema = 1\nname = \"liar\"\n[workers.shell]\ncommand = [\"sh\", \"-c\", \"exit 3\"]\nsim = \"sleep 1ms; exit 4\"\n";

#[test]
fn the_command_tells_agreement_disagreement_and_what_is_undecided() {
    let honest = LIAR.replace("exit 4", "exit 3").replace("liar", "honest");
    for (name, text, args, code) in [
        ("agrees", honest.as_str(), &["--runs", "2"][..], 0),
        ("differs", LIAR, &["--runs", "2"], 1),
        ("undecided", LIAR, &["--runs", "2", "--budget", "1"], 5),
        ("long", &format!("{LIAR}[limits]\ntime = \"61s\"\n"), &[], 7),
    ] {
        let Some((exit, said)) = compared(name, text, args) else { return };
        assert_eq!(exit, Some(code), "{name}: {said}");
        insta::assert_snapshot!(name, said);
    }
}

#[test]
fn each_line_of_json_is_an_object_of_the_contract() {
    let Some((exit, said)) = compared("json", LIAR, &["--runs", "2", "--format", "json"]) else { return };
    let objects: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    let types: Vec<&str> = objects.iter().filter_map(|object| object["type"].as_str()).collect();
    assert_eq!((exit, types.as_slice()), (Some(1), &["case", "failure", "summary"][..]), "{said}");
    for (at, key, value) in [(0, "seeds", 2), (0, "failed", 2), (0, "undecided", 0), (0, "unseen", 1), (2, "exit", 1)] {
        assert_eq!(objects[at][key], value, "{key}: {said}");
    }
    assert_eq!((&objects[1]["oracle"], &objects[1]["seed"]), (&"compare".into(), &serde_json::Value::Null));
}

#[test]
fn what_is_in_question_is_reported_as_failures_of_a_sweep_are() {
    let Some((exit, said)) = compared("report", LIAR, &["--runs", "1", "--report", "junit=c.xml,json=c.json"]) else {
        return;
    };
    assert_eq!(exit, Some(1), "{said}");
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("command-compare-report");
    let read =
        |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let (xml, json) = (read("c.xml"), read("c.json"));
    assert!(xml.contains("failures=\"1\"") && xml.contains("shakedown compare file.toml"), "{xml}");
    let report: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&report["cases"][0]["failed"], &report["failures"][0]["oracle"]), (&1.into(), &"compare".into()));
}
