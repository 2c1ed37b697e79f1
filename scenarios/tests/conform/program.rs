//! A generated program: a puppet script, a stop policy and stimuli. It is played from the text of its own scenario file, so that
//! what is written down when it fails is what was played.

use shakedown::core::puppet::{Script, Verb, Written};
use shakedown::core::signal::Signal;
use shakedown::core::time::{Duration, DurationRange};
use shakedown::core::vocab::Scope;
use shakedown::format::{self, Case};
use std::fmt::{self, Write as _};

/// What is promised of a program by the way it was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// Anything.
    Racy,
    /// Free of races: exactly one outcome is possible.
    Calm,
}

/// A program.
#[derive(Clone, PartialEq, Debug)]
pub struct Program {
    /// How it was made.
    pub family: Family,
    /// What the worker `w` plays.
    pub script: Vec<Verb>,
    /// How it is stopped.
    pub stop: Stop,
    /// What the outside does.
    pub stimuli: Vec<Stimulus>,
}

/// A stop policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stop {
    /// How far it reaches.
    pub scope: Scope,
    /// The gentle signal.
    pub signal: Signal,
    /// Whether the leader alone gets it.
    pub to_leader: bool,
    /// Microseconds from the signal to KILL.
    pub grace_us: u64,
    /// Microseconds for the rest of the output.
    pub drain_us: u64,
}

/// Something that the outside does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stimulus {
    /// Microseconds after the start, or after `when`.
    pub at_us: u64,
    /// `w/a started`.
    pub when: Option<String>,
    /// What.
    pub act: Act,
}

/// What it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// Stops the session, or the worker alone.
    Stop {
        /// The worker alone.
        worker: bool,
    },
    /// Kills the session.
    Kill,
    /// Sends the worker a signal.
    Signal(Signal),
    /// Writes so many lines to its stdin.
    Lines(usize),
    /// Closes its stdin.
    CloseStdin,
}

impl Program {
    /// The one case of its scenario.
    ///
    /// # Panics
    /// Where the text is no valid scenario, which is a mistake of the generator.
    pub fn case(&self) -> Case {
        let text = self.to_string();
        match format::read("program.toml", &text) {
            Ok(scenario) => scenario.cases().remove(0),
            Err(wrong) => panic!("not a scenario:\n{text}\n{}", format::render_all(&wrong, false)),
        }
    }

    /// The scenario file, with what it is about and where it comes from.
    pub fn file(&self, about: &str) -> String {
        self.to_string().replacen("schema = 1\n", &format!("schema = 1\nabout = {about:?}\n"), 1)
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stop = &self.stop;
        writeln!(f, "schema = 1\n\n[workers.w]\npuppet = \"\"\"\n{}\"\"\"", Script(&self.script))?;
        let (to, grace, drain) =
            (if stop.to_leader { "leader" } else { "scope" }, us(stop.grace_us), us(stop.drain_us));
        let scope = match stop.scope {
            Scope::Process => "process",
            Scope::Group => "group",
            Scope::PosixSession => "posix-session",
            Scope::Tree => "tree",
            Scope::Cgroup => "cgroup",
            Scope::Job => "job",
        };
        writeln!(
            f,
            "stop = {{ signal = \"{}\", signal-to = \"{to}\", grace = \"{grace}\", scope = \"{scope}\", drain = \"{drain}\" }}",
            stop.signal
        )?;
        for stimulus in &self.stimuli {
            f.write_str("\n[[stimuli]]\n")?;
            write!(f, "{stimulus}")?;
        }
        f.write_str("\n[limits]\ntime = \"10s\"\n")
    }
}

impl fmt::Display for Stimulus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "at = \"{}\"", us(self.at_us))?;
        if let Some(when) = &self.when {
            writeln!(f, "when = \"{when}\"")?;
        }
        match self.act {
            Act::Stop { worker: false } => f.write_str("do = \"stop\"\n"),
            Act::Stop { worker: true } => f.write_str("do = \"stop\"\non = \"w\"\n"),
            Act::Kill => f.write_str("do = \"kill\"\n"),
            Act::Signal(signal) => write!(f, "do = \"signal\"\non = \"w\"\nsignal = \"{signal}\"\n"),
            Act::Lines(n) => writeln!(f, "do = \"stdin\"\non = \"w\"\ntext = \"{}\"", "line\\n".repeat(n)),
            Act::CloseStdin => f.write_str("do = \"close-stdin\"\non = \"w\"\n"),
        }
    }
}

/// A duration as scenario files write it.
fn us(us: u64) -> String {
    let mut text = String::new();
    let _ = write!(text, "{}", Written(DurationRange::fixed(Duration::from_micros(us))));
    text
}
