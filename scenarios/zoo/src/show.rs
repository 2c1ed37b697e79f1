//! The progress of a hunt: a bar on a terminal, a line every ten seconds elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use shakedown_zoo::hunt::Progress;
use std::io::IsTerminal;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

/// Does `work`, and shows on stderr how far it is of `total`.
pub fn watched<T: Send>(total: u64, progress: &Progress, work: impl FnOnce() -> T + Send) -> T {
    let on_terminal = std::io::stderr().is_terminal();
    let bar = if on_terminal { bar(total) } else { ProgressBar::hidden() };
    thread::scope(|scope| {
        let work = scope.spawn(work);
        let (began, mut told) = (Instant::now(), 0);
        while !work.is_finished() {
            thread::sleep(Duration::from_millis(20));
            let (done, runs) = (progress.bases.load(Relaxed), progress.runs.load(Relaxed));
            bar.set_position(done);
            bar.set_message(format!("{runs} runs"));
            let tens = began.elapsed().as_secs() / 10;
            if !on_terminal && tens > told {
                told = tens;
                eprintln!("{done} of {total}, {runs} runs, {} s", tens * 10);
            }
        }
        bar.finish_and_clear();
        work.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn bar(total: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:30} {human_pos} of {human_len}, {msg}, {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
