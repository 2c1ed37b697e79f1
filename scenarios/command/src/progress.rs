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

/// Shows the progress on stderr until the sweep is over, and ends it when its time is up. `waits` waits for its end, so long at most, and
/// says whether it has come: whoever plays a hundred runs is not to wait for the next look at them.
pub(crate) fn watch(
    show: Show,
    total: u64,
    progress: &Progress,
    budget: Option<Duration>,
    waits: impl Fn(Duration) -> bool,
) -> Ended {
    let show = match show {
        Show::Auto if std::io::stderr().is_terminal() => Show::Bar,
        Show::Auto => Show::Lines,
        other => other,
    };
    let bar = if show == Show::Bar { bar(total) } else { ProgressBar::hidden() };
    let (began, mut told) = (Instant::now(), 0);
    let mut out_of_time = false;
    while !waits(LOOK_EVERY.min(budget.unwrap_or(LOOK_EVERY))) {
        if !out_of_time && budget.is_some_and(|budget| began.elapsed() >= budget) {
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

const LOOK_EVERY: Duration = Duration::from_millis(50);

fn bar(total: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:30} {human_pos} of {human_len} runs, {msg}, {per_sec}, {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
