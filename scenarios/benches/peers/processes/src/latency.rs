//! From a child's last stamp of the clock to the moment at which its parent's program knows of its end.
//!
//! The child sleeps first, so that the parent waits already and its threads sleep.
use crate::Workload;
use crate::measure::{Answer, Found, Scale};
use crate::peer::{self, ASYNC, NO_PIPES, OURS, PIPED, STD, TOKIO, WORKER, WRAP};
use crate::system::{self, Stamp};
use crate::table::{Goal, line};
use std::cell::RefCell;
use std::rc::Rc;

pub const WORKLOAD: Workload = Workload {
    word: "latency",
    title: "a child's exit to the notice of it (shakedown: the answer in a task; as a worker: its terminal fact)",
    rows: &[OURS, NO_PIPES, WORKER, STD, TOKIO, PIPED, WRAP, ASYNC],
    measure,
    report,
};

fn measure(peer: &str, scale: Scale) -> Result<Answer, String> {
    let stamp = Rc::new(Stamp::new()?);
    let argv = [system::child()?, "s".into(), stamp.path(), SLEEP_NS.to_string()];
    let samples = Rc::new(RefCell::new(Vec::new()));
    let (told, stamped, wanted) = (samples.clone(), stamp.clone(), scale.of(150, 400) + WARM_UP);
    let ended = move || {
        let now = system::clock();
        let mut all = told.borrow_mut();
        all.push(now.saturating_sub(stamped.read()));
        all.len() < wanted
    };
    peer::repeat(peer, &argv, Box::new(ended))?;
    let mut all = samples.borrow_mut().split_off(WARM_UP);
    if all.iter().any(|nanoseconds| *nanoseconds > ABSURD_NS) {
        return Err("a child did not stamp the clock".into());
    }
    all.sort_unstable();
    let us = |at: usize| all[at.min(all.len() - 1)] as f64 / 1e3;
    Ok(vec![("p50", us(all.len() / 2)), ("p99", us(all.len() * 99 / 100))])
}

fn report(found: &Found) {
    for row in WORKLOAD.rows {
        let (Some(p50), Some(p99)) = (found.median(row, "p50"), found.median(row, "p99")) else { continue };
        let mut cells = vec![format!("p50 {p50:.0} µs"), format!("p99 {p99:.0} µs")];
        if [OURS, NO_PIPES, WORKER].contains(row) {
            cells.push(Goal::AtMost(60.0).judge(p50, " µs"));
            cells.push(Goal::AtMost(1000.0).judge(p99, " µs"));
        }
        line(row, &cells);
    }
}

const SLEEP_NS: u32 = 2_500_000;
const WARM_UP: usize = 20;
/// A stamp that was never written is zero, and so is as old as the machine.
const ABSURD_NS: u64 = 1_000_000_000;
