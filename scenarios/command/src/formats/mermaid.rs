//! A sequence diagram in Mermaid's language, which GitHub, GitLab and many editors draw where it stands in Markdown.
//! <https://mermaid.js.org/syntax/sequenceDiagram.html>

use shakedown::core::time::Instant;
use shakedown::report::{Event, EventKind, FailureReport};
use std::fmt::Write;

/// A run as a sequence diagram.
pub(crate) fn text(report: &FailureReport) -> String {
    let record = &report.record;
    let mut out = String::from("sequenceDiagram\n");
    for (n, lane) in record.lanes.iter().enumerate() {
        let _ = writeln!(out, "    participant L{n} as {}", plain(&lane.name));
    }
    let told: Vec<&Event> = record.events.iter().filter(|event| is_told(event)).collect();
    let folded = told.len().saturating_sub(FIRST + LAST);
    let mut at = None;
    for (n, event) in told.iter().enumerate() {
        if folded > 0 && (FIRST..FIRST + folded).contains(&n) {
            if n == FIRST {
                let _ = writeln!(out, "    Note over L0: {folded} more are folded here");
            }
            continue;
        }
        if at != Some(event.at_ns) && !record.lanes.is_empty() {
            let last = record.lanes.len() - 1;
            let across = if last == 0 { "L0".to_owned() } else { format!("L0,L{last}") };
            let _ = writeln!(out, "    Note over {across}: {}", Instant::from_nanos(event.at_ns));
            at = Some(event.at_ns);
        }
        let _ = writeln!(out, "    {}", line(report, event));
    }
    out
}

/// Output closed, and handlers, crowd a diagram and lead nowhere.
fn is_told(event: &Event) -> bool {
    match event.kind {
        EventKind::Start
        | EventKind::Ready
        | EventKind::Stop
        | EventKind::Signal
        | EventKind::Delivered
        | EventKind::Handler
        | EventKind::End
        | EventKind::Backoff
        | EventKind::Failure => true,
        EventKind::Output => event.text != "output closed" || !event.surprises.is_empty(),
    }
}

fn line(report: &FailureReport, event: &Event) -> String {
    let surprise = event.surprises.iter().map(|n| {
        let words = report.told_surprises.get(*n as usize - 1).map_or("", String::as_str);
        format!(" ▶ surprise {n}: {words}")
    });
    let text = plain(&(event.text.clone() + &surprise.collect::<String>()));
    match (event.kind, event.from) {
        (EventKind::Failure, _) => format!("Note over L{}: ✗ {text}", event.lane),
        (EventKind::Signal, Some(from)) => format!("L{from}->>L{}: {text}", event.lane),
        (EventKind::Delivered, Some(from)) => format!("L{from}-->>L{}: {text}", event.lane),
        (_, Some(_) | None) => format!("Note over L{}: {text}", event.lane),
    }
}

/// One line that Mermaid takes as text: a semicolon would end it, and a hash begins a code.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(TEXT_MAX) {
        match c {
            '#' | ';' | '<' | '>' | '&' | '"' | '`' | '%' | '{' | '}' => _ = write!(out, "#{};", c as u32),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    if text.chars().nth(TEXT_MAX).is_some() { out + "…" } else { out }
}

/// Longer texts are cut.
const TEXT_MAX: usize = 90;
/// A diagram shows so many at its beginning and so many at its end.
const FIRST: usize = 40;
const LAST: usize = 80;

#[cfg(test)]
mod tests {
    use super::super::sample;

    #[test]
    fn a_failure_as_a_sequence_of_messages() {
        insta::assert_snapshot!(super::text(&sample::failure()));
    }

    #[test]
    fn whatever_is_said_stays_text() {
        let hostile = super::plain("a; b # <script>\n\"%%{init}%%\"");
        assert_eq!(hostile, "a#59; b #35; #60;script#62; #34;#37;#37;#123;init#125;#37;#37;#34;");
    }
}
