//! Runs one peer once and reads its answer.
//! Every measurement is a process of its own, on one core where `taskset` can pin it.
use crate::peers::{Peer, Workload};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a peer printed for one workload.
#[derive(Clone)]
pub struct Answer {
    pub units: f64,
    pub unit_ns: f64,
    pub parked_bytes_a_unit: f64,
    /// The sums that must agree between peers, by name.
    pub sums: BTreeMap<String, u64>,
}

/// Runs `workload` with `n`.
pub fn workload(peer: &Peer, path: &Path, pin: &Pin, workload: Workload, n: u64) -> Result<Answer, String> {
    ask(path, pin, &[workload.word(), &n.to_string()], &peer.env(workload))
}

/// Runs a program and reads the line that it answers.
pub fn ask(path: &Path, pin: &Pin, args: &[&str], env: &[(&str, &str)]) -> Result<Answer, String> {
    let text = run(path, pin, args, env, LIMIT)?;
    let mut sums = BTreeMap::new();
    for word in text.split_whitespace() {
        if let Some((key, value)) = word.split_once('=')
            && let Ok(value) = value.parse()
        {
            sums.insert(key.to_string(), value);
        }
    }
    let mut take = |key: &str| sums.remove(key).ok_or_else(|| format!("no `{key}` in its answer: {text}"));
    let (units, wall_ns, bytes) = (take("units")? as f64, take("wall_ns")? as f64, take("parked_bytes")? as f64);
    sums.remove("n");
    Ok(Answer { units, unit_ns: wall_ns / units, parked_bytes_a_unit: bytes / units, sums })
}

/// How many of `SEEDS` give the same order of events twice.
pub struct Sameness {
    /// In a second process that does the very same.
    pub again: usize,
    /// In a process that ran other seeds before.
    pub after_others: usize,
}

/// Seeds compared.
pub const SEEDS: usize = 20;

/// Runs the seeds in three processes, the third time backwards.
pub fn sameness(peer: &Peer, path: &Path, pin: &Pin) -> Result<Sameness, String> {
    let count = SEEDS.to_string();
    let digests = |order: &str| -> Result<Vec<String>, String> {
        let text = run(path, pin, &["traces", "101", &count, order], &peer.env(Workload::W1), LIMIT)?;
        let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
        lines.sort();
        match lines.len() {
            SEEDS => Ok(lines),
            other => Err(format!("{other} traces for {SEEDS} seeds")),
        }
    };
    let (one, two, backwards) = (digests("forwards")?, digests("forwards")?, digests("reversed")?);
    let equal = |other: &[String]| one.iter().zip(other).filter(|(a, b)| a == b).count();
    Ok(Sameness { again: equal(&two), after_others: equal(&backwards) })
}

/// The core all measurements share.
pub struct Pin(Option<String>);

impl Pin {
    /// The last core, where there are two and `taskset` works.
    pub fn find() -> Pin {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let core = (cores - 1).to_string();
        let works = Command::new("taskset").args(["-c", &core, "true"]).stderr(Stdio::null()).status();
        Pin(works.is_ok_and(|status| status.success()).then_some(core))
    }

    pub fn describe(&self) -> String {
        match &self.0 {
            Some(core) => format!("pinned to core {core}"),
            None => "not pinned (no taskset)".to_string(),
        }
    }
}

/// Runs a program to its end, for so long at most, and returns what it printed.
pub fn run(path: &Path, pin: &Pin, args: &[&str], env: &[(&str, &str)], limit: Duration) -> Result<String, String> {
    let mut command = match &pin.0 {
        Some(core) => {
            let mut command = Command::new("taskset");
            command.args(["-c", core]).arg(path);
            command
        }
        None => Command::new(path),
    };
    command.args(args).envs(env.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("{}: {error}", path.display()))?;
    let end = Instant::now() + limit;
    // Answers are far smaller than a pipe, so nothing needs to be read before the end.
    while child.try_wait().map_err(|error| error.to_string())?.is_none() {
        if Instant::now() >= end {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("no answer within {} s", limit.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let last = complaint.lines().last().unwrap_or("").to_string();
        return Err(format!("{}: {last}", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// For one measurement; the longest takes a few seconds.
const LIMIT: Duration = Duration::from_secs(60);
