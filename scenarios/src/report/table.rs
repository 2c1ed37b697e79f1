//! The timeline as a table of at most 100 columns: one column a lane, idle time folded, lanes that tell nothing folded.
//! Marks and words carry the meaning, never a colour, so that it survives a log file and a copy into an issue.

use super::figures::{duration, plural};
use super::text::{WIDTH, clip, columns, left, right, visible};
use super::timeline::{Cell, Mark, TEXT_MAX, TimelineRow, lanes};
use shakedown_core::time::{Duration, Instant};

/// A lane that is shown.
struct Lane {
    name: String,
    width: usize,
}

/// The table of these rows, for a failure of this subject.
pub(super) fn table(rows: &[TimelineRow], subject: &str) -> Vec<String> {
    let all = lanes(rows.iter().flat_map(|r| r.cells.iter().map(|c| c.lane.as_str())));
    let subject = visible(subject);
    let is_close = |lane: &str| is_related(lane, &subject) || is_loud(lane, rows);
    // Where the subject has no lane of its own, all are of interest.
    let has_lane = all.iter().any(|l| l != "session" && is_related(l, &subject));
    let (kept, quiet): (Vec<String>, Vec<String>) =
        all.into_iter().partition(|l| l == "session" || !has_lane || is_close(l));
    let rows: Vec<&TimelineRow> = rows.iter().filter(|r| r.cells.iter().any(|c| kept.contains(&c.lane))).collect();
    let (shown, crowded) = fit(kept, &rows, &subject);
    let is_shown = |row: &&TimelineRow| row.mark != Mark::None || shown.iter().any(|l| has_cell(row, &l.name));
    let rows: Vec<&TimelineRow> = rows.into_iter().filter(is_shown).collect();
    let mut out = Vec::new();
    if !rows.is_empty() {
        out.push(header(&shown));
        body(&rows, &shown, &mut out);
    }
    folded(&quiet, "quiet", &mut out);
    folded(&crowded, "no room", &mut out);
    out
}

/// A worker and its processes are related, and so are processes of one worker.
fn is_related(lane: &str, subject: &str) -> bool {
    let worker = |name: &str| name.split_once('/').map_or(name.len(), |(worker, _)| worker.len());
    lane[..worker(lane)] == subject[..worker(subject)]
}

fn is_loud(lane: &str, rows: &[TimelineRow]) -> bool {
    let mut cells = rows.iter().flat_map(|r| r.cells.iter().map(move |c| (r.mark, c)));
    cells.any(|(mark, c)| c.lane == lane && (c.loud || mark != Mark::None))
}

/// Takes as many lanes as there is room for, the session and those related to the subject before all others.
fn fit(kept: Vec<String>, rows: &[&TimelineRow], subject: &str) -> (Vec<Lane>, Vec<String>) {
    let notes = rows.iter().filter_map(|r| r.note.as_ref()).map(|n| columns(&visible(n)).min(NOTE_MAX) + 1).max();
    let mut room = WIDTH - TIME - 1 - notes.unwrap_or(0);
    let width = |lane: &str| {
        let texts = rows.iter().flat_map(|r| &r.cells).filter(|c| c.lane == lane).map(|c| columns(&c.text));
        texts.chain([columns(lane), 12]).max().unwrap_or(12).min(TEXT_MAX)
    };
    let mut takes = vec![false; kept.len()];
    for wanted in [true, false] {
        for (lane, take) in kept.iter().zip(&mut takes) {
            let is_wanted = lane == "session" || is_related(lane, subject);
            let needs = width(lane) + 3;
            if !*take && is_wanted == wanted && needs <= room {
                room -= needs;
                *take = true;
            }
        }
    }
    let (mut shown, mut crowded) = (Vec::new(), Vec::new());
    for (name, take) in kept.into_iter().zip(takes) {
        if take {
            shown.push(Lane { width: width(&name), name });
        } else {
            crowded.push(name);
        }
    }
    (shown, crowded)
}

