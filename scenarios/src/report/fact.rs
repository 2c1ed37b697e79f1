//! Facts as lines, for people and for programs: the same of a session while it lives and of its journal afterwards.
//! Whoever reads a log at night compares clocks, so times are those on the wall, in UTC, and the day stands where it changes.

use super::text::visible;
use serde::Serialize;
use shakedown_core::journal::{Entry, What};
use shakedown_core::time::Duration;
use shakedown_core::vocab::Stream;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A fact as a line of JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FactLine {
    #[serde(rename = "type")]
    kind: &'static str,
    cursor: Option<u64>,
    time: String,
    session: String,
    worker: Option<String>,
    incarnation: u32,
    event: String,
    details: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Line>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
}

/// A line of output. What is no UTF-8 is replaced, and said to be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct Line {
    stream: &'static str,
    text: String,
    complete: bool,
    lossy: bool,
}

impl FactLine {
    /// Of a record of a journal.
    pub fn recorded(entry: &Entry) -> FactLine {
        FactLine { cursor: Some(entry.cursor), ..FactLine::live(entry) }
    }

    /// Of what is being told: it may stand in no journal yet.
    pub fn live(entry: &Entry) -> FactLine {
        let (details, output) = match &entry.what {
            What::Event { details, .. } => (details.clone(), None),
            What::Line { stream, bytes, complete } => {
                let text = String::from_utf8_lossy(bytes);
                let lossy = text.as_bytes() != &**bytes;
                let line = Line { stream: stream_word(*stream), text: text.into_owned(), complete: *complete, lossy };
                (BTreeMap::new(), Some(line))
            }
        };
        FactLine {
            kind: "fact",
            cursor: None,
            time: timestamp(entry.time),
            session: entry.session.to_string(),
            worker: entry.worker.as_deref().map(str::to_owned),
            incarnation: entry.incarnation,
            event: entry.word().to_owned(),
            details,
            output,
            tags: entry.tags.clone(),
        }
    }

    /// The object, without a newline.
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("numbers and strings always serialise")
    }
}

/// Facts as lines for people. It remembers the day, and how wide names are.
#[derive(Clone, Debug, Default)]
pub struct FactText {
    day: Option<u64>,
    width: usize,
}

impl FactText {
    /// With names of this width; wider ones widen the column from there on.
    pub fn with_width(width: usize) -> FactText {
        FactText { day: None, width: width.min(NAME_MAX) }
    }

    /// The line of a fact, with its newline, and the day before it where that is another than before. What a worker has said is shown as
    /// it is, colours included; names are not.
    pub fn line(&mut self, entry: &Entry) -> String {
        let mut text = String::new();
        let day = entry.time.as_secs() / DAY_S;
        if self.day.replace(day) != Some(day) {
            let _ = writeln!(text, "── {} UTC ──", &timestamp(entry.time)[..10]);
        }
        let name = visible(entry.worker.as_deref().unwrap_or(&entry.session));
        self.width = self.width.max(name.chars().count().min(NAME_MAX));
        let clock = &timestamp(entry.time)[11..23];
        let _ = write!(text, "{clock}  {name:width$} ", width = self.width);
        match &entry.what {
            What::Line { stream, bytes, .. } => {
                let mark = if *stream == Stream::Stdout { '│' } else { '!' };
                let _ = write!(text, "{mark} {}", String::from_utf8_lossy(bytes).trim_end_matches('\r'));
            }
            What::Event { word, details } => {
                let _ = write!(text, "· {word}");
                for (key, value) in details {
                    let _ = write!(text, "  {key}={}", visible(value));
                }
            }
        }
        text.push('\n');
        text
    }
}

/// A time since 1970 as RFC 3339 writes it, to the microsecond.
///
/// ```
/// use std::time::Duration;
/// assert_eq!(shakedown::report::timestamp(Duration::from_micros(951_782_400_000_001)), "2000-02-29T00:00:00.000001Z");
/// ```
pub fn timestamp(time: Duration) -> String {
    let (days, rest) = (time.as_secs() / DAY_S, time.as_secs() % DAY_S);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:06}Z", time.subsec_micros())
}

/// The date of a day since 1970 (Howard Hinnant, chrono-compatible low-level date algorithms, `civil_from_days`).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

fn stream_word(stream: Stream) -> &'static str {
    match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    }
}

const DAY_S: u64 = 24 * 3600;
/// Wider names push their own line only.
const NAME_MAX: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn entries() -> Vec<Entry> {
        let (session, api): (Arc<str>, Arc<str>) = ("shop".into(), "api".into());
        let at = |s| Duration::from_secs(951_868_790) + Duration::from_millis(s);
        let mut started = Entry::event(at(20), &session, "started");
        (started.worker, started.incarnation, started.cursor) = (Some(api.clone()), 1, 8);
        started.what = What::Event { word: "started".into(), details: [("pid".into(), "17".into())].into() };
        started.tags = [("project".into(), "demo".into())].into();
        vec![
            Entry::event(at(0), &session, "started"),
            started,
            Entry::line(at(30), &session, &api, Stream::Stdout, b"listening \x1b[32mok\x1b[0m\r"),
            Entry::line(at(40), &session, &"a\nname of more than twenty-four letters".into(), Stream::Stderr, b"\xff"),
            Entry::event(at(12_000), &session, "stopped"),
        ]
    }

    #[test]
    fn people_read_the_clock_who_and_what() {
        let mut text = FactText::default();
        insta::assert_snapshot!(entries().iter().map(|entry| text.line(entry)).collect::<String>());
    }

    #[test]
    fn programs_read_an_object_a_line() {
        let mut lines: Vec<String> = entries().iter().map(|entry| FactLine::live(entry).line()).collect();
        lines.push(FactLine::recorded(&entries()[1]).line());
        assert!(lines.iter().all(|line| line.lines().count() == 1));
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, told) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_399, "2000-02-28T23:59:59.000000Z"),
            (951_868_800, "2000-03-01T00:00:00.000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000Z"),
            (1_767_225_599, "2025-12-31T23:59:59.000000Z"),
        ] {
            assert_eq!(timestamp(Duration::from_secs(seconds)), told);
        }
    }
}
