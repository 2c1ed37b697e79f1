//! Every timeout that a scenario can write is seen to go each way, or that is said.

use crate::format;
use crate::sweep::{Job, Progress, Seeds, sweep};
use serde_json::Value;
use shakedown_sim::choose::Strategy;
use std::collections::BTreeMap;
use std::sync::Arc;

/// For each deadline that ran in some hundred runs of these workers, the ways that it never went.
fn never(text: &str) -> BTreeMap<String, Vec<&'static str>> {
    let scenario = Arc::new(format::read("deadlines.toml", &format!("schema = 1\n{text}")).expect("no mistakes"));
    let jobs = Job::all(&[scenario], Seeds::First(1_500), Strategy::Random);
    let result = sweep(&jobs, 1, false, &Progress::default());
    result.cases[0].deadlines.ran(&jobs[0].case.session).into_iter().map(|(of, ways)| (of, ways.never())).collect()
}

const STOP: &str = "[[stimuli]]\nwhen = \"a started\"\nat = \"100ms\"\ndo = \"stop\"\n";

/// A scenario in which it is seen kept, missed and tied, and one in which it is only ever kept: none where chance decides in any case, as
/// clients of a proxy may always stay.
struct Row {
    of: &'static str,
    each: &'static str,
    kept: Option<&'static str>,
}

const ROWS: [Row; 6] = [
    Row {
        of: "readiness of a",
        each: "[workers.a]\npuppet = \"sleep 1ms..60ms; print up; hang\"\nready = { log = \"up\", timeout = \"30ms\" }",
        kept: Some(
            "[workers.a]\npuppet = \"sleep 1ms..20ms; print up; hang\"\nready = { log = \"up\", timeout = \"30ms\" }",
        ),
    },
    Row {
        of: "pre-stop hook of a",
        each: "[workers.a]\npuppet = \"hang\"\nstop.pre-stop = { command = [\"x\"], sim = \"sleep 1ms..60ms\", within = \"30ms\" }",
        kept: Some(
            "[workers.a]\npuppet = \"hang\"\nstop.pre-stop = { command = [\"x\"], sim = \"sleep 1ms..20ms\", within = \"30ms\" }",
        ),
    },
    Row {
        of: "grace of a",
        each: "[workers.a]\npuppet = \"on TERM exit 0 after 1ms..60ms; hang\"\nstop.grace = \"30ms\"",
        kept: Some("[workers.a]\npuppet = \"on TERM exit 0 after 1ms..20ms; hang\"\nstop.grace = \"30ms\""),
    },
    Row {
        of: "drain of a",
        each: "[workers.a]\npuppet = \"spawn holder { setsid; sleep 90ms..190ms }; hang\"\nstop.drain = \"30ms\"",
        kept: Some(
            "[workers.a]\npuppet = \"spawn holder { setsid; sleep 105ms..120ms }; hang\"\nstop.drain = \"30ms\"",
        ),
    },
    Row {
        of: "proxy drain of a",
        each: "[workers.up]\npuppet = \"hang\"\n[workers.a]\nkind = \"proxy\"\nupstream = \"up\"\nstop.proxy-drain = \"30ms\"\n\
               [[stimuli]]\nwhen = \"a started\"\nat = \"5ms\"\ndo = \"connect\"\non = \"a\"",
        kept: None,
    },
    Row {
        of: "stop budget of the session",
        each: "[workers.a]\npuppet = \"on TERM exit 0 after 1ms..60ms; hang\"\nstop = { grace = \"never\", drain = \"0ms\" }\n\
               [session]\nstop-budget = \"1030ms\"",
        kept: Some(
            "[workers.a]\npuppet = \"on TERM exit 0 after 1ms..20ms; hang\"\nstop = { grace = \"never\", drain = \"0ms\" }\n\
               [session]\nstop-budget = \"1030ms\"",
        ),
    },
];

