//! What the programs take that users run: a sweep on two cores beside two sweeps of half the seeds on one core each, and the shrinking
//! of the zoo's failures.
use crate::kernel::word;
use crate::measure::{self, Pin};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What was measured in all rounds.
pub struct Programs {
    shakedown: PathBuf,
    zoo: PathBuf,
    seeds: u64,
    /// Seconds of the two halves side by side, and of the sweep of the whole.
    sweeps: Vec<(f64, f64)>,
    is_same: bool,
    shrunk: Vec<String>,
    trouble: Option<String>,
}

impl Programs {
    /// Nothing measured yet; `None` where the programs are not built.
    pub fn new(quick: bool) -> Option<Programs> {
        let here = std::env::current_exe().ok()?;
        let target = here.ancestors().nth(3)?.join("release");
        let [shakedown, zoo] = ["shakedown", "shakedown-zoo"].map(|name| target.join(name));
        let seeds = if quick { 3_000 } else { 20_000 };
        let is_built = shakedown.is_file() && zoo.is_file();
        let (sweeps, shrunk) = (Vec::new(), Vec::new());
        is_built.then_some(Programs { shakedown, zoo, seeds, sweeps, is_same: false, shrunk, trouble: None })
    }

    /// Measures the sweeps once; what fails is told in the end and not asked again.
    pub fn round(&mut self) {
        if self.trouble.is_none()
            && let Err(trouble) = self.try_round()
        {
            self.trouble = Some(trouble);
        }
    }

    fn try_round(&mut self) -> Result<(), String> {
        if cores() < 2 {
            return Ok(());
        }
        let start = Instant::now();
        let halves = [(0, "1/2"), (1, "2/2")].map(|(core, share)| {
            let mut pinned = Command::new("taskset");
            pinned.args(["-c", &core.to_string()]).arg(&self.shakedown);
            start_of(sweep(&mut pinned, self.seeds, 1).args(["--shard", share]))
        });
        for half in halves {
            told(half?)?;
        }
        let halves_s = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let two = told(start_of(sweep(&mut Command::new(&self.shakedown), self.seeds, 2))?)?;
        self.sweeps.push((halves_s, start.elapsed().as_secs_f64()));
        if self.sweeps.len() == 1 {
            let one = told(start_of(sweep(&mut Command::new(&self.shakedown), self.seeds, 1))?)?;
            self.is_same = one == two;
        }
        Ok(())
    }

    /// Hunts the planted bugs and shrinks what was found, once: that takes no part of a second in which others are measured.
    pub fn shrink(&mut self, pin: &Pin) {
        let args = ["--strategy", "random", "--bases", "3", "--jobs", "1"];
        match measure::run(&self.zoo, pin, &args, &[], Duration::from_secs(120)) {
            Ok(text) => {
                let is_of_shrinking =
                    |line: &&str| line.starts_with("shrunk to ") || line.starts_with("a shrink took ");
                self.shrunk = text.lines().filter(is_of_shrinking).map(str::to_owned).collect();
            }
            Err(trouble) => self.trouble = Some(trouble),
        }
    }

    /// Prints what was found; answers whether all went well.
    pub fn print(&self) -> bool {
        if let Some(trouble) = &self.trouble {
            println!("TROUBLE shakedown's programs: {trouble}");
            return false;
        }
        self.print_scaling();
        match self.shrinking() {
            Some((times, longest)) => {
                let met = word(times <= LEAST_GOAL && longest <= SHRINK_MS_GOAL);
                println!(
                    "shrink   to {times:.2} × the least surprises of the zoo, in {longest:.1} ms at most \
                     (goal {LEAST_GOAL} ×, {SHRINK_MS_GOAL} ms: {met})"
                );
                true
            }
            None => {
                println!("TROUBLE shakedown-zoo: it says nothing of shrinking: {:?}", self.shrunk);
                false
            }
        }
    }

    fn print_scaling(&self) {
        let mut ratios: Vec<f64> = self.sweeps.iter().map(|(halves, whole)| halves / whole).collect();
        ratios.sort_by(f64::total_cmp);
        let Some(ratio) = ratios.get(ratios.len() / 2) else {
            println!("scaling  not measured: it takes two cores");
            return;
        };
        let same = if self.is_same { "the same output as on one" } else { "OTHER OUTPUT than on one" };
        let met = word(*ratio >= SCALING_GOAL && self.is_same);
        println!(
            "scaling  a sweep on two cores at {ratio:.2} of two sweeps on one core each, {same} (goal {SCALING_GOAL}: {met})"
        );
    }

    /// How many times the least number of surprises, and the milliseconds of the longest shrink.
    fn shrinking(&self) -> Option<(f64, f64)> {
        let [times, took] = self.shrunk.as_slice() else { return None };
        let times = times.strip_prefix("shrunk to ")?.split(' ').next()?.parse().ok()?;
        let longest = took.strip_suffix(" at most")?.rsplit(' ').next()?;
        Some((times, milliseconds(longest)?))
    }
}

/// As `{:?}` writes a duration.
fn milliseconds(text: &str) -> Option<f64> {
    let units = [("ns", 1e-6), ("µs", 1e-3), ("ms", 1.0), ("s", 1e3)];
    let (number, times) = units.iter().find_map(|(unit, times)| Some((text.strip_suffix(unit)?, times)))?;
    number.parse().ok().map(|number: f64| number * times)
}

fn sweep(command: &mut Command, seeds: u64, jobs: u32) -> &mut Command {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../stop");
    let numbers = ["--seeds", &seeds.to_string(), "--jobs", &jobs.to_string()];
    command.args(["sim", "--progress", "none"]).args(numbers).arg(scenarios)
}

fn start_of(command: &mut Command) -> Result<Child, String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|error| format!("{command:?}: {error}"))
}

/// What it says, but for how long it has taken.
fn told(child: Child) -> Result<String, String> {
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("a sweep of scenarios/stop: {}", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().filter(|line| !line.ends_with(" runs a second")).collect::<Vec<_>>().join("\n"))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Of what two processes on a core each get done.
const SCALING_GOAL: f64 = 0.95;
/// What shrinking may leave, beside the known least, and may take.
const LEAST_GOAL: f64 = 1.5;
const SHRINK_MS_GOAL: f64 = 50.0;
