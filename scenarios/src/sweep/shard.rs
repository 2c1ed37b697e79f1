//! One machine's share of a sweep: which seeds of each case are its own. The shards of a sweep together play every seed once, whoever
//! plays them and in whatever order; that is all a job engine has to know.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// Share `index` of `of`, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shard {
    index: u64,
    of: u64,
}

/// A share that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShardError(String);

impl fmt::Display for ShardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ShardError {}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    /// `2/8`; `auto` asks the environment of the job, and `auto/8` where that one knows its own number only.
    fn from_str(text: &str) -> Result<Shard, ShardError> {
        Shard::read(text, |name| std::env::var(name).ok())
    }
}

/// A job engine: where it says which of its jobs this is, from which number it counts, and where it says how many there are.
struct Engine {
    index: &'static str,
    first: First,
    of: Option<&'static str>,
}

/// From which number an engine counts its jobs.
enum First {
    Number(u64),
    /// Another variable has it.
    Named(&'static str),
}

/// GitHub has none: there a matrix hands `SHAKEDOWN_SHARD` over.
const ENGINES: &[Engine] = &[
    // https://docs.gitlab.com/ci/variables/predefined_variables/
    Engine { index: "CI_NODE_INDEX", first: First::Number(1), of: Some("CI_NODE_TOTAL") },
    // https://circleci.com/docs/parallelism-faster-jobs/
    Engine { index: "CIRCLE_NODE_INDEX", first: First::Number(0), of: Some("CIRCLE_NODE_TOTAL") },
    // https://buildkite.com/docs/pipelines/configure/environment-variables
    Engine { index: "BUILDKITE_PARALLEL_JOB", first: First::Number(0), of: Some("BUILDKITE_PARALLEL_JOB_COUNT") },
    // https://kubernetes.io/docs/tasks/job/indexed-parallel-processing-static/: the number of completions is not handed over.
    Engine { index: "JOB_COMPLETION_INDEX", first: First::Number(0), of: None },
    // https://slurm.schedmd.com/job_array.html: an array begins where its author says.
    Engine {
        index: "SLURM_ARRAY_TASK_ID",
        first: First::Named("SLURM_ARRAY_TASK_MIN"),
        of: Some("SLURM_ARRAY_TASK_COUNT"),
    },
];

impl Shard {
    /// Share `index` of `of`, counted from 1; `None` where there is no such share.
    pub fn new(index: u64, of: u64) -> Option<Shard> {
        (1..=of).contains(&index).then_some(Shard { index, of })
    }

    /// Whether it is the first: what is played once for all shards is played by this one.
    pub fn is_first(self) -> bool {
        self.index == 1
    }

    /// Its own of these seeds: neighbours, as many as the other shards have, give or take one.
    #[must_use]
    pub fn part(self, seeds: &Range<u64>) -> Range<u64> {
        let length = u128::from(seeds.end.saturating_sub(seeds.start));
        let cut = |n: u64| seeds.start + (length * u128::from(n) / u128::from(self.of)) as u64;
        cut(self.index - 1)..cut(self.index)
    }

    /// Reads a share; `auto` looks it up.
    ///
    /// # Errors
    /// Where it is none, or where the environment says nothing.
    pub fn read(text: &str, lookup: impl Fn(&str) -> Option<String>) -> Result<Shard, ShardError> {
        let wrong = || ShardError(format!("`{text}` is no share: try 2/8, the second of eight, or auto"));
        let number = |part: &str| part.parse::<u64>().map_err(|_| wrong());
        match text.split_once('/') {
            None if text == "auto" => of_engine(None, lookup),
            Some(("auto", of)) => of_engine(Some(number(of)?), lookup),
            Some((index, of)) => Shard::new(number(index)?, number(of)?).ok_or_else(wrong),
            None => Err(wrong()),
        }
    }
}

fn of_engine(of: Option<u64>, lookup: impl Fn(&str) -> Option<String>) -> Result<Shard, ShardError> {
    let number = |name: &str| lookup(name)?.trim().parse::<u64>().ok();
    let Some(engine) = ENGINES.iter().find(|engine| lookup(engine.index).is_some()) else {
        let names: Vec<&str> = ENGINES.iter().map(|engine| engine.index).collect();
        return Err(ShardError(format!("`auto` finds no share: none of {} is set", names.join(", "))));
    };
    let first = match engine.first {
        First::Number(first) => Some(first),
        First::Named(name) => number(name).or(Some(0)),
    };
    let Some(of) = of.or_else(|| number(engine.of?)) else {
        return Err(ShardError(format!("{} says which share this is, but not of how many: try auto/8", engine.index)));
    };
    let index = number(engine.index).zip(first).and_then(|(index, first)| index.checked_sub(first));
    let shard = index.and_then(|index| Shard::new(index.saturating_add(1), of));
    shard.ok_or_else(|| {
        let value = lookup(engine.index).unwrap_or_default();
        ShardError(format!("{} = `{value}` is no share of {of}", engine.index))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_shards_together_are_the_whole_and_none_has_much_more(start: u32, length in 0u64..100_000, of in 1u64..300) {
            let whole = u64::from(start)..u64::from(start) + length;
            let parts: Vec<Range<u64>> = (1..=of).map(|n| Shard { index: n, of }.part(&whole)).collect();
            prop_assert_eq!(parts[0].start, whole.start);
            prop_assert_eq!(parts[parts.len() - 1].end, whole.end);
            prop_assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start));
            let sizes = || parts.iter().map(|part| part.end - part.start);
            prop_assert!(sizes().max() <= sizes().min().map(|least| least + 1));
        }
    }

    #[test]
    fn a_share_is_named_or_taken_from_the_job_engine() {
        let check = |text: &str, set: &[(&str, &str)], expected: Result<&str, &str>| {
            let lookup = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
            match (Shard::read(text, lookup), expected) {
                (Ok(shard), Ok(expected)) => assert_eq!(shard.to_string(), expected, "{text}"),
                (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{text}: {error}"),
                (other, _) => panic!("{text} {set:?}: {other:?}, expected {expected:?}"),
            }
        };
        check("2/8", &[], Ok("2/8"));
        for bad in ["", "2", "0/8", "9/8", "2/0", "a/b", "-1/2", "2/8/9"] {
            check(bad, &[], Err("is no share"));
        }
        check("auto", &[], Err("none of CI_NODE_INDEX"));
        check("auto", &[("CI_NODE_INDEX", "3"), ("CI_NODE_TOTAL", "4")], Ok("3/4"));
        check("auto", &[("CIRCLE_NODE_INDEX", "0"), ("CIRCLE_NODE_TOTAL", "4")], Ok("1/4"));
        check("auto", &[("JOB_COMPLETION_INDEX", "7")], Err("but not of how many"));
        check("auto/8", &[("JOB_COMPLETION_INDEX", "7")], Ok("8/8"));
        check("auto/8", &[("JOB_COMPLETION_INDEX", "8")], Err("is no share of 8"));
        let slurm = [("SLURM_ARRAY_TASK_ID", "10"), ("SLURM_ARRAY_TASK_MIN", "10"), ("SLURM_ARRAY_TASK_COUNT", "3")];
        check("auto", &slurm, Ok("1/3"));
    }
}