#[test]
fn every_timeout_is_seen_kept_missed_and_tied_or_that_is_said() {
    let mut wrong = Vec::new();
    for Row { of, each, kept } in &ROWS {
        let played =
            |text: &str| never(&format!("{text}\n{STOP}")).remove(*of).unwrap_or_else(|| panic!("{of}: never ran"));
        let each = Some((*each, &[][..]));
        for (text, never) in each.into_iter().chain(kept.map(|kept| (kept, &["missed", "tied"][..]))) {
            let went = played(text);
            if went != never {
                wrong.push(format!("{of}: never {went:?}, not {never:?}: {text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_given_up_for_another_reason_counts_for_no_deadline() {
    let stops = "[[stimuli]]\nwhen = \"a started\"\nat = \"10ms\"\ndo = \"stop\"\ncount = 2\nevery = \"5ms\"\n";
    let twice = never(&format!("[workers.a]\npuppet = \"on TERM ignore; hang\"\n{stops}"));
    assert_eq!(twice, BTreeMap::new(), "a second stop kills");
    let by_hand = "[workers.a]\npuppet = \"on TERM ignore; hang\"\n[[stimuli]]\nwhen = \"a started\"\nat = \"1ms\"\ndo = \"kill\"\non = \"a\"\n";
    assert_eq!(never(by_hand), BTreeMap::new());
}

/// A duration that a scenario can write: the deadline that counts it, or why none does.
const DURATIONS: [(&str, Result<&str, &str>); 17] = [
    ("session.stop-budget", Ok("stop budget of the session")),
    ("workers.stop.grace", Ok("grace of a")),
    ("workers.stop.drain", Ok("drain of a")),
    ("workers.stop.proxy-drain", Ok("proxy drain of a")),
    ("workers.stop.proxy-lag", Err("it passes in any case: nothing can be over before it")),
    ("workers.stop.pre-stop.within", Ok("pre-stop hook of a")),
    ("workers.ready.timeout", Ok("readiness of a")),
    ("workers.ready.delay", Err("it passes in any case")),
    ("workers.ready.every", Err("a pause between two attempts")),
    ("workers.restart.initial", Err("a pause before a start")),
    ("workers.restart.max", Err("a limit of that pause")),
    ("workers.restart.window", Err("how far back restarts are counted: nothing is cut off when it ends")),
    ("workers.restart.reset-after", Err("how long a life must be to count as calm: nothing is cut off when it ends")),
    ("stimuli.at", Err("when the outside world does something")),
    ("stimuli.every", Err("a pause between what it does")),
    ("faults.by", Err("how late something comes")),
    ("limits.time", Err("the end of the whole run: `hang`, a failure")),
];

#[test]
fn every_duration_of_a_scenario_is_a_deadline_that_is_counted_or_none() {
    let mut written = Vec::new();
    let schema: Value = serde_json::from_str(&format::schema()).expect("JSON");
    durations(&schema, "", &mut written);
    // The defaults are keys of a worker.
    written.retain(|key| !key.starts_with("defaults."));
    written.sort();
    written.dedup();
    let mut known: Vec<&str> = DURATIONS.iter().map(|(key, _)| *key).collect();
    known.sort_unstable();
    assert_eq!(written, known);
    let mut counted: Vec<&str> = DURATIONS.iter().filter_map(|(_, of)| of.ok()).collect();
    let mut rows: Vec<&str> = ROWS.iter().map(|row| row.of).collect();
    counted.sort_unstable();
    rows.sort_unstable();
    assert_eq!(counted, rows);
}

/// The keys below this part of the schema whose value is a duration: those with the examples of one.
fn durations(schema: &Value, path: &str, into: &mut Vec<String>) {
    match schema {
        Value::Object(object) => {
            if object.get("examples").is_some_and(|examples| examples.to_string().contains("500ms")) {
                into.push(path.to_owned());
            }
            for (key, value) in object {
                let Some(properties) = value.as_object().filter(|_| key == "properties") else {
                    durations(value, path, into);
                    continue;
                };
                for (name, value) in properties {
                    let dot = if path.is_empty() { "" } else { "." };
                    durations(value, &format!("{path}{dot}{name}"), into);
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|value| durations(value, path, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
