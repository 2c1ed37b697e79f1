//! The progress of a sweep: a bar on a terminal, lines elsewhere, nothing if asked.

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use shakedown::sweep::Progress;
use std::io::IsTerminal;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// How progress is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Show {
    /// A bar on a terminal, lines of long sweeps elsewhere
    Auto,
    /// A bar
    Bar,
    /// A line every ten seconds
    Lines,
    /// Nothing
    None,
}

/// Shows the progress on stderr until `done` says so.
pub(crate) fn watch(show: Show, total: u64, progress: &Progress, done: impl Fn() -> bool) {
    let show = match show {
        Show::Auto if std::io::stderr().is_terminal() => Show::Bar,
        Show::Auto => Show::Lines,
        other => other,
    };
    let bar = if show == Show::Bar { bar(total) } else { ProgressBar::hidden() };
    let (began, mut told) = (Instant::now(), 0);
    while !done() {
        std::thread::sleep(Duration::from_millis(50));
        let (runs, failed) = (progress.runs.load(Relaxed), progress.failed.load(Relaxed));
        bar.set_position(runs);
        bar.set_message(format!("{failed} failed"));
        let tens = began.elapsed().as_secs() / 10;
        if show == Show::Lines && tens > told {
            told = tens;
            eprintln!("{runs} of {total} runs, {failed} failed, {} s", tens * 10);
        }
    }
    bar.finish_and_clear();
}

fn bar(total: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:30} {human_pos} of {human_len} runs, {msg}, {per_sec}, {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