fn header(lanes: &[Lane]) -> String {
    let mut line = right("virtual time", TIME) + " ";
    for lane in lanes {
        line += &format!("│ {} ", left(&lane.name, lane.width));
    }
    line.trim_end().into()
}

fn body(rows: &[&TimelineRow], lanes: &[Lane], out: &mut Vec<String>) {
    let mut bars = vec![Bar::None; lanes.len()];
    let mut before: Option<Instant> = None;
    let mut skipped = 0;
    for (n, row) in rows.iter().enumerate() {
        let line = row_line(row, lanes, &mut bars);
        if row.mark == Mark::None && n >= ROWS_FIRST && n + ROWS_LAST < rows.len() {
            skipped += 1;
        } else {
            if skipped > 0 {
                out.push(format!("{} │ {} folded", right("⋮", TIME), plural(skipped, "row")));
                skipped = 0;
            } else if let Some(idle) = before.map(|b| row.at.since(b)).filter(|&idle| idle >= IDLE) {
                out.push(format!("{} │ {} folded", right("⋮", TIME), duration(idle)));
            }
            out.push(line);
        }
        before = Some(row.at);
    }
}

fn row_line(row: &TimelineRow, lanes: &[Lane], bars: &mut [Bar]) -> String {
    let mark = match row.mark {
        Mark::None => "",
        Mark::Surprise => "▶ ",
        Mark::Failure => "✗ ",
    };
    let mut line = right(&format!("{mark}{}", row.at), TIME) + " ";
    for (n, lane) in lanes.iter().enumerate() {
        let cell = row.cells.iter().find(|c| c.lane == lane.name);
        let text = match (cell, bars[n]) {
            (Some(cell), _) => cell.text.as_str(),
            (None, Bar::None) => "",
            (None, Bar::Alive) => "│",
            (None, Bar::Grace) => "┊",
        };
        if let Some(cell) = cell {
            bars[n] = bars[n].after(cell);
        }
        let leads_on = text == "STOP" && lanes[n + 1..].iter().any(|l| has_cell(row, &l.name));
        line += &if leads_on {
            format!("│ STOP {}▶", "─".repeat(lane.width - 5))
        } else {
            format!("│ {} ", left(text, lane.width))
        };
    }
    if let Some(note) = &row.note {
        line += &clip(&visible(note), NOTE_MAX);
    }
    line.trim_end().into()
}

/// What stands in a lane in which nothing happens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bar {
    None,
    /// A process lives.
    Alive,
    /// A worker was asked to end, and its grace runs.
    Grace,
}

impl Bar {
    fn after(self, cell: &Cell) -> Bar {
        if cell.ends {
            Bar::None
        } else if cell.lane.contains('/') {
            Bar::Alive
        } else if cell.asks {
            Bar::Grace
        } else {
            self
        }
    }
}

fn has_cell(row: &TimelineRow, lane: &str) -> bool {
    row.cells.iter().any(|c: &Cell| c.lane == lane)
}

/// What is not shown is at least counted, and named as far as one line reaches.
fn folded(names: &[String], why: &str, out: &mut Vec<String>) {
    if names.is_empty() {
        return;
    }
    let start = format!("{} folded ({why}): ", plural(names.len() as u64, "lane"));
    let list = clip(&names.join(", "), WIDTH - TIME - 3 - columns(&start));
    out.push(format!("{} │ {start}{list}", right("⋮", TIME)));
}

/// Columns of the time, the mark included.
const TIME: usize = 14;
/// A note is cut after so many columns.
const NOTE_MAX: usize = 36;
/// Nothing happening for so long is folded.
const IDLE: Duration = Duration::from_secs(1);
/// Of a long timeline so many rows are shown at its beginning, and so many at its end, and every one with a mark.
const ROWS_FIRST: usize = 8;
const ROWS_LAST: usize = 28;
