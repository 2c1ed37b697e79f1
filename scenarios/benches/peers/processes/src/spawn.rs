//! Spawn and wait of a no-op, one after the other, from a small parent.
use crate::Workload;
use crate::measure::{Answer, Found, Scale};
use crate::peer::{self, ASYNC, HYGIENE, NO_PIPES, OURS, PIPED, STD, TOKIO, WORKER, WRAP};
use crate::system;
use crate::table::{Goal, grouped, line};
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

pub const WORKLOAD: Workload = Workload {
    word: "spawn",
    title: "spawn and wait of a no-op, from a small parent",
    rows: &[OURS, NO_PIPES, WORKER, STD, TOKIO, PIPED, WRAP, ASYNC, HYGIENE],
    measure: rate,
    report,
};

/// How many a second.
pub fn rate(peer: &str, scale: Scale) -> Result<Answer, String> {
    let budget = Duration::from_millis(scale.of(100, 400));
    let rate = Rc::new(Cell::new(0.0));
    let (told, mut count, mut began) = (rate.clone(), 0, Instant::now());
    let ended = move || {
        count += 1;
        if count <= WARM_UP {
            began = Instant::now();
            return true;
        }
        let measured = count - WARM_UP;
        let elapsed = began.elapsed();
        told.set(f64::from(measured) / elapsed.as_secs_f64());
        measured < AT_LEAST || elapsed < budget
    };
    peer::repeat(peer, &[system::child()?], Box::new(ended))?;
    Ok(vec![("per_second", rate.get())])
}

fn report(found: &Found) {
    for row in WORKLOAD.rows {
        let Some(rate) = found.median(row, "per_second") else { continue };
        let mut cells = vec![format!("{} /s", grouped(rate)), format!("{:.0} µs each", 1e6 / rate)];
        if let Some(ratio) = found.ratio("per_second", row, TOKIO).filter(|_| *row != TOKIO) {
            cells.push(format!("{ratio:.2}× tokio"));
            if [OURS, NO_PIPES].contains(row) {
                cells.push(Goal::AtLeast(1.0).judge(ratio, "× tokio"));
            }
        }
        line(row, &cells);
    }
}

/// Starts before the clock runs: of threads, caches and lazily opened descriptors.
const WARM_UP: u32 = 20;
/// Measured at least, however long each takes.
const AT_LEAST: u32 = 5;
