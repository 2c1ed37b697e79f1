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

/// Why a sweep is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ended {
    /// All was played, or enough has failed.
    ByItself,
    /// Somebody asked for its end.
    Interrupted,
    /// Its time budget was spent.
    OutOfTime,
}

/// Shows the progress on stderr until `done` says so, and ends the sweep when its time is up.
pub(crate) fn watch(
    show: Show,
    total: u64,
    progress: &Progress,
    budget: Option<Duration>,
    done: impl Fn() -> bool,
) -> Ended {
    let show = match show {
        Show::Auto if std::io::stderr().is_terminal() => Show::Bar,
        Show::Auto => Show::Lines,
        other => other,
    };
    let bar = if show == Show::Bar { bar(total) } else { ProgressBar::hidden() };
    let (began, mut told) = (Instant::now(), 0);
    let mut out_of_time = false;
    while !done() {
        std::thread::sleep(Duration::from_millis(50).min(budget.unwrap_or(Duration::MAX)));
        if !out_of_time && budget.is_some_and(|budget| began.elapsed() >= budget) && !done() {
            out_of_time = !progress.stop.swap(true, Relaxed);
        }
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
    match (out_of_time, progress.stop.load(Relaxed)) {
        (true, _) => Ended::OutOfTime,
        (false, true) => Ended::Interrupted,
        (false, false) => Ended::ByItself,
    }
}

fn bar(total: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:30} {human_pos} of {human_len} runs, {msg}, {per_sec}, {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
