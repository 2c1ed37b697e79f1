//! Sessions in the foreground: Ctrl-C and its like, what is printed, and the exit code.

use crate::stage::Stage;
use crate::tests;
use shakedown::core::signal::Signal;
use std::io::Write;
use std::process::Stdio;

tests! {
    a_command_ends_as_it_would_have_ended_by_itself,
    one_signal_stops_a_session_in_order,
    a_second_signal_kills_unless_the_file_says_join,
    facts_are_told_as_text_and_as_json_and_output_is_passed_through,
    the_session_of_a_file_ends_with_what_became_of_its_workers,
}

fn a_command_ends_as_it_would_have_ended_by_itself() {
    let stage = Stage::new("codes");
    let not_executable = stage.path("run.txt");
    std::fs::write(&not_executable, "text").expect("written");
    for (argv, code, out) in [
        (&["sh", "-c", "echo out; echo err >&2; exit 3"][..], 3, "out\n"),
        (&["true"], 0, ""),
        (&["/no/such/program"], 127, ""),
        (&[not_executable.to_str().expect("text")], 126, ""),
        (&["sh", "-c", "exec sh -c 'kill -TERM $$'"], 143, ""),
    ] {
        let said = stage.runs(&[&["run", "--"], argv].concat(), code);
        assert_eq!(said.out, out, "{argv:?}: {said:?}");
    }
    let said = stage.runs(&["run", "--env", "N=3", "--dir", "/", "--", "sh", "-c", "echo $N $PWD; echo err >&2"], 0);
    assert_eq!((&*said.out, &*said.err), ("3 /\n", "err\n"));
    let mut cat = stage.command(&["run", "--", "cat"]);
    let mut cat = cat.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    cat.stdin.take().expect("it is piped").write_all(b"through\n").expect("it reads");
    assert_eq!(cat.wait_with_output().expect("it ends").stdout, b"through\n");
}

const POLITE: &str = "schema = 1\n[workers.a]\npuppet = \"on TERM exit 0; print up; hang\"\nready = { log = \"up\" }\n";
const STUBBORN: &str =
    "schema = 1\n[workers.a]\npuppet = \"on TERM print no; print up; hang\"\nready = { log = \"up\" }\n";

fn one_signal_stops_a_session_in_order() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let stage = Stage::new(&format!("signal-{signal}"));
        let file = stage.file("polite.toml", POLITE);
        let mut session = stage.begin(&["run", &file]);
        session.hears("ready");
        session.signal(signal);
        let said = session.ends();
        assert_eq!(said.code, Some(0), "{signal}: {said:?}");
        for told in ["polite · stop-requested  by=user", "a      · stopped", "polite · stopped"] {
            assert!(said.out.contains(told), "{signal}: {told}: {}", said.out);
        }
    }
}

fn a_second_signal_kills_unless_the_file_says_join() {
    let stage = Stage::new("second");
    let file = stage.file("stubborn.toml", STUBBORN);
    let mut session = stage.begin(&["run", &file]);
    session.hears("ready");
    session.signal(Signal::INT);
    session.hears("│ no");
    session.signal(Signal::INT);
    let said = session.ends();
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("signal=KILL") && said.out.contains("by=second interrupt"), "{}", said.out);
    // Joined, the second one changes nothing: the grace is kept.
    let text = format!("{STUBBORN}stop = {{ grace = \"700ms\" }}\n[session]\nsecond-stop = \"join\"\n");
    let file = stage.file("joins.toml", &text);
    let mut session = stage.begin(&["run", &file, "--format", "json"]);
    session.hears("\"ready\"");
    session.signal(Signal::INT);
    session.hears("\"no\"");
    session.signal(Signal::TERM);
    let said = session.ends();
    let time = |word: &str| {
        let line = said.out.lines().find(|line| line.contains(word)).unwrap_or_else(|| panic!("{word}: {said:?}"));
        let fact: serde_json::Value = serde_json::from_str(line).expect("an object");
        let seconds: f64 = fact["time"].as_str().expect("a time")[17..26].parse().expect("seconds");
        seconds
    };
    let waited = (time("\"signal\":\"KILL\"") - time("\"event\":\"stop-requested\"")).rem_euclid(60.0);
    assert!(waited >= 0.7, "killed after {waited} s: {}", said.out);
    assert_eq!(said.code, Some(1));
}

fn facts_are_told_as_text_and_as_json_and_output_is_passed_through() {
    let stage = Stage::new("facts");
    let said = stage.runs(&["run", "--format", "human", "--", "sh", "-c", "echo out; echo err >&2; exit 3"], 3);
    for told in [" UTC ──", "sh · started", "sh │ out", "sh ! err", "sh · failed"] {
        assert!(said.out.contains(told), "{told}: {}", said.out);
    }
    let said = stage.runs(&["run", "--format", "json", "--", "printf", "a\\nb"], 0);
    let facts: Vec<serde_json::Value> =
        said.out.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    let lines: Vec<(&str, bool)> = facts
        .iter()
        .filter_map(|fact| Some((fact["output"]["text"].as_str()?, fact["output"]["complete"].as_bool()?)))
        .collect();
    assert_eq!(lines, [("a", true), ("b", false)]);
    assert!(facts.iter().all(|fact| fact["type"] == "fact" && fact["session"] == "printf"));
    // Nobody reads it to its end, as behind `| head`: the session does not mind.
    let file = stage.file("brief.toml", "schema = 1\n[workers.a]\npuppet = \"repeat 2000 { print x }; exit 0\"\n");
    let mut session = stage.begin(&["run", &file]);
    session.hears("spawn");
    assert_eq!(session.ends_unread(), Some(0));
}

fn the_session_of_a_file_ends_with_what_became_of_its_workers() {
    let stage = Stage::new("ends");
    for (name, script, code) in [("fine", "exit 0", 0), ("fails", "exit 3", 1), ("dies", "die SEGV", 1)] {
        let text =
            format!("schema = 1\n[workers.a]\npuppet = \"{script}\"\n[[stimuli]]\nat = \"0ms\"\ndo = \"stop\"\n");
        let file = stage.file(&format!("{name}.toml"), &text);
        let said = stage.runs(&["run", &file], code);
        assert!(!said.out.contains("stop-requested"), "stimuli are not played: {}", said.out);
    }
}
