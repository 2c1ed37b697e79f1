//! The run as a whole: a few processes play shares of the programs, and what they tell is added up, printed and judged.

use super::args::Args;
use super::coverage::{Coverage, HELD_FROM};
use super::share::{Failure, LACKING, Played};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{BufRead, BufReader, IsTerminal};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How a run came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    Held,
    Failed,
    /// The machine cannot play: nothing is known.
    Lacking,
    Interrupted,
    /// One of the players broke.
    Broken,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Exit::Held => 0,
            Exit::Failed => 1,
            Exit::Lacking => LACKING,
            Exit::Interrupted => 130,
            Exit::Broken => 70,
        }
    }
}

/// What is known so far.
#[derive(Default)]
struct Tally {
    coverage: Coverage,
    outcomes: u64,
    outcomes_max: u64,
    undecided: Vec<u64>,
    failures: Vec<(u64, Failure)>,
    slowest_ms: u64,
}

/// Plays the programs, prints what came of it.
pub fn play(args: &Args) -> Exit {
    let began = Instant::now();
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = interrupted.clone();
    // Fails only where somebody else has a handler; then an interrupt ends us at once.
    let _handled = ctrlc::set_handler(move || flag.store(true, Relaxed));
    let (tally, ends) = match muster(args) {
        Ok((crew, told)) => follow(args, crew, &told, &interrupted),
        Err(error) => {
            eprintln!("error: the players cannot be started: {error}");
            return Exit::Broken;
        }
    };
    let exit = tell(args, &tally, &ends, interrupted.load(Relaxed), began.elapsed());
    if exit == Exit::Failed {
        println!("again: just conform {} seed={}", args.programs.unwrap_or(0), args.seed);
    }
    exit
}

fn muster(args: &Args) -> std::io::Result<(Vec<Child>, Receiver<Played>)> {
    let (teller, told) = channel();
    let mut crew = Vec::new();
    for share in 0..args.jobs {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(args.programs.unwrap_or(0).to_string());
        for (flag, value) in [("--seed", args.seed), ("--runs", args.runs)] {
            command.args([flag.to_owned(), value.to_string()]);
        }
        command.args(["--share".to_owned(), share.to_string(), args.jobs.to_string()]);
        if let Some(only) = args.only {
            command.args(["--only".to_owned(), only.to_string()]);
        }
        if let Some(folder) = &args.record {
            command.arg("--record").arg(folder);
        }
        let flags = [("--no-shrink", !args.shrink), ("--dry", args.dry), ("--brief", args.is_brief)];
        command.args(flags.iter().filter(|(_, is_given)| *is_given).map(|(flag, _)| flag));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let lines = BufReader::new(child.stdout.take().expect("it was piped")).lines();
        let teller = teller.clone();
        std::thread::spawn(move || {
            for played in lines.map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok()) {
                if teller.send(played).is_err() {
                    return;
                }
            }
        });
        crew.push(child);
    }
    Ok((crew, told))
}

