//! The arguments: `conform N --seed 7`. What libtest would understand is passed over, because `cargo test` hands it to everybody.

use std::path::PathBuf;

/// What is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Args {
    /// How many programs; `None` is an ordinary `cargo test`.
    pub programs: Option<u64>,
    pub seed: u64,
    /// How often each is played for real.
    pub runs: u64,
    /// After so many disagreements the run is given up.
    pub max_fail: u64,
    pub shrink: bool,
    /// Only this program.
    pub only: Option<u64>,
    /// Print programs instead of playing them.
    pub show: bool,
    /// Count what programs exercise in the simulator, and play none for real.
    pub dry: bool,
    /// This process plays the share `i` of `n`.
    pub share: Option<(u64, u64)>,
    /// How many processes play.
    pub jobs: u64,
    /// Only checks of the generator whose name contains this.
    pub filter: Option<String>,
    pub list: bool,
    /// Leave out the coverage, which a few dozen programs say nothing about, and search little: what is not found soon is undecided.
    pub is_brief: bool,
    /// Where to write down the real runs whose search was long.
    pub record: Option<PathBuf>,
    /// Decide what was written down, and play nothing.
    pub decide: Option<PathBuf>,
}

impl Default for Args {
    fn default() -> Args {
        Args {
            programs: None,
            seed: 0,
            runs: 3,
            max_fail: 3,
            shrink: true,
            only: None,
            show: false,
            dry: false,
            share: None,
            jobs: 2,
            filter: None,
            list: false,
            is_brief: false,
            record: None,
            decide: None,
        }
    }
}

pub const USAGE: &str = "\
conform [N] [--seed S] [--runs R] [--jobs J] [--max-fail F] [--no-shrink] [--only K] [--show] [--dry] [--brief]
  N             how many programs; without it the generator is tested and a few dozen are played
  --seed S      which programs, also as seed=S (default 0)
  --runs R      how often each is played for real (default 3)
  --jobs J      how many processes play (default 2)
  --max-fail F  give up after so many disagreements (default 3)
  --no-shrink   tell them as they were found
  --only K      the program of this number alone
  --show        print programs and do not play them
  --dry         count what they exercise in the simulator and play none for real
  --record DIR  write down there the real runs whose search took long
  --decide FILE search again for one that was written down; nothing is played
  --brief       play those without a race alone, search little, and leave out the coverage";

/// Reads the arguments.
///
/// # Errors
/// What cannot be understood.
pub fn parse(words: impl Iterator<Item = String>) -> Result<Args, String> {
    let mut args = Args::default();
    let mut words = words.flat_map(|word| match word.split_once('=') {
        Some((key, value)) => vec![key.to_owned(), value.to_owned()],
        None => vec![word],
    });
    while let Some(word) = words.next() {
        if let "--record" | "record" | "--decide" | "decide" = word.as_str() {
            let path = words.next().ok_or_else(|| format!("{word} needs a path"))?;
            let which = if word.ends_with("record") { &mut args.record } else { &mut args.decide };
            *which = Some(path.into());
            continue;
        }
        let mut number = |of: &str| {
            let value = words.next().ok_or_else(|| format!("{of} needs a number"))?;
            value.parse::<u64>().map_err(|_| format!("{of} needs a number, not `{value}`"))
        };
        match word.as_str() {
            "--seed" | "seed" => args.seed = number(&word)?,
            "--runs" | "runs" => args.runs = number(&word)?.max(1),
            "--jobs" | "jobs" => args.jobs = number(&word)?.max(1),
            "--max-fail" | "max-fail" => args.max_fail = number(&word)?.max(1),
            "--only" | "only" => args.only = Some(number(&word)?),
            "--share" => args.share = Some((number(&word)?, number(&word)?)),
            "--no-shrink" => args.shrink = false,
            "--show" => args.show = true,
            "--dry" => args.dry = true,
            "--brief" => args.is_brief = true,
            "--list" => args.list = true,
            "--nocapture" | "--show-output" | "--quiet" | "-q" | "--include-ignored" | "--exact" => {}
            "--test-threads" | "--format" | "--color" => drop(words.next()),
            flag if flag.starts_with('-') => return Err(format!("unknown flag `{flag}`")),
            other => match other.replace('_', "").parse() {
                Ok(programs) => args.programs = Some(programs),
                Err(_) => args.filter = Some(other.to_owned()),
            },
        }
    }
    Ok(args)
}
