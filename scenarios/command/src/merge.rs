//! `shakedown merge`: the reports of several shards as one, with the exit code that one machine would have had.

use crate::exit::Exit;
use crate::output::{self, Output};
use crate::sim::lacks_a_sometimes;
use clap::Args;
use shakedown::report::SweepReport;
use std::path::{Path, PathBuf};

/// The arguments of `merge`.
#[derive(Args, Debug)]
pub(crate) struct MergeArgs {
    /// What each shard has written with `--report json=FILE`
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    output: Output,
}

pub(crate) fn run(args: &MergeArgs) -> Exit {
    let mut shards = Vec::new();
    for file in &args.files {
        match read(file) {
            Ok(report) => shards.push(report),
            Err(wrong) => {
                eprintln!("error: {}: {wrong}", file.display());
                return Exit::BadFile;
            }
        }
    }
    let missing = missing(&shards);
    let mut shards = shards.into_iter();
    let Some(mut all) = shards.next() else { return Exit::NothingRan };
    shards.for_each(|shard| all.add(shard));
    all.settle();
    let mut exit = Exit::Held;
    for (applies, code) in [
        (!all.failures.is_empty(), Exit::Failed),
        (!all.unsteady.is_empty(), Exit::NotDeterministic),
        (all.cut_short || lacks_a_sometimes(&all) || missing.is_some(), Exit::Inconclusive),
        (all.summary.runs == 0, Exit::NothingRan),
    ] {
        exit = if applies { exit.worst(code) } else { exit };
    }
    let exit = output::tell(&args.output, &all, exit);
    if let Some(missing) = missing {
        eprintln!("error: {missing}");
    }
    exit
}

fn read(file: &Path) -> Result<SweepReport, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("cannot be read: {error}"))?;
    SweepReport::parse(&text)
}

/// What is wrong with the set of shards: a job that died must not pass for one that found nothing.
fn missing(shards: &[SweepReport]) -> Option<String> {
    let named: Vec<(u64, u64)> = shards
        .iter()
        .filter_map(|report| report.shard.as_deref()?.split_once('/'))
        .filter_map(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)))
        .collect();
    let of = named.first()?.1;
    if named.iter().any(|(_, other)| *other != of) {
        return Some("these are shards of different sweeps".into());
    }
    let absent: Vec<String> =
        (1..=of).filter(|n| !named.iter().any(|(index, _)| index == n)).map(|n| format!("{n}/{of}")).collect();
    let twice = (1..=of).find(|n| named.iter().filter(|(index, _)| index == n).count() > 1);
    match (absent.is_empty(), twice) {
        (false, _) => Some(format!("shard {} is missing", absent.join(", "))),
        (true, Some(n)) => Some(format!("shard {n}/{of} is there twice")),
        (true, None) => None,
    }
}