/// Adds up what is told until all is played, it is interrupted, or too much went wrong. Beside it, how the players ended.
fn follow(args: &Args, mut crew: Vec<Child>, told: &Receiver<Played>, interrupted: &AtomicBool) -> (Tally, Vec<i32>) {
    let mut tally = Tally::default();
    let progress = Progress::new(args.programs.unwrap_or(0));
    let mut given_up = false;
    while !given_up {
        match told.recv_timeout(Duration::from_millis(100)) {
            Ok(played) => tally.add(played),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        progress.show(&tally);
        given_up = interrupted.load(Relaxed) || tally.failures.len() as u64 >= args.max_fail;
    }
    progress.end();
    let mut ends = Vec::new();
    for player in &mut crew {
        if given_up {
            // Its init dies with it, and everybody in the namespace with that. It may have ended by itself.
            let _ended = player.kill();
        }
        let code = player.wait().ok().and_then(|status| status.code());
        ends.push(if given_up { 0 } else { code.unwrap_or(i32::from(Exit::Broken.code())) });
    }
    (tally, ends)
}

impl Tally {
    fn add(&mut self, played: Played) {
        self.coverage.add(played.exercised);
        self.outcomes += played.distinct;
        self.outcomes_max = self.outcomes_max.max(played.distinct);
        self.slowest_ms = self.slowest_ms.max(played.took_ms);
        if played.undecided {
            self.undecided.push(played.number);
        }
        if let Some(failure) = played.failure {
            self.failures.push((played.number, failure));
        }
    }
}

fn tell(args: &Args, tally: &Tally, ends: &[i32], interrupted: bool, took: Duration) -> Exit {
    for (number, failure) in &tally.failures {
        println!("\nDISAGREEMENT program {number} of seed {}\n{}\n{}", args.seed, failure.file, failure.explained);
        match keep(args, *number, &failure.file) {
            Ok(Some(path)) => println!("  written to {}", path.display()),
            Ok(None) => {}
            Err(error) => println!("  cannot be written down: {error}"),
        }
    }
    let programs = tally.coverage.programs;
    if !args.is_brief {
        print!("\n{}", tally.coverage);
        println!("\n{NOT_ON_THIS_MACHINE}");
    }
    let mut missed = tally.coverage.missed();
    let undecided = tally.undecided.len() as u64;
    if programs >= HELD_FROM && undecided > programs.div_ceil(UNDECIDED_ONE_IN) {
        missed.push(format!("undecided: {undecided} of {programs} programs, more than one in {UNDECIDED_ONE_IN}"));
    }
    missed.iter().for_each(|missed| println!("missed: {missed}"));
    if !tally.undecided.is_empty() {
        println!("undecided: {:?}", tally.undecided);
    }
    println!(
        "conform: {programs} programs ({} calm) of seed {}, each played {} times{}; real outcomes {:.2} each, at most {}; \
         {} undecided; {} disagreements; {:.1} s (slowest {:.1} s)",
        tally.coverage.calm,
        args.seed,
        args.runs,
        if args.dry { " in the simulator alone" } else { "" },
        tally.outcomes as f64 / programs.max(1) as f64,
        tally.outcomes_max,
        tally.undecided.len(),
        tally.failures.len(),
        took.as_secs_f64(),
        tally.slowest_ms as f64 / 1000.0,
    );
    if ends.contains(&i32::from(LACKING)) {
        println!("skipped: this machine refuses a private pid namespace, or lacks what the real backend needs");
        return Exit::Lacking;
    }
    let broken = ends.iter().any(|code| *code != 0);
    if broken {
        println!("a player broke: exit codes {ends:?}");
    }
    match (interrupted, broken, tally.failures.is_empty() && missed.is_empty()) {
        (_, true, _) => Exit::Broken,
        (true, false, _) => Exit::Interrupted,
        (false, false, true) => Exit::Held,
        (false, false, false) => Exit::Failed,
    }
}

/// Writes a program that fails where the corpus keeps such; nothing is written into the source tree where `CI` is set.
fn keep(args: &Args, number: u64, file: &str) -> std::io::Result<Option<PathBuf>> {
    if std::env::var_os("CI").is_some_and(|ci| !ci.is_empty()) {
        return Ok(None);
    }
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let path = folder.join(format!("seed-{}-program-{number}.toml", args.seed));
    std::fs::create_dir_all(&folder)?;
    std::fs::write(&path, file)?;
    Ok(Some(path))
}

/// At most one program in so many may stay undecided, where there are so many.
const UNDECIDED_ONE_IN: u64 = 1000;

const NOT_ON_THIS_MACHINE: &str = "\
cannot be decided on this machine
  C29  the pids and memory controllers are missing from its cgroup v2: fork's EAGAIN by pids.max, and OOM, are the model's word alone
  C34  a suspend and a jump of the clock would be the whole machine's";

/// A bar on a terminal, a line every ten seconds elsewhere, as the command does it.
struct Progress {
    total: u64,
    bar: Option<ProgressBar>,
    began: Instant,
    told: std::cell::Cell<u64>,
}

impl Progress {
    fn new(total: u64) -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{bar:30} {human_pos} of {human_len} programs, {msg}, {eta} left");
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Progress { total, bar, began: Instant::now(), told: std::cell::Cell::new(0) }
    }

    fn show(&self, tally: &Tally) {
        let (programs, failed) = (tally.coverage.programs, tally.failures.len());
        let tens = self.began.elapsed().as_secs() / 10;
        match &self.bar {
            Some(bar) => {
                bar.set_position(programs);
                bar.set_message(format!("{failed} disagree"));
            }
            None if tens > self.told.get() => {
                self.told.set(tens);
                eprintln!("{programs} of {} programs, {failed} disagree, {} s", self.total, tens * 10);
            }
            None => {}
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
