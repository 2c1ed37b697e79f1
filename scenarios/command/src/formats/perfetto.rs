//! The trace event format that ui.perfetto.dev and chrome://tracing open: a track for each who took part, its states as slices, what
//! happened as instants, signals as arrows from who sent them to who acted on them.
//! <https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU>

use serde_json::{Value, json};
use shakedown::report::{Event, EventKind, FailureReport, RunRecord};

/// A run as trace events.
pub(crate) fn json(report: &FailureReport) -> String {
    let record = &report.record;
    let mut events = vec![json!({ "ph": "M", "name": "process_name", "pid": PID, "args": { "name": title(report) } })];
    for (lane, of) in record.lanes.iter().enumerate() {
        let (tid, name) = (tid(lane), &of.name);
        events.push(json!({ "ph": "M", "name": "thread_name", "pid": PID, "tid": tid, "args": { "name": name } }));
        events.push(
            json!({ "ph": "M", "name": "thread_sort_index", "pid": PID, "tid": tid, "args": { "sort_index": tid } }),
        );
        events.extend(slices(record, lane));
    }
    for (id, event) in record.events.iter().enumerate() {
        events.push(instant(report, event));
        events.extend(arrow(record, id, event));
    }
    let document =
        json!({ "traceEvents": events, "displayTimeUnit": "ms", "otherData": { "run again": report.rerun } });
    document.to_string() + "\n"
}

/// All lanes are tracks of one process of the trace.
const PID: u32 = 1;

fn tid(lane: usize) -> usize {
    lane + 1
}

fn title(report: &FailureReport) -> String {
    format!("{} {} {}", report.scenario, report.oracle, report.subject)
}

/// The format counts microseconds.
fn us(ns: u64) -> f64 {
    ns as f64 / 1_000.0
}

/// The states of a lane, each until the next; one that is over has none.
fn slices(record: &RunRecord, lane: usize) -> Vec<Value> {
    let changes: Vec<&Event> =
        record.events.iter().filter(|event| event.lane == lane && event.after != event.before).collect();
    let (_, end) = record.span_ns();
    let until = |n: usize| changes.get(n + 1).map_or(end, |next| next.at_ns);
    let lasts = |event: &Event| event.kind != EventKind::End || event.after == "draining";
    changes
        .iter()
        .enumerate()
        .filter(|(_, event)| lasts(event))
        .map(|(n, event)| {
            let dur = us(until(n) - event.at_ns);
            json!({ "ph": "X", "name": event.after, "cat": "state", "pid": PID, "tid": tid(lane), "ts": us(event.at_ns), "dur": dur })
        })
        .collect()
}

fn instant(report: &FailureReport, event: &Event) -> Value {
    let surprises: Vec<&str> =
        event.surprises.iter().filter_map(|n| report.told_surprises.get(*n as usize - 1).map(String::as_str)).collect();
    json!({
        "ph": "i", "s": "t", "name": event.text, "cat": event.kind.word(), "pid": PID, "tid": tid(event.lane),
        "ts": us(event.at_ns),
        "args": { "before": event.before, "after": event.after, "surprises": surprises },
    })
}

/// From the last time this signal was sent until it acted.
fn arrow(record: &RunRecord, id: usize, event: &Event) -> Vec<Value> {
    let Some((from, sent)) = sent(record, id, event) else { return Vec::new() };
    let name = &event.text;
    vec![
        json!({ "ph": "s", "id": id, "name": name, "cat": "signal", "pid": PID, "tid": tid(from), "ts": us(sent) }),
        json!({ "ph": "f", "bp": "e", "id": id, "name": name, "cat": "signal", "pid": PID, "tid": tid(event.lane), "ts": us(event.at_ns) }),
    ]
}

/// Whose track an arrow begins on, and when.
fn sent(record: &RunRecord, id: usize, event: &Event) -> Option<(usize, u64)> {
    let from = event.from?;
    if event.kind == EventKind::Signal {
        return Some((from, event.at_ns));
    }
    let signal = event.text.strip_prefix("got ")?;
    let sends = |sent: &&Event| sent.lane == from && sent.kind == EventKind::Signal && sent.text.starts_with(signal);
    record.events[..id].iter().rev().find(sends).map(|sent| (from, sent.at_ns))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_failure_as_a_trace_keeps_the_rules_of_the_format() {
        let text = json(&sample::failure());
        let trace: Value = serde_json::from_str(&text).expect("JSON");
        let events = trace["traceEvents"].as_array().expect("a list");
        let named: Vec<u64> =
            events.iter().filter(|e| e["name"] == "thread_name").filter_map(|e| e["tid"].as_u64()).collect();
        for event in events {
            let phase = event["ph"].as_str().expect("a phase");
            assert!(event["pid"].is_u64() && event["name"].is_string(), "{event}");
            if phase != "M" {
                assert!(event["ts"].is_number() && named.contains(&event["tid"].as_u64().expect("a track")), "{event}");
            }
            match phase {
                "X" => assert!(event["dur"].as_f64().is_some_and(|dur| dur >= 0.0), "{event}"),
                "i" => assert_eq!(event["s"], "t"),
                "s" | "f" => assert_eq!(events.iter().filter(|other| other["id"] == event["id"]).count(), 2, "{event}"),
                "M" => {}
                other => panic!("{other}: {event}"),
            }
        }
        let lines: Vec<String> = events.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
